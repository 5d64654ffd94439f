// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exit in words: any struct minivmm_run, and a buffer of any size, give one
 * line of printable text that ends within the buffer.
 */
#include <libminivmm.h>

#include "fuzz.h"

#define RUN_SIZE	12288	/* as it is mapped: the data of a port access follows */

/*
 * What the hypervisor promises: an MMIO access has 1 to 8 bytes, and the data of
 * a port access is in the mapping.
 */
static void keep_promises(struct minivmm_run *run)
{
	static const u8 sizes[] = { 1, 2, 4, 4 };

	if (run->exit_reason == MINIVMM_EXIT_MMIO)
		run->mmio.len = 1 + run->mmio.len % 8;
	if (run->exit_reason != MINIVMM_EXIT_IO)
		return;
	run->io.size = sizes[run->io.size & 3];
	run->io.count %= 4096 / run->io.size + 1;
	run->io.data_offset = RUN_SIZE - run->io.count * run->io.size;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct minivmm_run *run = calloc(1, RUN_SIZE);
	size_t room, i;
	char *line;

	MUST(run);
	room = 1 + take(&in, 2) % VMM_WORDS_SIZE;
	if (take(&in, 1) & 1)
		room = VMM_WORDS_SIZE;
	take_bytes(&in, (u8 *)run + RUN_SIZE - 16, 16);
	run->exit_reason = take(&in, 1);
	run->if_flag = take(&in, 1);
	take_bytes(&in, &run->hw, sizeof(*run) - offsetof(struct minivmm_run, hw));
	keep_promises(run);

	line = malloc(room);
	MUST(line);
	memset(line, '\n', room);
	vmm_exit_words(run, line, room);
	MUST(memchr(line, '\0', room));
	MUST(room < 2 || *line);
	for (i = 0; line[i]; i++)
		MUST(line[i] >= ' ' && line[i] <= '~');
	/* All of it fits where there is as much room as the library asks for. */
	MUST(room < VMM_WORDS_SIZE || i < VMM_WORDS_SIZE - 1);
	free(line);
	free(run);
	return 0;
}
