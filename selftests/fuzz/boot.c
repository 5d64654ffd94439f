// SPDX-License-Identifier: GPL-2.0-only
/*
 * The launcher's loader of kernels: a file that is nearly a bzImage or nearly an
 * ELF file with PVH's note, in a guest with little memory.
 *
 * What must hold: nothing outside of guest memory is written (behind it is a page
 * that cannot be); either there is one line that says why
 * not, or kernel, initrd and command line are in memory, apart from each other,
 * and the entry is in the kernel.
 */
#include <elf.h>
#include <stddef.h>
#include <sys/mman.h>
#include <asm/bootparam.h>

#include "fuzz.h"
#include "boot/boot.h"

#define FILE_SIZE	0x3000
#define PAYLOAD		0x800	/* the kernel proper of the bzImage */
#define PHDRS		4
#define NOTE_AT		0x400
#define MIB		(1ULL << 20)
#define MEMORY_MAX	(5 * MIB)

static u8 file[FILE_SIZE];

/* A value near @right, at the edges, or anything. */
static u64 take_value(struct input *in, u64 right)
{
	u8 how = take(in, 1);

	if (how < 160)
		return right;
	if (how < 190)
		return right + take(in, 1) - 128;
	if (how < 210)
		return 0 - take(in, 1);
	if (how < 225)
		return 1ULL << take(in, 1) % 64;
	return take(in, 8);
}

static void make_bzimage(struct input *in)
{
	struct boot_params *p = (struct boot_params *)file;

	p->hdr.setup_sects = take_value(in, PAYLOAD / 512 - 1);
	p->hdr.boot_flag = take_value(in, 0xaa55);
	p->hdr.header = take_value(in, 0x53726448);
	p->hdr.version = take_value(in, 0x20f);
	p->hdr.loadflags = take_value(in, LOADED_HIGH);
	p->hdr.initrd_addr_max = take_value(in, 0x7fffffff);
	p->hdr.kernel_alignment = take_value(in, 0x200000);
	p->hdr.relocatable_kernel = take_value(in, 1);
	p->hdr.xloadflags = take_value(in, XLF_KERNEL_64);
	p->hdr.cmdline_size = take_value(in, 255);
	p->hdr.pref_address = take_value(in, 0x200000);
	p->hdr.init_size = take_value(in, 0x10000);
	file[0x201] = take_value(in, 0x6a);
}

static void make_note(struct input *in)
{
	u8 *at = file + NOTE_AT;
	Elf64_Nhdr other = { 4, take_value(in, 8), 1 };
	Elf64_Nhdr note = { take_value(in, 4), take_value(in, 4),
			    take_value(in, 18) };
	u32 entry = take_value(in, 0x100000);

	memcpy(at, &other, sizeof(other));
	at += sizeof(other) + 4 + 8;
	memcpy(at, &note, sizeof(note));
	memcpy(at + sizeof(note), "Xen", 4);
	memcpy(at + sizeof(note) + 4, &entry, sizeof(entry));
}

/* The two differ in the widths of their fields alone. */
#define MAKE_ELF(bits, machine)						\
static void make_elf##bits(struct input *in)				\
{									\
	__auto_type e = (Elf##bits##_Ehdr *)file;			\
	__auto_type p = (Elf##bits##_Phdr *)(file + sizeof(*e));	\
	unsigned int i;							\
									\
	e->e_machine = take_value(in, machine);				\
	e->e_phoff = take_value(in, sizeof(*e));			\
	e->e_phnum = take_value(in, PHDRS);				\
	e->e_phentsize = take_value(in, sizeof(*p));			\
	for (i = 0; i < PHDRS; i++, p++) {				\
		p->p_type = i ? PT_LOAD : PT_NOTE;			\
		p->p_offset = take_value(in, i ? 0x800 * i : NOTE_AT);	\
		p->p_paddr = take_value(in, MIB + 0x1000 * i);		\
		p->p_filesz = take_value(in, i ? 0x800 : 48);		\
		p->p_memsz = take_value(in, 0x1000);			\
	}								\
}

MAKE_ELF(32, EM_386)
MAKE_ELF(64, EM_X86_64)

static void make_elf(struct input *in, bool is64)
{
	memcpy(file, ELFMAG, SELFMAG);
	file[EI_CLASS] = is64 ? ELFCLASS64 : ELFCLASS32;
	file[EI_DATA] = ELFDATA2LSB;
	make_note(in);
	if (is64)
		make_elf64(in);
	else
		make_elf32(in);
}

static void check_loaded(const struct boot *b)
{
	MUST(b->end >= BOOT_HIGH_GPA && b->end <= b->size);
	MUST(b->entry >= BOOT_HIGH_GPA && b->entry < b->end);
	MUST(!strcmp((char *)b->memory + BOOT_CMDLINE_GPA, b->cmdline));
	MUST(!memcmp(b->memory + BOOT_ACPI_GPA, "RSD PTR ", 8));
	if (b->initrd) {
		MUST(b->initrd_gpa >= b->end && !(b->initrd_gpa & 4095));
		MUST(b->initrd_gpa + b->initrd_size <= b->size);
		MUST(!memcmp(b->memory + b->initrd_gpa, b->initrd,
			     b->initrd_size));
	}
	/* One of them has the address, and it is of the only page for it. */
	MUST(b->rsi + b->rbx == BOOT_PARAMS_GPA);
	MUST(!b->long_mode || b->rsi);
}

static void load(struct boot *b)
{
	if (boot_load(b)) {
		MUST(!b->error[0]);
		check_loaded(b);
		return;
	}
	MUST(b->error[0] && !strchr(b->error, '\n'));
	MUST(strlen(b->error) < sizeof(b->error) - 1);
}

/* Memory that ends where the guard begins; what is in it does not matter. */
static u8 *guest_memory(u64 size)
{
	static u8 *space;

	if (!space) {
		space = mmap(NULL, MEMORY_MAX + 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(space != MAP_FAILED);
		MUST(!mprotect(space + MEMORY_MAX, 4096, PROT_NONE));
	}
	return space + MEMORY_MAX - size;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct boot boot = { .cpus = 1 };
	char cmdline[300] = { 0 };
	u8 *kernel, *initrd;

	memset(file, 0, sizeof(file));
	switch (take(&in, 1) % 4) {
	case 0:
		make_elf(&in, true);
		break;
	case 1:
		make_elf(&in, false);
		break;
	default:
		make_bzimage(&in);
	}
	boot.kernel_size = take_value(&in, FILE_SIZE) % (FILE_SIZE + 1);
	boot.initrd_size = take_value(&in, 0x1000) % (2 * MIB);
	/* Options see to whole pages. */
	boot.size = take_value(&in, 4 * MIB) % MEMORY_MAX & ~4095ULL;
	boot.cpus = take_value(&in, 2) % 300;
	memset(cmdline, 'x', take(&in, 1));
	kernel = malloc(boot.kernel_size + 1);
	initrd = calloc(1, boot.initrd_size + 1);
	boot.memory = guest_memory(boot.size);
	MUST(kernel && initrd);
	memcpy(kernel, file, boot.kernel_size);
	boot.kernel = kernel;
	boot.initrd = boot.initrd_size ? initrd : NULL;
	boot.cmdline = cmdline;
	load(&boot);
	free(kernel);
	free(initrd);
	return 0;
}
