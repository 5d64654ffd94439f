// SPDX-License-Identifier: GPL-2.0-only
/*
 * The launcher's start: any command line and any guest file. Either it is
 * refused with a line, or the machine is as the command line says: the file is
 * at its address and nowhere else, every vCPU starts at the entry with a stack
 * that is its own, and the page tables map each address to itself. (What a
 * kernel's file may hold is boot.c's.)
 */
#include <fcntl.h>
#include <getopt.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "launch_host.h"
#include "run/machine.h"
#include "walk.h"

#define MAX_WORDS	12
#define WORD_SIZE	28

/* No state is saved or restored here. */
int vmm_vm_save(struct vmm_vm *vm, vmm_put_state put, void *context)
{
	(void)vm;
	(void)put;
	(void)context;
	abort();
}

int vmm_vcpu_save(struct vmm_vcpu *vcpu, vmm_put_state put, void *context)
{
	(void)vcpu;
	(void)put;
	(void)context;
	abort();
}

int vmm_vm_restore(struct vmm_vm *vm, __u32 kind, const void *data,
		   size_t size)
{
	(void)vm;
	(void)kind;
	(void)data;
	(void)size;
	abort();
}

int vmm_vcpu_restore(struct vmm_vcpu *vcpu, __u32 kind, const void *data,
		     size_t size)
{
	(void)vcpu;
	(void)kind;
	(void)data;
	(void)size;
	abort();
}

static struct options options;
static struct machine machine;
static u8 guest[64];
static unsigned int guest_size;

/* Words of the command line, from those that mean something, or any. */
static void take_word(struct input *in, char *word)
{
	static const char * const known[] = {
		"-M", "16", "32", "64", "-l", "-e", "-m", "-c", "-d", "-t", "-s",
		"--load", "--entry=0x8000", "--memory", "64K", "0x7c00", "3G",
		"0x10000", "0xffff0", "8192", "-c2", "guest", "-M16", "-M32",
		"-m64K", "-l0xfff0", "-l0x9000", "-l0x2400", "-c4",
	};
	static const char * const kernel[] = {
		"-K", "--kernel", "-i", "-a", "-n", "--append=x",
	};
	unsigned int i, which = take(in, 1);

	memset(word, 0, WORD_SIZE);
	if (which < 200) {
		snprintf(word, WORD_SIZE, "%s", known[which % ARRAY_SIZE(known)]);
		return;
	}
	if (which < 212) {
		snprintf(word, WORD_SIZE, "%s", kernel[which % ARRAY_SIZE(kernel)]);
		return;
	}
	take_bytes(in, word, which % (WORD_SIZE - 1));
	/* --help and --version print, and there is nothing to see. */
	for (i = 0; word[0] == '-' && word[i] && word[i] != '='; i++)
		if (strchr("hvV", word[i]))
			word[i] = 'x';
}

static int open_guest(struct input *in, char *path)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	MUST(fd >= 0);
	guest_size = take(in, 1) % (sizeof(guest) + 1);
	take_bytes(in, guest, guest_size);
	MUST(write(fd, guest, guest_size) == (ssize_t)guest_size);
	snprintf(path, WORD_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}

static u64 tables_end(void)
{
	return options.mode == VMM_MODE_64 ? VMM_TABLES_END_64 :
	       options.mode == VMM_MODE_32 ? VMM_TABLES_END_32 : 0;
}

static void check_memory(void)
{
	const u8 *memory = machine.memory;
	u64 i, end = options.load + guest_size;

	MUST(guest_size && end <= options.memory && options.load >= tables_end());
	MUST(!memcmp(memory + options.load, guest, guest_size));
	for (i = end; i < end + 64 && i < options.memory; i++)
		MUST(!memory[i]);
	for (i = options.load; i > tables_end() && i > options.load - 64; i--)
		MUST(!memory[i - 1]);
}

/* The stacks lie below the guest and above the tables, or are left to it. */
static void check_registers(void)
{
	u64 size = options.mode == VMM_MODE_16 ? 0x400 : 0x1000;
	u64 stack = launch_regs.rsp, entry = launch_regs.rip;
	u64 floor = options.mode == VMM_MODE_16 ? 0x500 : tables_end();

	MUST(entry + launch_sregs.cs.base == options.entry);
	MUST(options.entry < options.memory);
	MUST(options.mode != VMM_MODE_16 || entry < 0x10000);
	MUST(launch_regs.rdi == options.cpus - 1 &&
	     launch_regs.rsi == options.cpus && launch_regs.rdx == options.memory);
	MUST(launch_sregs.cs.l == (options.mode == VMM_MODE_64));
	if (!stack)
		return;
	MUST(!(stack & 15) && stack + size * (options.cpus - 1) <= options.load);
	MUST(stack >= floor + size);
}

static int read_memory(void *ctx, u64 gpa, void *data, unsigned int len)
{
	(void)ctx;
	MUST(gpa + len <= tables_end());
	memcpy(data, (u8 *)machine.memory + gpa, len);
	return 0;
}

/* Each of the first 4 GiB is where it should be, and may be used in any way. */
static void check_tables(struct input *in)
{
	struct x86_paging paging = {
		.cr0 = launch_sregs.cr0,
		.cr3 = launch_sregs.cr3,
		.cr4 = launch_sregs.cr4,
		.efer = launch_sregs.efer,
		.maxphyaddr = 36,
		.read = read_memory,
	};
	u64 gpa, gva = take(in, 4);
	struct x86_fault fault;

	MUST(!!(paging.cr0 & CPU_CR0_PG) == (options.mode == VMM_MODE_64));
	MUST(x86_walk(&paging, gva, X86_ACCESS_WRITE, &gpa, &fault) ==
	     X86_EMUL_DONE && gpa == gva);
	MUST(x86_walk(&paging, gva, X86_ACCESS_FETCH, &gpa, &fault) ==
	     X86_EMUL_DONE && gpa == gva);
	if (options.mode == VMM_MODE_64)
		MUST(x86_walk(&paging, gva | 1ULL << 32, 0, &gpa, &fault) ==
		     X86_EMUL_FAULT);
}

/* A launcher that gives up leaves the rest to its exit; this process goes on. */
static void clean_up(int first_fd)
{
	free(machine.cpus);
	if (machine.memory && machine.memory != MAP_FAILED)
		munmap(machine.memory, options.memory);
	close_range(first_fd, ~0u, 0);
}

static void launch(struct input *in, int argc, char **argv)
{
	if (setjmp(launch_end))
		return;
	options_parse(&options, argc, argv);
	/* What a saved state may hold is saved.c's. */
	if (options.check || options.restore)
		return;
	machine_create(&machine, &options);
	/* No kernel has so few bytes. */
	MUST(!options.kernel);
	check_memory();
	check_registers();
	check_tables(in);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static char words[MAX_WORDS + 1][WORD_SIZE];
	char program[] = "minivmm-run";
	char *argv[MAX_WORDS + 3] = { program };
	struct input in = { data, size };
	unsigned int i, count;
	int fd;

	memset(&machine, 0, sizeof(machine));
	count = take(&in, 1) % MAX_WORDS;
	for (i = 0; i < count; i++) {
		take_word(&in, words[i]);
		argv[1 + i] = words[i];
	}
	fd = open_guest(&in, words[count]);
	argv[1 + count] = words[count];
	optind = 0;	/* getopt_long() begins anew */
	launch(&in, count + 2, argv);
	clean_up(fd);
	return 0;
}
