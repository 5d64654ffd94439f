/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Booting an operating system's kernel: guest memory as a boot loader and a
 * firmware would leave it, and the registers to start with.
 *
 * All of it is logic on bytes, without a hypervisor or a file: it is fuzzed in
 * user space (selftests/fuzz). Kernel and initrd are not trusted; whatever they
 * hold, nothing outside of guest memory is written.
 *
 * Read next: boot.c, then bzimage.c and pvh.c, the two ways to start Linux;
 * acpi.c and mp.c, what the firmware would have left.
 */
#ifndef BOOT_H
#define BOOT_H

#include <stdbool.h>

#include <linux/types.h>

#include "../lib/compiler.h"

/*
 * Guest memory below 1 MiB, as the loader uses it. The GDT and the page tables
 * are the library's (VMM_GDT_GPA and so on) and end at 0x8000.
 */
#define BOOT_PARAMS_GPA		0x9000	/* the zero page, or PVH's start_info */
#define BOOT_CMDLINE_GPA	0x20000
#define BOOT_CMDLINE_MAX	0x10000
#define BOOT_EBDA_GPA		0x9fc00
#define BOOT_VGA_GPA		0xa0000
#define BOOT_ACPI_GPA		0xe0000
#define BOOT_MP_GPA		0xf0000
#define BOOT_HIGH_GPA		0x100000

/* APIC ids have 8 bits, and the last is everybody's. */
#define BOOT_CPUS_MAX		254

/**
 * struct boot - a kernel to boot
 * @memory: guest memory from gpa 0 on, all zero
 * @size: bytes of it
 * @kernel: the kernel's file
 * @kernel_size: bytes in it
 * @initrd: the initial file system, or NULL
 * @initrd_size: bytes in it
 * @cmdline: the kernel's command line
 * @cpus: number of vCPUs, at most BOOT_CPUS_MAX; APIC ids count from 0
 * @long_mode: out: start in 64-bit mode, paged one to one; else in 32-bit mode
 * @entry: out: gpa of the first instruction
 * @rsi: out: start value
 * @rbx: out: start value
 * @end: out: first gpa above what the kernel uses to begin with
 * @initrd_gpa: out: where the initial file system is
 * @error: out: one line, if it failed: what is wrong, what to do
 */
struct boot {
	__u8 *memory;
	__u64 size;
	const __u8 *kernel;
	__u64 kernel_size;
	const __u8 *initrd;
	__u64 initrd_size;
	const char *cmdline;
	unsigned int cpus;

	bool long_mode;
	__u64 entry;
	__u64 rsi, rbx;
	__u64 end;
	__u64 initrd_gpa;
	char error[256];
};

/**
 * boot_load - put kernel, initrd, command line and firmware's tables in memory
 * @boot: what; says afterwards how to start
 *
 * Return: whether that was possible; if not, @boot->error says why
 */
bool boot_load(struct boot *boot);

/* ---- Between the files of this folder ---------------------------------- */

#define E820_RAM		1
#define E820_RESERVED		2
#define BOOT_MAP_MAX		4

/**
 * struct boot_range - a range of guest physical memory
 * @start: first byte
 * @size: bytes
 * @type: E820_*
 */
struct boot_range {
	__u64 start;
	__u64 size;
	__u32 type;
};

/**
 * boot_map - what is where in guest memory, as E820 would tell it
 * @boot: its @size counts
 * @map: filled in
 *
 * Return: how many
 */
unsigned int boot_map(const struct boot *boot,
		      struct boot_range map[BOOT_MAP_MAX]);

/**
 * boot_place_cmdline - copy the command line into guest memory
 * @boot: the boot
 * @max: most bytes that the kernel takes, without the NUL
 */
bool boot_place_cmdline(struct boot *boot, __u64 max);

/**
 * boot_place_initrd - copy the initial file system, as high as it may go
 * @boot: @end is known
 * @limit: first gpa that the kernel could not reach
 */
bool boot_place_initrd(struct boot *boot, __u64 limit);

/**
 * boot_fail - keep the line that says what went wrong
 * @boot: the boot
 * @format: as for printf()
 *
 * Return: false, so that callers can return it at once
 */
__printf(2, 3)
bool boot_fail(struct boot *boot, const char *format, ...);

bool boot_is_bzimage(const struct boot *boot);
bool boot_load_bzimage(struct boot *boot);
bool boot_is_elf(const struct boot *boot);
bool boot_load_pvh(struct boot *boot);

/**
 * boot_write_acpi - write the ACPI tables from BOOT_ACPI_GPA on
 * @memory: guest memory from gpa 0 on
 * @cpus: number of vCPUs
 *
 * Return: gpa of the RSDP
 */
__u64 boot_write_acpi(__u8 *memory, unsigned int cpus);

/**
 * boot_write_mp - write the MP table from BOOT_MP_GPA on
 * @memory: guest memory from gpa 0 on
 * @cpus: number of vCPUs
 */
void boot_write_mp(__u8 *memory, unsigned int cpus);

/**
 * boot_checksum - the byte that makes the sum of all bytes 0
 * @data: the bytes; the checksum's own counts as it is
 * @size: how many
 */
__u8 boot_checksum(const void *data, __u64 size);

#endif /* BOOT_H */
