// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux's bzImage: what distributions install as /boot/vmlinuz.
 *
 * The file is a boot sector, code for real mode that asks the BIOS about the
 * machine, and the kernel proper, which begins with its own decompressor. A
 * loader that knows the machine skips the second part: it fills in what that
 * would have found out (struct boot_params, the "zero page") and enters the
 * third in 32- or 64-bit mode, with ESI or RSI at the zero page.
 *
 * Linux: Documentation/x86/boot.rst ("32-bit boot protocol", "64-bit boot
 * protocol"), arch/x86/include/uapi/asm/bootparam.h.
 * Read next: pvh.c, a kernel that is not compressed.
 */
#include <stddef.h>
#include <string.h>

#include <asm/bootparam.h>

#include "boot.h"

#define HEADER_OFFSET		offsetof(struct boot_params, hdr)
/* The header's length is where its first instruction, a short jump, leads to. */
#define JUMP_OFFSET_AT		0x201
#define JUMP_FROM		0x202
#define SECTOR			512ULL
#define BOOT_FLAG		0xaa55
#define HEADER_MAGIC		0x53726448	/* "HdrS" */
/* 2.10 has init_size and pref_address, 2.12 has xloadflags. */
#define VERSION_MIN		0x020a
#define VERSION_XLOADFLAGS	0x020c
#define LOADER_UNKNOWN		0xff
#define VIDEO_NORMAL		0xffff
/* The 64-bit entry is that far behind the 32-bit one. */
#define ENTRY_64		0x200

bool boot_is_bzimage(const struct boot *boot)
{
	struct boot_params file;

	/* The structure also says where in the file things are. */
	if (boot->kernel_size < sizeof(file))
		return false;
	memcpy(&file, boot->kernel, sizeof(file));
	return file.hdr.boot_flag == BOOT_FLAG &&
	       file.hdr.header == HEADER_MAGIC;
}

static bool check_header(struct boot *boot, const struct setup_header *hdr)
{
	if (hdr->version < VERSION_MIN)
		return boot_fail(boot,
				 "its boot protocol %d.%d is older than 2.10 (Linux 2.6.31); give a newer kernel to --kernel",
				 hdr->version >> 8, hdr->version & 0xff);
	if (!(hdr->loadflags & LOADED_HIGH))
		return boot_fail(boot,
				 "it is a zImage, which loads below 1M; give a bzImage to --kernel");
	return true;
}

/*
 * Where the kernel's bytes go. They unpack themselves to the address that the
 * kernel prefers, and from there on need init_size bytes.
 */
static bool place(struct boot *boot, const struct setup_header *hdr,
		  __u64 bytes, __u64 *load)
{
	__u64 run = hdr->pref_address;

	*load = hdr->relocatable_kernel ? run : BOOT_HIGH_GPA;
	if (run < BOOT_HIGH_GPA || run > 1ULL << 32)
		return boot_fail(boot,
				 "its header prefers the address 0x%llx; the file is damaged, get it anew",
				 run);
	boot->end = *load + bytes;
	if (boot->end < run + hdr->init_size)
		boot->end = run + hdr->init_size;
	if (boot->end <= boot->size)
		return true;
	return boot_fail(boot,
			 "the kernel needs memory up to 0x%llx to start, the guest has 0x%llx; give more --memory",
			 boot->end, boot->size);
}

static void write_zero_page(struct boot *boot, const struct setup_header *hdr,
			    __u64 load)
{
	struct boot_range map[BOOT_MAP_MAX];
	struct boot_params *zero_page =
		(struct boot_params *)(boot->memory + BOOT_PARAMS_GPA);
	__u64 header_end = JUMP_FROM + boot->kernel[JUMP_OFFSET_AT];
	unsigned int i;

	memset(zero_page, 0, sizeof(*zero_page));
	/* What lies beyond this header's end is code, and not for the kernel. */
	if (header_end > HEADER_OFFSET + sizeof(*hdr))
		header_end = HEADER_OFFSET + sizeof(*hdr);
	memcpy(&zero_page->hdr, hdr, header_end - HEADER_OFFSET);
	zero_page->hdr.type_of_loader = LOADER_UNKNOWN;
	zero_page->hdr.vid_mode = VIDEO_NORMAL;
	zero_page->hdr.code32_start = (__u32)load;
	zero_page->hdr.cmd_line_ptr = BOOT_CMDLINE_GPA;
	zero_page->hdr.ramdisk_image = (__u32)boot->initrd_gpa;
	zero_page->hdr.ramdisk_size = boot->initrd ? (__u32)boot->initrd_size : 0;
	zero_page->hdr.setup_data = 0;
	zero_page->acpi_rsdp_addr = boot_write_acpi(boot->memory, boot->cpus);
	zero_page->alt_mem_k = (__u32)((boot->size - BOOT_HIGH_GPA) >> 10);
	zero_page->e820_entries = (__u8)boot_map(boot, map);
	for (i = 0; i < zero_page->e820_entries; i++) {
		zero_page->e820_table[i].addr = map[i].start;
		zero_page->e820_table[i].size = map[i].size;
		zero_page->e820_table[i].type = map[i].type;
	}
}

bool boot_load_bzimage(struct boot *boot)
{
	__u64 setup, bytes, load;
	struct setup_header hdr;

	memcpy(&hdr, boot->kernel + HEADER_OFFSET, sizeof(hdr));
	if (!check_header(boot, &hdr))
		return false;
	/* 0 stands for 4, for the sake of old loaders. */
	setup = (hdr.setup_sects ? hdr.setup_sects : 4) * SECTOR + SECTOR;
	if (boot->kernel_size <= setup + ENTRY_64)
		return boot_fail(boot,
				 "it ends after %llu bytes, before the kernel proper begins; the file is cut off, get it anew",
				 boot->kernel_size);
	bytes = boot->kernel_size - setup;
	if (!place(boot, &hdr, bytes, &load) ||
	    !boot_place_cmdline(boot, hdr.cmdline_size) ||
	    !boot_place_initrd(boot, (__u64)hdr.initrd_addr_max + 1))
		return false;
	memcpy(boot->memory + load, boot->kernel + setup, bytes);
	write_zero_page(boot, &hdr, load);
	boot->rsi = BOOT_PARAMS_GPA;
	boot->long_mode = hdr.version >= VERSION_XLOADFLAGS &&
			  hdr.xloadflags & XLF_KERNEL_64;
	boot->entry = load + (boot->long_mode ? ENTRY_64 : 0);
	return true;
}
