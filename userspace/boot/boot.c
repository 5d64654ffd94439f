// SPDX-License-Identifier: GPL-2.0-only
/*
 * What both ways to boot have in common: the map of memory, where command line
 * and initial file system go, and which way it is.
 *
 * Read next: bzimage.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot.h"

#define PAGE		4096ULL

bool boot_fail(struct boot *boot, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(boot->error, sizeof(boot->error), format, args);
	va_end(args);
	return false;
}

__u8 boot_checksum(const void *data, __u64 size)
{
	const __u8 *byte = data;
	unsigned int sum = 0;

	while (size--)
		sum += *byte++;
	return (__u8)-sum;
}

unsigned int boot_map(const struct boot *boot,
		      struct boot_range map[BOOT_MAP_MAX])
{
	/* From 0xa0000 on a PC has its screen: nothing is said about that. */
	map[0] = (struct boot_range){ 0, BOOT_EBDA_GPA, E820_RAM };
	map[1] = (struct boot_range){
		BOOT_EBDA_GPA, BOOT_VGA_GPA - BOOT_EBDA_GPA, E820_RESERVED,
	};
	map[2] = (struct boot_range){
		BOOT_ACPI_GPA, BOOT_HIGH_GPA - BOOT_ACPI_GPA, E820_RESERVED,
	};
	map[3] = (struct boot_range){
		BOOT_HIGH_GPA, boot->size - BOOT_HIGH_GPA, E820_RAM,
	};
	return 4;
}

bool boot_place_cmdline(struct boot *boot, __u64 max)
{
	__u64 len = strlen(boot->cmdline);

	if (max >= BOOT_CMDLINE_MAX)
		max = BOOT_CMDLINE_MAX - 1;
	if (len > max)
		return boot_fail(boot,
				 "the command line has %llu bytes and the kernel takes %llu; shorten --append",
				 len, max);
	memcpy(boot->memory + BOOT_CMDLINE_GPA, boot->cmdline, len + 1);
	return true;
}

bool boot_place_initrd(struct boot *boot, __u64 limit)
{
	__u64 start;

	if (!boot->initrd)
		return true;
	if (limit > boot->size)
		limit = boot->size;
	if (boot->initrd_size > limit)
		goto too_big;
	start = (limit - boot->initrd_size) & ~(PAGE - 1);
	if (start < boot->end)
		goto too_big;
	memcpy(boot->memory + start, boot->initrd, boot->initrd_size);
	boot->initrd_gpa = start;
	return true;
too_big:
	return boot_fail(boot,
			 "the initrd of %llu bytes does not fit between the kernel's end at 0x%llx and 0x%llx; give more --memory or a smaller one",
			 boot->initrd_size, boot->end, limit);
}

bool boot_load(struct boot *boot)
{
	boot->error[0] = '\0';
	boot->rsi = 0;
	boot->rbx = 0;
	boot->initrd_gpa = 0;
	if (boot->size < 2 * BOOT_HIGH_GPA)
		return boot_fail(boot,
				 "%llu bytes of memory are too few for a kernel; give more --memory",
				 boot->size);
	if (!boot->cpus || boot->cpus > BOOT_CPUS_MAX)
		return boot_fail(boot,
				 "%u vCPUs are more than the %d that the tables for a kernel can name; give fewer --cpus",
				 boot->cpus, BOOT_CPUS_MAX);
	boot_write_mp(boot->memory, boot->cpus);
	if (boot_is_elf(boot))
		return boot_load_pvh(boot);
	if (boot_is_bzimage(boot))
		return boot_load_bzimage(boot);
	return boot_fail(boot,
			 "it is neither a bzImage (/boot/vmlinuz-*) nor an ELF file (vmlinux); give one of these to --kernel, or a flat binary without --kernel");
}
