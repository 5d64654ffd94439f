// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ELF kernel (vmlinux) by PVH, the way in which Xen starts guests: no
 * decompressor runs, so that it boots fastest.
 *
 * A note in the file, XEN_ELFNOTE_PHYS32_ENTRY, has the address of an entry
 * for 32-bit mode without paging. There the kernel expects in EBX the address
 * of a structure with command line, initial file system and map of memory.
 *
 * Xen: docs/misc/pvh.pandoc, xen/include/public/arch-x86/hvm/start_info.h.
 * Linux has it with CONFIG_PVH (arch/x86/platform/pvh).
 * Read next: acpi.c.
 */
#include <elf.h>
#include <string.h>

#include "boot.h"

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define START_MAGIC		0x336ec578
#define START_VERSION		1

/* Where in BOOT_PARAMS_GPA's page the parts of it are. */
#define MODULE_OFFSET		0x100
#define MAP_OFFSET		0x200

/* A 32-bit Linux reaches that much of memory when it starts. */
#define INITRD_LIMIT		0x38000000

struct start_info {
	__u32 magic;
	__u32 version;
	__u32 flags;
	__u32 nr_modules;
	__u64 modules;
	__u64 cmdline;
	__u64 rsdp;
	__u64 map;
	__u32 map_entries;
	__u32 reserved;
};

struct start_module {
	__u64 start;
	__u64 size;
	__u64 cmdline;
	__u64 reserved;
};

struct start_range {
	__u64 start;
	__u64 size;
	__u32 type;
	__u32 reserved;
};

/* A program header of either class. */
struct segment {
	__u32 type;
	__u64 offset;
	__u64 paddr;
	__u64 filesz;
	__u64 memsz;
};

struct elf {
	bool is64;
	__u64 phoff;
	unsigned int phentsize, phnum;
};

bool boot_is_elf(const struct boot *boot)
{
	return boot->kernel_size >= SELFMAG &&
	       !memcmp(boot->kernel, ELFMAG, SELFMAG);
}

static bool cut_off(struct boot *boot)
{
	return boot_fail(boot,
			 "it is an ELF file that ends before what its headers promise; get the file anew");
}

static bool in_file(const struct boot *boot, __u64 offset, __u64 size)
{
	return offset <= boot->kernel_size &&
	       size <= boot->kernel_size - offset;
}

static bool read_header(struct boot *boot, struct elf *elf)
{
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;
	unsigned int machine, size;

	if (!in_file(boot, 0, sizeof(e64)))
		return cut_off(boot);
	memcpy(&e64, boot->kernel, sizeof(e64));
	memcpy(&e32, boot->kernel, sizeof(e32));
	elf->is64 = e64.e_ident[EI_CLASS] == ELFCLASS64;
	machine = e64.e_machine;	/* both classes have it at one place */
	if (e64.e_ident[EI_DATA] != ELFDATA2LSB ||
	    machine != (elf->is64 ? EM_X86_64 : EM_386))
		return boot_fail(boot,
				 "it is an ELF file for another processor (machine %u); give an x86 kernel to --kernel",
				 machine);
	elf->phoff = elf->is64 ? e64.e_phoff : e32.e_phoff;
	elf->phnum = elf->is64 ? e64.e_phnum : e32.e_phnum;
	elf->phentsize = elf->is64 ? e64.e_phentsize : e32.e_phentsize;
	size = elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if (elf->phentsize < size ||
	    !in_file(boot, elf->phoff, (__u64)elf->phnum * elf->phentsize))
		return cut_off(boot);
	return true;
}

static void read_segment(const struct boot *boot, const struct elf *elf,
			 unsigned int i, struct segment *segment)
{
	const __u8 *at = boot->kernel + elf->phoff +
			 (__u64)i * elf->phentsize;
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	if (elf->is64) {
		memcpy(&p64, at, sizeof(p64));
		*segment = (struct segment){
			p64.p_type, p64.p_offset, p64.p_paddr, p64.p_filesz,
			p64.p_memsz,
		};
	} else {
		memcpy(&p32, at, sizeof(p32));
		*segment = (struct segment){
			p32.p_type, p32.p_offset, p32.p_paddr, p32.p_filesz,
			p32.p_memsz,
		};
	}
}

static bool load_segment(struct boot *boot, const struct segment *segment)
{
	if (!in_file(boot, segment->offset, segment->filesz))
		return cut_off(boot);
	if (segment->filesz > segment->memsz)
		return boot_fail(boot,
				 "it is an ELF file with more bytes than memory for a segment at 0x%llx; the file is damaged, get it anew",
				 segment->paddr);
	if (segment->paddr < BOOT_HIGH_GPA)
		return boot_fail(boot,
				 "it is an ELF file that loads at 0x%llx, below 1M; give a Linux kernel to --kernel",
				 segment->paddr);
	if (segment->paddr > boot->size ||
	    segment->memsz > boot->size - segment->paddr)
		return boot_fail(boot,
				 "the kernel needs 0x%llx bytes at 0x%llx, the guest has 0x%llx in all; give more --memory",
				 segment->memsz, segment->paddr, boot->size);
	/* Guest memory is all zero: what the file leaves out is there. */
	memcpy(boot->memory + segment->paddr, boot->kernel + segment->offset,
	       segment->filesz);
	if (boot->end < segment->paddr + segment->memsz)
		boot->end = segment->paddr + segment->memsz;
	return true;
}

/* Looks for PVH's entry; a note is a header, a name, and contents. */
static void find_entry(struct boot *boot, const struct segment *segment)
{
	__u64 at = segment->offset, end = at + segment->filesz;
	__u64 name, desc;
	Elf64_Nhdr note;	/* the same in both classes */
	__u32 entry;

	while (end - at >= sizeof(note)) {
		memcpy(&note, boot->kernel + at, sizeof(note));
		name = at + sizeof(note);
		desc = name + (((__u64)note.n_namesz + 3) & ~3ULL);
		at = desc + (((__u64)note.n_descsz + 3) & ~3ULL);
		if (at > end)
			return;
		if (note.n_type != XEN_ELFNOTE_PHYS32_ENTRY ||
		    note.n_namesz != sizeof("Xen") ||
		    memcmp(boot->kernel + name, "Xen", sizeof("Xen")) ||
		    note.n_descsz < sizeof(entry))
			continue;
		memcpy(&entry, boot->kernel + desc, sizeof(entry));
		boot->entry = entry;
		return;
	}
}

static bool load_segments(struct boot *boot, const struct elf *elf)
{
	struct segment segment;
	unsigned int i;

	for (i = 0; i < elf->phnum; i++) {
		read_segment(boot, elf, i, &segment);
		if (segment.type == PT_LOAD && segment.memsz &&
		    !load_segment(boot, &segment))
			return false;
		if (segment.type != PT_NOTE)
			continue;
		if (!in_file(boot, segment.offset, segment.filesz))
			return cut_off(boot);
		if (!boot->entry)
			find_entry(boot, &segment);
	}
	if (!boot->entry)
		return boot_fail(boot,
				 "it is an ELF file without an entry for PVH; give the kernel's bzImage (vmlinuz), or build it with CONFIG_PVH");
	if (boot->entry < BOOT_HIGH_GPA || boot->entry >= boot->end)
		return boot_fail(boot,
				 "its entry for PVH, 0x%llx, is outside of what it loads; the file is damaged, get it anew",
				 boot->entry);
	return true;
}

static void write_start_info(struct boot *boot)
{
	__u8 *page = boot->memory + BOOT_PARAMS_GPA;
	struct start_info info = {
		.magic = START_MAGIC,
		.version = START_VERSION,
		.cmdline = BOOT_CMDLINE_GPA,
		.map = BOOT_PARAMS_GPA + MAP_OFFSET,
	};
	struct start_module module = {
		.start = boot->initrd_gpa,
		.size = boot->initrd_size,
	};
	struct boot_range map[BOOT_MAP_MAX];
	struct start_range range;
	unsigned int i;

	info.rsdp = boot_write_acpi(boot->memory, boot->cpus);
	if (boot->initrd) {
		info.nr_modules = 1;
		info.modules = BOOT_PARAMS_GPA + MODULE_OFFSET;
		memcpy(page + MODULE_OFFSET, &module, sizeof(module));
	}
	info.map_entries = boot_map(boot, map);
	for (i = 0; i < info.map_entries; i++) {
		range = (struct start_range){
			map[i].start, map[i].size, map[i].type, 0,
		};
		memcpy(page + MAP_OFFSET + i * sizeof(range), &range,
		       sizeof(range));
	}
	memcpy(page, &info, sizeof(info));
}

bool boot_load_pvh(struct boot *boot)
{
	struct elf elf = { 0 };

	boot->entry = 0;
	boot->end = 0;
	if (!read_header(boot, &elf) || !load_segments(boot, &elf) ||
	    !boot_place_cmdline(boot, BOOT_CMDLINE_MAX) ||
	    !boot_place_initrd(boot, INITRD_LIMIT))
		return false;
	write_start_info(boot);
	boot->rbx = BOOT_PARAMS_GPA;
	boot->long_mode = false;
	return true;
}
