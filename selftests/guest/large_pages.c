// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages: where the process has one, the guest gets it whole, if the slot
 * is aligned alike; and when it has to come apart, nothing is lost.
 *
 * How memory is mapped can only be seen in minivmm's debugfs. That the guest
 * sees the right memory is checked on KVM as well.
 */
#define _GNU_SOURCE
#include <linux/mman.h>
#include <pthread.h>

#include "area.h"

#define SIZE	(4 * LARGE)
#define PAGES	(SIZE / PAGE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define ABOUT_DEBUGFS	MINIVMM_ONLY("it is about what debugfs of minivmm says")

/* Faults that f() makes. */
#define FAULTS(vcpu, f)							\
({									\
	unsigned long long before_ = vm_stat((vcpu)->vm, "ept_faults");	\
									\
	f;								\
	vm_stat((vcpu)->vm, "ept_faults") - before_;			\
})

/* A host of less than 512 MiB does not give any unless it is told to. */
static void allow_large_pages(void)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "w");

	if (file) {
		fputs("madvise", file);
		fclose(file);
	}
}

/* Whether the memory is in large pages: else the test is skipped. */
static void fill_with_large_pages(uint8_t *memory, size_t size)
{
	unsigned long huge = 0;
	char line[200];
	FILE *file;

	allow_large_pages();
	memset(memory, 0, size);
	file = fopen("/proc/self/smaps", "r");
	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned long kib;

		if (sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			huge += kib;
	}
	fclose(file);
	if (huge < size / 1024)
		SKIP("the host has no large pages left");
}

static struct vcpu *large_guest(uint8_t **memory, uint32_t flags)
{
	*memory = area_memory(SIZE, MADV_HUGEPAGE);
	fill_with_large_pages(*memory, SIZE);
	return area_guest(*memory, SIZE, flags);
}

static void check_pages(const uint8_t *memory, uint64_t first, uint64_t count, uint32_t expected)
{
	for (uint64_t page = first; page < first + count; page++)
		EXPECT(*(const uint32_t *)(memory + page * PAGE) == expected,
		       "page %lu has %u, expected %u", page,
		       *(const uint32_t *)(memory + page * PAGE), expected);
}

/* ---- mapped whole ---- */

TEST(one_fault_for_two_mib)
{
	struct vcpu *vcpu;
	uint8_t *memory;

	ABOUT_DEBUGFS;
	vcpu = large_guest(&memory, 0);
	EXPECT_EQ(4, FAULTS(vcpu, area_write(vcpu, 0, PAGES)));
	EXPECT_EQ(4, large_pages(vcpu));
	EXPECT_EQ(0, FAULTS(vcpu, area_read(vcpu, 0, PAGES)));
	check_pages(memory, 0, PAGES, 1);
}

TEST(one_fault_for_each_small_page)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu;

	ABOUT_DEBUGFS;
	memset(memory, 0, SIZE);
	vcpu = area_guest(memory, SIZE, 0);
	EXPECT_EQ(PAGES, FAULTS(vcpu, area_write(vcpu, 0, PAGES)));
	EXPECT_EQ(0, large_pages(vcpu));
	EXPECT(vm_stat(vcpu->vm, "pages_4k") >= PAGES, "pages are missing from the count");
}

TEST(read_only_slot_in_large_pages)
{
	struct vcpu *vcpu;
	uint8_t *memory;

	ABOUT_DEBUGFS;
	vcpu = large_guest(&memory, MINIVMM_MEM_READONLY);
	EXPECT_EQ(4, FAULTS(vcpu, area_read(vcpu, 0, PAGES)));
	area_read(vcpu, 7, 1);
	/* a write is MMIO all the same */
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rbx = AREA_GPA + 5 * PAGE;
	regs.rcx = 1;
	regs.rsi = 0;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(AREA_GPA + 5 * PAGE, vcpu->run->mmio.phys_addr);
	EXPECT_EQ(0, *(uint32_t *)(memory + 5 * PAGE));
}

/* Memory and guest-physical addresses are 4 KiB apart, modulo 2 MiB. */
TEST(slot_that_is_not_aligned_alike)
{
	uint8_t *memory = area_memory(SIZE, MADV_HUGEPAGE);
	struct vcpu *vcpu;

	ABOUT_DEBUGFS;
	fill_with_large_pages(memory, SIZE);
	vcpu = area_guest(memory + PAGE, SIZE - LARGE, 0);
	EXPECT_EQ(512, FAULTS(vcpu, area_write(vcpu, 0, 512)));
	EXPECT_EQ(0, large_pages(vcpu));
	check_pages(memory, 1, 512, 1);
	check_pages(memory, 513, 10, 0);
}

/* The slot begins and ends in the midst of large pages: only those between are whole. */
TEST(large_pages_do_not_reach_beyond_the_slot)
{
	uint8_t *memory = area_memory(SIZE, MADV_HUGEPAGE);
	struct vcpu *vcpu;

	ABOUT_DEBUGFS;
	fill_with_large_pages(memory, SIZE);
	vcpu = area_guest(memory, SIZE, 0);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, 0, 0, 0, NULL));
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, 0, AREA_GPA + 500 * PAGE,
			      SIZE - 1000 * PAGE, memory + 500 * PAGE));
	area_write(vcpu, 500, PAGES - 1000);
	EXPECT_EQ(2, large_pages(vcpu));
	check_pages(memory, 500, PAGES - 1000, 1);
	check_pages(memory, 0, 500, 0);
	check_pages(memory, PAGES - 500, 500, 0);
}

static uint8_t *hugetlb_memory(size_t size, int flags)
{
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);

	if (memory == MAP_FAILED)
		SKIP("the host has no such page to give");
	return memory;
}

static void reserve(const char *size, const char *count)
{
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%s/nr_hugepages", size);
	file = fopen(path, "w");
	if (!file)
		SKIP("%s: %s", path, strerror(errno));
	fputs(count, file);
	fclose(file);
}

TEST(hugetlbfs_of_two_mib)
{
	struct vcpu *vcpu;
	uint8_t *memory;

	ABOUT_DEBUGFS;
	reserve("2048kB", "8");
	memory = hugetlb_memory(SIZE, MAP_HUGE_2MB);
	vcpu = area_guest(memory, SIZE, 0);
	EXPECT_EQ(4, FAULTS(vcpu, area_write(vcpu, 0, PAGES)));
	EXPECT_EQ(4, large_pages(vcpu));
	/* Not unmapped: Linux 6.1 with lockdep warns when it parts a hugetlb mapping. */
	ASSERT_OK(madvise(memory, LARGE, MADV_DONTNEED));
	EXPECT_EQ(3, large_pages(vcpu));
	reserve("2048kB", "0");
}

/* A host with less than 2 GiB or so has none. */
TEST(hugetlbfs_of_one_gib)
{
	const size_t gib = 1UL << 30;
	struct vcpu *vcpu;
	uint8_t *memory;

	ABOUT_DEBUGFS;
	reserve("1048576kB", "1");
	memory = hugetlb_memory(gib, MAP_HUGE_1GB);
	vcpu = area_guest(memory, LARGE, 0);
	ASSERT_OK(vm_set_slot(vcpu->vm, 8, 0, gib, gib, memory));
	area_touch(vcpu, (gib - AREA_GPA) / PAGE, 512, 512, false);
	EXPECT_EQ(1, vm_stat(vcpu->vm, "pages_1g"));
	EXPECT_EQ(0, large_pages(vcpu));
	/* split in two steps by the first write that is logged */
	ASSERT_OK(vm_set_slot(vcpu->vm, 8, MINIVMM_MEM_LOG_DIRTY_PAGES, gib, gib, memory));
	area_write(vcpu, (gib - AREA_GPA) / PAGE + 1000, 1);
	EXPECT_EQ(0, vm_stat(vcpu->vm, "pages_1g"));
	EXPECT_EQ(511, large_pages(vcpu));
	ASSERT_OK(vm_set_slot(vcpu->vm, 8, 0, gib, gib, memory));
	area_write(vcpu, (gib - AREA_GPA) / PAGE + 1000, 1);
	EXPECT_EQ(1, vm_stat(vcpu->vm, "pages_1g"));
	EXPECT_EQ(2, *(uint32_t *)(memory + 1000 * PAGE));
	EXPECT_EQ(1, *(uint32_t *)(memory + gib - LARGE));
	/* in a slot that is aligned to 2 MiB only */
	ASSERT_OK(vm_set_slot(vcpu->vm, 8, 0, 0, 0, NULL));
	ASSERT_OK(vm_set_slot(vcpu->vm, 8, 0, gib + LARGE, gib - LARGE, memory));
	area_write(vcpu, (gib - AREA_GPA) / PAGE + 1024, 1);
	EXPECT_EQ(0, vm_stat(vcpu->vm, "pages_1g"));
	EXPECT_EQ(1, large_pages(vcpu));
	reserve("1048576kB", "0");
}

/* ---- and taken apart ---- */

/* On KVM too: the guest has to see what became of the memory. */
TEST(part_of_a_large_page_is_thrown_away)
{
	struct vcpu *vcpu;
	uint8_t *memory;

	vcpu = large_guest(&memory, 0);
	area_write(vcpu, 0, PAGES);
	ASSERT_OK(madvise(memory + 600 * PAGE, 10 * PAGE, MADV_DONTNEED));
	area_write(vcpu, 0, PAGES);
	check_pages(memory, 0, 600, 2);
	check_pages(memory, 600, 10, 1);
	check_pages(memory, 610, PAGES - 610, 2);
}

TEST(part_of_a_large_page_becomes_read_only)
{
	struct vcpu *vcpu;
	uint8_t *memory;

	vcpu = large_guest(&memory, 0);
	area_write(vcpu, 0, PAGES);
	ASSERT_OK(mprotect(memory + 600 * PAGE, PAGE, PROT_READ));
	area_write(vcpu, 0, 600);
	area_read(vcpu, 600, 1);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
	area_write(vcpu, 601, PAGES - 601);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rbx = AREA_GPA + 600 * PAGE;
	regs.rcx = 1;
	regs.rsi = 0;
	vcpu_set_regs(vcpu, &regs);
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
	ASSERT_OK(mprotect(memory + 600 * PAGE, PAGE, PROT_READ | PROT_WRITE));
	vcpu_run_to_out(vcpu, 0x10);
	check_pages(memory, 0, PAGES, 2);
}

static void map_anew(uint8_t *memory, size_t size, int advice)
{
	ASSERT_TRUE(mmap(memory, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
		    memory);
	ASSERT_OK(madvise(memory, size, advice));
}

TEST(large_page_is_whole_again_after_it_was_thrown_away)
{
	struct vcpu *vcpu;
	uint8_t *memory;

	ABOUT_DEBUGFS;
	vcpu = large_guest(&memory, 0);
	area_write(vcpu, 0, PAGES);
	/* small pages in the guest's tables first ... */
	map_anew(memory, LARGE, MADV_NOHUGEPAGE);
	area_write(vcpu, 0, 512);
	EXPECT_EQ(3, large_pages(vcpu));
	/* ... and a large one in their place */
	map_anew(memory, LARGE, MADV_HUGEPAGE);
	memory[0] = 0;
	EXPECT_EQ(1, FAULTS(vcpu, area_write(vcpu, 0, 512)));
	EXPECT_EQ(4, large_pages(vcpu));
	check_pages(memory, 0, 512, 1);
	check_pages(memory, 512, PAGES - 512, 1);
}

TEST(small_pages_that_the_kernel_collapses)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu;

	ABOUT_DEBUGFS;
	memset(memory, 0, SIZE);
	vcpu = area_guest(memory, SIZE, 0);
	area_write(vcpu, 0, PAGES);
	ASSERT_OK(madvise(memory, SIZE, MADV_HUGEPAGE));
	if (madvise(memory, SIZE, MADV_COLLAPSE))
		SKIP("MADV_COLLAPSE: %s", strerror(errno));
	EXPECT_EQ(4, FAULTS(vcpu, area_write(vcpu, 0, PAGES)));
	EXPECT_EQ(4, large_pages(vcpu));
	check_pages(memory, 0, PAGES, 2);
}

TEST(dirty_log_splits_and_its_end_merges)
{
	static uint64_t bitmap[PAGES / 64];
	struct vcpu *vcpu;
	uint8_t *memory;

	ABOUT_DEBUGFS;
	vcpu = large_guest(&memory, 0);
	area_write(vcpu, 0, PAGES);
	for (unsigned int i = 1; i < 4; i++) {
		ASSERT_OK(area_set_log(vcpu, memory, SIZE, true));
		area_read(vcpu, 0, PAGES);
		EXPECT_EQ(4, large_pages(vcpu));
		area_write(vcpu, 700, 1);
		EXPECT_EQ(3, large_pages(vcpu));
		/* the rest of it is still there */
		EXPECT_EQ(0, FAULTS(vcpu, area_read(vcpu, 0, PAGES)));
		ASSERT_OK(get_log(vcpu, bitmap));
		EXPECT_EQ(1ULL << 700 % 64, bitmap[700 / 64]);
		ASSERT_OK(area_set_log(vcpu, memory, SIZE, false));
		area_write(vcpu, 0, PAGES);
		EXPECT_EQ(4, large_pages(vcpu));
		check_pages(memory, 0, 700, i + 1);
		check_pages(memory, 700, 1, 2 * i + 1);
		check_pages(memory, 701, PAGES - 701, i + 1);
	}
}

TEST(all_is_counted_out_when_the_slot_goes)
{
	struct vcpu *vcpu;
	uint8_t *memory;

	ABOUT_DEBUGFS;
	vcpu = large_guest(&memory, 0);
	unsigned long long before = vm_stat(vcpu->vm, "pages_4k");

	area_write(vcpu, 0, PAGES);
	ASSERT_OK(area_set_log(vcpu, memory, SIZE, true));
	area_write(vcpu, 0, 1);
	EXPECT_EQ(before + 512, vm_stat(vcpu->vm, "pages_4k"));
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, 0, 0, 0, NULL));
	EXPECT_EQ(before, vm_stat(vcpu->vm, "pages_4k"));
	EXPECT_EQ(0, large_pages(vcpu));
}

/* Code in a large page, and data beside it that is changed. */
GUEST64(guest_call, "mov $0x10003000, %ebx\n call *%rbx\n out %eax, $0x10\n"
		    "mov $0x10003000, %ebx\n call *%rbx\n out %eax, $0x10\n hlt\n");
GUEST64(called, "incl 0x100000(%rbx)\n mov 0x100000(%rbx), %eax\n ret\n");

TEST(guest_executes_from_a_large_page)
{
	uint8_t *memory = area_memory(SIZE, MADV_HUGEPAGE);
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_call);

	fill_with_large_pages(memory, SIZE);
	memcpy(memory + 0x3000, called, called_end - called);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, 0, AREA_GPA, SIZE, memory));
	EXPECT_EQ(1, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(2, vcpu_run_to_out(vcpu, 0x10));
}
