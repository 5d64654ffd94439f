// SPDX-License-Identifier: GPL-2.0-only
/*
 * A running guest in a file, and back in another process.
 *
 * The file is a header and then parts, each with its kind, a number (which
 * vCPU, which chip, which page) and its size: memory that is not zero, the
 * devices here, and what the hypervisor keeps (../lib/state.c). It is for the
 * program and the hypervisor that wrote it, on this processor: structures are in
 * it as they are in memory. What is read back is checked all the same.
 *
 * Read next: console.c, which says when.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "save.h"

#define MAGIC		"minivmm1"
#define PAGE		4096ULL
#define PART_MAX	(1 << 16)

/* Kinds of our own. */
enum {
	STATE_MEMORY = VMM_STATE_CLIENT,	/* number: the page's */
	STATE_SERIAL,
	STATE_CMOS,
	STATE_POWER,
	STATE_END,
};

struct header {
	char magic[sizeof(MAGIC) - 1];
	__u64 memory;
	__u32 cpus;
	__u32 reserved;
};

struct part {
	__u32 kind;
	__u32 index;
	__u64 size;
};

static int put(void *file, __u32 kind, __u32 index, const void *data,
	       size_t size)
{
	struct part part = { kind, index, size };

	if (fwrite(&part, sizeof(part), 1, file) != 1 ||
	    (size && fwrite(data, size, 1, file) != 1))
		return -EIO;
	return 0;
}

static int put_memory(struct machine *m, FILE *file)
{
	static const char zeros[PAGE];
	const char *page = m->memory;
	__u64 i, pages = m->options->memory / PAGE;
	int err = 0;

	for (i = 0; i < pages && !err; i++, page += PAGE)
		if (memcmp(page, zeros, PAGE))
			err = put(file, STATE_MEMORY, (__u32)i, page, PAGE);
	return err;
}

static int put_devices(struct machine *m, FILE *file)
{
	int err = put(file, STATE_SERIAL, 0, &m->serial, sizeof(m->serial));

	if (!err)
		err = put(file, STATE_CMOS, 0, &m->cmos, sizeof(m->cmos));
	if (!err)
		err = put(file, STATE_POWER, 0, &m->power, sizeof(m->power));
	return err;
}

/* Returns false with the reason in vmm_error(), or in errno and @file. */
static bool put_all(struct machine *m, FILE *file)
{
	struct header header = {
		.memory = m->options->memory,
		.cpus = m->options->cpus,
	};
	unsigned int i;

	memcpy(header.magic, MAGIC, sizeof(header.magic));
	if (fwrite(&header, sizeof(header), 1, file) != 1 ||
	    put_memory(m, file) || put_devices(m, file) ||
	    vmm_vm_save(&m->vm, put, file))
		return false;
	for (i = 0; i < m->options->cpus; i++)
		if (vmm_vcpu_save(&m->cpus[i].vcpu, put, file))
			return false;
	return !put(file, STATE_END, 0, NULL, 0);
}

bool save_machine(struct machine *m)
{
	const char *path = m->options->save;
	FILE *file = fopen(path, "we");
	bool written, good;

	if (!file) {
		print_info("cannot create %s: %s; give --save another path",
			   path, strerror(errno));
		return false;
	}
	written = put_all(m, file);
	good = !ferror(file);
	if (fclose(file) || !good)
		print_info("cannot write %s: %s; free some space", path,
			   strerror(errno));
	else if (!written)
		print_info("%s", vmm_error());
	else
		return true;
	unlink(path);
	return false;
}

static __noreturn void damaged(const struct machine *m)
{
	fatal_err("%s is not a whole saved state; save it anew",
		  m->options->restore);
}

static bool read_whole(int fd, void *to, size_t size)
{
	ssize_t n;

	while (size) {
		n = read(fd, to, size);
		if (n <= 0)
			return false;
		to = (char *)to + n;
		size -= (size_t)n;
	}
	return true;
}

static int open_saved(const char *path, struct header *header)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fatal_err("cannot open saved state %s: %s; check the path",
			  path, strerror(errno));
	if (!read_whole(fd, header, sizeof(*header)) ||
	    memcmp(header->magic, MAGIC, sizeof(header->magic)))
		fatal_err("%s is not what --save writes; check the path",
			  path);
	return fd;
}

void restore_options(struct options *o)
{
	struct header header;

	close(open_saved(o->restore, &header));
	if (!options_fit_kernel(header.memory, header.cpus))
		fatal_err("%s is not a whole saved state; save it anew",
			  o->restore);
	o->memory = header.memory;
	o->cpus = header.cpus;
}

static void restore_memory(struct machine *m, const struct part *part,
			   const void *data)
{
	if (part->size != PAGE || part->index >= m->options->memory / PAGE)
		damaged(m);
	memcpy((char *)m->memory + part->index * PAGE, data, PAGE);
}

static void restore_device(struct machine *m, const struct part *part,
			   const void *data)
{
	if (part->kind == STATE_SERIAL && part->size == sizeof(m->serial))
		serial_restore(&m->serial, data);
	else if (part->kind == STATE_CMOS && part->size == sizeof(m->cmos))
		cmos_restore(&m->cmos, data);
	else if (part->kind == STATE_POWER && part->size == sizeof(m->power))
		power_restore(&m->power, data);
	else
		damaged(m);
}

static void restore_part(struct machine *m, const struct part *part,
			 const void *data)
{
	int err;

	if (part->kind == STATE_MEMORY) {
		restore_memory(m, part, data);
		return;
	}
	if (part->kind >= VMM_STATE_CLIENT) {
		restore_device(m, part, data);
		return;
	}
	if (part->kind < VMM_STATE_SREGS)
		err = vmm_vm_restore(&m->vm, part->kind, data, part->size);
	else if (part->index < m->options->cpus)
		err = vmm_vcpu_restore(&m->cpus[part->index].vcpu, part->kind,
				       data, part->size);
	else
		damaged(m);
	if (err)
		fatal_err("%s", vmm_error());
}

void restore_create(struct machine *m)
{
	machine_add_memory(m);
	if (vmm_vm_create_irqchip(&m->vm))
		fatal_err("%s", vmm_error());
	machine_add_cpus(m);
}

void restore_machine(struct machine *m)
{
	static char data[PART_MAX];
	struct header header;
	struct part part;
	int fd = open_saved(m->options->restore, &header);

	for (;;) {
		if (!read_whole(fd, &part, sizeof(part)) ||
		    part.size > sizeof(data) ||
		    !read_whole(fd, data, part.size))
			damaged(m);
		if (part.kind == STATE_END)
			break;
		restore_part(m, &part, data);
	}
	close(fd);
}
