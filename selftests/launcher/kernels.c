// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader of kernels by itself: what it puts where for a bzImage and for an
 * ELF file with PVH's note, and what it says of files that are neither. No
 * hypervisor is needed. (selftests/linux boots real ones, selftests/fuzz/boot.c
 * tries nearly right ones.)
 */
#include "ktap.h"

#include <elf.h>
#include <stdlib.h>

#include <asm/bootparam.h>

#include "../../userspace/boot/boot.h"

#define MIB		(1ULL << 20)
#define MEMORY		(32 * MIB)
#define SETUP		1024	/* bytes before the bzImage's kernel proper */
#define BODY		4096

static __u8 file[SETUP + BODY], initrd[5000];
static struct boot boot;
static struct boot_params *header = (struct boot_params *)file;
static const struct boot_params *zero_page;

static void prepare(void)
{
	boot.memory = calloc(1, MEMORY);
	ASSERT_TRUE(boot.memory);
	boot.size = MEMORY;
	boot.kernel = file;
	boot.kernel_size = sizeof(file);
	boot.cmdline = "console=ttyS0";
	boot.cpus = 2;
	zero_page = (const void *)(boot.memory + BOOT_PARAMS_GPA);
	memset(initrd, 0xa5, sizeof(initrd));
}

static void make_bzimage(void)
{
	prepare();
	memset(file + SETUP, 0x90, BODY);
	header->hdr.setup_sects = SETUP / 512 - 1;
	header->hdr.boot_flag = 0xaa55;
	header->hdr.header = 0x53726448;
	header->hdr.version = 0x20f;
	header->hdr.loadflags = LOADED_HIGH;
	header->hdr.initrd_addr_max = 0x7fffffff;
	header->hdr.relocatable_kernel = 1;
	header->hdr.xloadflags = XLF_KERNEL_64;
	header->hdr.cmdline_size = 2047;
	header->hdr.pref_address = 16 * MIB;
	header->hdr.init_size = 8 * MIB;
	file[0x201] = 0x6a;
}

#define EXPECT_REFUSED(words) \
	do { \
		EXPECT_TRUE(!boot_load(&boot)); \
		EXPECT(strstr(boot.error, words), "\"%s\"", boot.error); \
	} while (0)

TEST(bzimage_starts_in_64_bit_mode_at_its_preferred_address)
{
	make_bzimage();
	ASSERT_TRUE(boot_load(&boot));
	EXPECT_TRUE(boot.long_mode);
	EXPECT_EQ(16 * MIB + 0x200, boot.entry);
	EXPECT_EQ(BOOT_PARAMS_GPA, boot.rsi);
	EXPECT_EQ(24 * MIB, boot.end);
	EXPECT_TRUE(!memcmp(boot.memory + 16 * MIB, file + SETUP, BODY));
	EXPECT_EQ(0, boot.memory[16 * MIB - 1]);
	EXPECT_EQ(0, boot.memory[16 * MIB + BODY]);
}

TEST(bzimage_without_a_64_bit_entry_starts_in_32_bit_mode)
{
	make_bzimage();
	header->hdr.xloadflags = 0;
	ASSERT_TRUE(boot_load(&boot));
	EXPECT_TRUE(!boot.long_mode);
	EXPECT_EQ(16 * MIB, boot.entry);
}

TEST(bzimage_that_cannot_be_moved_loads_at_1_mib)
{
	make_bzimage();
	header->hdr.relocatable_kernel = 0;
	ASSERT_TRUE(boot_load(&boot));
	EXPECT_EQ(MIB + 0x200, boot.entry);
	EXPECT_EQ(24 * MIB, boot.end);
}

TEST(zero_page_tells_what_there_is)
{
	make_bzimage();
	boot.initrd = initrd;
	boot.initrd_size = sizeof(initrd);
	ASSERT_TRUE(boot_load(&boot));
	EXPECT_EQ(0x53726448, zero_page->hdr.header);
	EXPECT_EQ(0xff, zero_page->hdr.type_of_loader);
	EXPECT_EQ(BOOT_CMDLINE_GPA, zero_page->hdr.cmd_line_ptr);
	EXPECT_TRUE(!strcmp((char *)boot.memory + BOOT_CMDLINE_GPA,
			    "console=ttyS0"));
	EXPECT_EQ(BOOT_ACPI_GPA, zero_page->acpi_rsdp_addr);
	/* The highest page at which it fits. */
	EXPECT_EQ(MEMORY - 8192, zero_page->hdr.ramdisk_image);
	EXPECT_EQ(sizeof(initrd), zero_page->hdr.ramdisk_size);
	EXPECT_TRUE(!memcmp(boot.memory + MEMORY - 8192, initrd,
			    sizeof(initrd)));
}

TEST(e820_covers_memory_once)
{
	const struct boot_e820_entry *e;
	__u64 end = 0, ram = 0;
	int i;

	make_bzimage();
	ASSERT_TRUE(boot_load(&boot));
	EXPECT_EQ(4, zero_page->e820_entries);
	for (i = 0; i < zero_page->e820_entries; i++) {
		e = &zero_page->e820_table[i];
		EXPECT_TRUE(e->addr >= end);
		end = e->addr + e->size;
		ram += e->type == 1 ? e->size : 0;
	}
	EXPECT_EQ(MEMORY, end);
	EXPECT_EQ(MEMORY - MIB + 0x9fc00, ram);
}

/* What follows a shorter header in the file is code, not the kernel's settings. */
TEST(only_the_header_is_copied)
{
	make_bzimage();
	header->hdr.init_size = 8 * MIB;
	header->hdr.kernel_info_offset = 0x12345678;
	file[0x201] = 0x62;
	ASSERT_TRUE(boot_load(&boot));
	EXPECT_EQ(8 * MIB, zero_page->hdr.init_size);
	EXPECT_EQ(0, zero_page->hdr.kernel_info_offset);
}

TEST(initrd_stays_where_the_kernel_reaches_it)
{
	make_bzimage();
	header->hdr.initrd_addr_max = 28 * MIB - 1;
	boot.initrd = initrd;
	boot.initrd_size = sizeof(initrd);
	ASSERT_TRUE(boot_load(&boot));
	EXPECT_EQ(28 * MIB - 8192, boot.initrd_gpa);
	header->hdr.initrd_addr_max = 24 * MIB - 1;
	EXPECT_REFUSED("the initrd of 5000 bytes does not fit between");
}

TEST(bzimages_that_do_not_fit_are_refused)
{
	make_bzimage();
	boot.cmdline = "0123456789";
	header->hdr.cmdline_size = 9;
	EXPECT_REFUSED("the command line has 10 bytes and the kernel takes 9;");
	header->hdr.cmdline_size = 10;
	EXPECT_TRUE(boot_load(&boot));
	header->hdr.init_size = 16 * MIB;
	EXPECT_TRUE(boot_load(&boot));
	header->hdr.init_size++;
	EXPECT_REFUSED("the kernel needs memory up to 0x2000001 to start");
}

TEST(bzimages_that_are_damaged_are_refused)
{
	make_bzimage();
	header->hdr.version = 0x209;
	EXPECT_REFUSED("boot protocol 2.9 is older than 2.10");
	header->hdr.version = 0x20f;
	header->hdr.loadflags = 0;
	EXPECT_REFUSED("it is a zImage");
	header->hdr.loadflags = LOADED_HIGH;
	header->hdr.pref_address = 1ULL << 40;
	EXPECT_REFUSED("its header prefers the address 0x10000000000;");
	header->hdr.pref_address = 16 * MIB;
	header->hdr.setup_sects = 10;
	EXPECT_REFUSED("before the kernel proper begins; the file is cut off");
	boot.kernel_size = 600;
	EXPECT_REFUSED("it is neither a bzImage");
}

static Elf64_Ehdr *elf = (Elf64_Ehdr *)file;
static Elf64_Phdr *segments = (Elf64_Phdr *)(file + sizeof(Elf64_Ehdr));

static void make_elf(void)
{
	static const struct {
		Elf64_Nhdr head;
		char name[4];
		__u64 entry;
	} note = { { 4, 8, 18 }, "Xen", 16 * MIB + 0x50 };

	prepare();
	memset(file, 0, sizeof(file));
	memcpy(elf->e_ident, ELFMAG "\2\1\1", 7);
	elf->e_machine = EM_X86_64;
	elf->e_phoff = sizeof(*elf);
	elf->e_phentsize = sizeof(*segments);
	elf->e_phnum = 2;
	segments[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = SETUP, .p_filesz = BODY,
		.p_paddr = 16 * MIB, .p_memsz = MIB,
	};
	segments[1] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = 512, .p_filesz = sizeof(note),
	};
	memcpy(file + 512, &note, sizeof(note));
	memset(file + SETUP, 0x90, BODY);
}

TEST(elf_starts_by_pvh)
{
	const __u32 *info;
	const __u64 *info64;

	make_elf();
	boot.initrd = initrd;
	boot.initrd_size = sizeof(initrd);
	ASSERT_TRUE(boot_load(&boot));
	info = (const __u32 *)(boot.memory + BOOT_PARAMS_GPA);
	info64 = (const __u64 *)info;
	EXPECT_TRUE(!boot.long_mode);
	EXPECT_EQ(16 * MIB + 0x50, boot.entry);
	EXPECT_EQ(BOOT_PARAMS_GPA, boot.rbx);
	EXPECT_EQ(17 * MIB, boot.end);
	EXPECT_TRUE(!memcmp(boot.memory + 16 * MIB, file + SETUP, BODY));
	EXPECT_EQ(0x336ec578, info[0]);
	EXPECT_EQ(1, info[1]);
	EXPECT_EQ(1, info[3]);
	EXPECT_EQ(BOOT_CMDLINE_GPA, info64[3]);
	EXPECT_EQ(BOOT_ACPI_GPA, info64[4]);
	EXPECT_EQ(4, info[12]);
	/* The module's address and size. */
	info64 = (const __u64 *)(boot.memory + info64[2]);
	EXPECT_EQ(MEMORY - 8192, info64[0]);
	EXPECT_EQ(sizeof(initrd), info64[1]);
}

TEST(elf_files_that_do_not_fit_are_refused)
{
	make_elf();
	segments[0].p_memsz = 16 * MIB;
	EXPECT_TRUE(boot_load(&boot));
	segments[0].p_memsz++;
	EXPECT_REFUSED("needs 0x1000001 bytes at 0x1000000, the guest has 0x2000000");
	segments[0].p_memsz = ~0ULL;
	EXPECT_REFUSED("the kernel needs 0xffffffffffffffff bytes");
	segments[0].p_memsz = MIB;
	segments[0].p_paddr = MIB - 1;
	EXPECT_REFUSED("it is an ELF file that loads at 0xfffff, below 1M");
}

TEST(elf_files_that_are_damaged_are_refused)
{
	make_elf();
	segments[1].p_type = PT_NULL;
	EXPECT_REFUSED("it is an ELF file without an entry for PVH;");
	segments[1].p_type = PT_NOTE;
	segments[1].p_filesz = ~0ULL;
	EXPECT_REFUSED("ends before what its headers promise;");
	segments[1].p_filesz = 24;
	segments[0].p_paddr = 8 * MIB;
	EXPECT_REFUSED("its entry for PVH, 0x1000050, is outside");
	segments[0].p_filesz = BODY + 1;
	EXPECT_REFUSED("ends before what its headers promise;");
	elf->e_phnum = 0xffff;
	EXPECT_REFUSED("ends before what its headers promise;");
	elf->e_machine = EM_386;
	EXPECT_REFUSED("for another processor (machine 3)");
}

TEST(tables_name_at_most_254_vcpus)
{
	make_bzimage();
	boot.cpus = 254;
	EXPECT_TRUE(boot_load(&boot));
	boot.cpus = 255;
	EXPECT_REFUSED("255 vCPUs are more than the 254");
}

TEST(mp_table_lists_each_vcpu)
{
	const __u8 *pointer, *table;
	__u32 gpa;
	int length;

	make_bzimage();
	ASSERT_TRUE(boot_load(&boot));
	pointer = boot.memory + BOOT_MP_GPA;
	EXPECT_TRUE(!memcmp(pointer, "_MP_", 4));
	EXPECT_EQ(0, boot_checksum(pointer, 16));
	memcpy(&gpa, pointer + 4, sizeof(gpa));
	table = boot.memory + gpa;
	EXPECT_TRUE(!memcmp(table, "PCMP", 4));
	length = table[4] | table[5] << 8;
	EXPECT_EQ(0, boot_checksum(table, length));
	/* Two processors, a bus, an I/O APIC, 16 interrupts, LINT0 and LINT1. */
	EXPECT_EQ(44 + 2 * 20 + 8 + 8 + 16 * 8 + 2 * 8, length);
	EXPECT_EQ(2 + 1 + 1 + 16 + 2, table[34] | table[35] << 8);
	EXPECT_EQ(0, table[44 + 1]);
	EXPECT_EQ(3, table[44 + 3]);
	EXPECT_EQ(1, table[64 + 1]);
	EXPECT_EQ(1, table[64 + 3]);
}
