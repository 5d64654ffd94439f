// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: every page that was written is in it, whoever wrote it and
 * however its page was mapped; and none that was not.
 *
 * A page that is missing is lost when the guest is moved to another machine. The
 * tests at the end move memory while the guest runs, and compare.
 *
 * Where the processor has page-modification logging the module uses it. The
 * tests run once more without it, and without accessed and dirty flags.
 */
#include <pthread.h>

#include "area.h"

#define PAGES	(4 * 512UL)
#define SIZE	(PAGES * PAGE)
#define WORDS	(PAGES / 64)

static uint64_t bitmap[WORDS];

static bool is_dirty(uint64_t page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

static unsigned int count_dirty(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		count += __builtin_popcountll(bitmap[i]);
	return count;
}

static unsigned int read_log(struct vcpu *vcpu)
{
	memset(bitmap, 0x55, sizeof(bitmap));
	ASSERT_OK(get_log(vcpu, bitmap));
	return count_dirty();
}

/* A guest with the log on from the start, all its pages mapped by reads. */
static struct vcpu *logged_guest(uint8_t *memory)
{
	struct vcpu *vcpu = area_guest(memory, SIZE, 0);

	memset(memory, 0, SIZE);
	area_read(vcpu, 0, PAGES);
	ASSERT_OK(area_set_log(vcpu, memory, SIZE, true));
	return vcpu;
}

static void check_writes(int advice)
{
	uint8_t *memory = area_memory(SIZE, advice);
	struct vcpu *vcpu = logged_guest(memory);

	EXPECT_EQ(0, read_log(vcpu));
	area_read(vcpu, 0, PAGES);
	EXPECT_EQ(0, read_log(vcpu));
	for (unsigned int round = 0; round < 3; round++) {
		area_write(vcpu, 5, 1);
		area_touch(vcpu, 600, 10, 3, false);
		area_write(vcpu, PAGES - 1, 1);
		EXPECT_EQ(12, read_log(vcpu));
		EXPECT_TRUE(is_dirty(5) && is_dirty(600) && is_dirty(603) && is_dirty(627) &&
			    is_dirty(PAGES - 1));
		EXPECT_EQ(0, read_log(vcpu));
	}
	EXPECT_EQ(3, *(uint32_t *)(memory + 5 * PAGE));
	EXPECT_EQ(3, *(uint32_t *)(memory + 627 * PAGE));
	EXPECT_EQ(0, *(uint32_t *)(memory + 626 * PAGE));
}

TEST(writes_are_logged_and_reads_are_not)
{
	check_writes(MADV_NOHUGEPAGE);
}

TEST(one_write_into_a_large_page_is_one_page)
{
	check_writes(MADV_HUGEPAGE);
}

/* More than the processor's own log holds, in one go. */
TEST(all_pages_written_at_once)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = logged_guest(memory);

	for (unsigned int i = 0; i < 3; i++) {
		area_write(vcpu, 0, PAGES);
		EXPECT_EQ(PAGES, read_log(vcpu));
	}
	EXPECT_EQ(0, read_log(vcpu));
}

/* Faults by which all pages are found dirty, though each is mapped and was written. */
static unsigned long long faults_of_a_round(void)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = logged_guest(memory);
	unsigned long long before;

	area_write(vcpu, 0, PAGES);
	read_log(vcpu);
	before = vm_stat(vcpu->vm, "ept_faults");
	area_write(vcpu, 0, PAGES);
	EXPECT_EQ(PAGES, read_log(vcpu));
	return vm_stat(vcpu->vm, "ept_faults") - before;
}

/* Page-modification logging: no fault, but an exit for each 512 pages. */
TEST(the_processor_s_own_log_is_used)
{
	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	if (faults_of_a_round() == PAGES)
		SKIP("the processor has no page-modification logging");
	EXPECT_EQ(0, faults_of_a_round());
}

TEST(full_log_exits)
{
	unsigned long long full;
	struct vcpu *vcpu;
	uint8_t *memory;

	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	if (faults_of_a_round() == PAGES)
		SKIP("the processor has no page-modification logging");
	/* Each exit empties the log: it is full if 512 pages take less than a tick. */
	if (exits_are_slow())
		SKIP(TOO_SLOW);
	memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	vcpu = logged_guest(memory);
	for (unsigned int i = 0; i < 2; i++) {
		area_write(vcpu, 0, PAGES);
		EXPECT_EQ(PAGES, read_log(vcpu));
	}
	full = vm_exits(vcpu->vm, 0, "PML_FULL");
	EXPECT(full >= 2, "the log was full %llu times", full);
}

TEST(pages_that_were_not_mapped_before)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = area_guest(memory, SIZE, MINIVMM_MEM_LOG_DIRTY_PAGES);

	area_write(vcpu, 100, 50);
	EXPECT_EQ(50, read_log(vcpu));
	EXPECT_TRUE(is_dirty(100) && is_dirty(149));
}

/* A read may map a page so that a write needs no fault: it has to be seen all the same. */
TEST(read_and_then_write)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = area_guest(memory, SIZE, MINIVMM_MEM_LOG_DIRTY_PAGES);

	memset(memory, 0, SIZE);
	area_read(vcpu, 0, 64);
	read_log(vcpu);
	area_write(vcpu, 10, 20);
	EXPECT_EQ(20, read_log(vcpu));
	EXPECT_TRUE(is_dirty(10) && is_dirty(29));
}

/* The first slot with a log, of a VM whose vCPU has run: from then on it logs. */
TEST(slot_that_is_created_later)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = area_guest(memory, SIZE, 0);

	memset(memory, 0, SIZE);
	area_write(vcpu, 0, 64);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, 0, 0, 0, NULL));
	/* the deletion is behind it */
	area_touch(vcpu, 0, 0, 1, true);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, MINIVMM_MEM_LOG_DIRTY_PAGES, AREA_GPA, SIZE,
			      memory));
	area_read(vcpu, 0, 64);
	read_log(vcpu);
	area_write(vcpu, 10, 20);
	EXPECT_EQ(20, read_log(vcpu));
	EXPECT_TRUE(is_dirty(10) && is_dirty(29));
}

TEST(the_log_begins_and_ends_with_its_flag)
{
	uint8_t *memory = area_memory(SIZE, MADV_HUGEPAGE);
	struct vcpu *vcpu = area_guest(memory, SIZE, 0);

	for (unsigned int i = 0; i < 3; i++) {
		area_write(vcpu, 0, 100);
		EXPECT_ERRNO(ENOENT, get_log(vcpu, bitmap));
		ASSERT_OK(area_set_log(vcpu, memory, SIZE, true));
		/* what was written before is not in it */
		EXPECT_EQ(0, read_log(vcpu));
		area_write(vcpu, 50, 100);
		ASSERT_OK(area_set_log(vcpu, memory, SIZE, true));
		EXPECT_EQ(100, read_log(vcpu));
		area_write(vcpu, 50, 100);
		ASSERT_OK(area_set_log(vcpu, memory, SIZE, false));
	}
	EXPECT_EQ(9, *(uint32_t *)(memory + 99 * PAGE));
	EXPECT_EQ(6, *(uint32_t *)(memory + 149 * PAGE));
}

TEST(log_stays_when_the_slot_moves)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = logged_guest(memory);

	area_write(vcpu, 3, 4);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, MINIVMM_MEM_LOG_DIRTY_PAGES,
			      AREA_GPA + SIZE, SIZE, memory));
	area_write(vcpu, PAGES + 10, 1);
	EXPECT_EQ(5, read_log(vcpu));
	EXPECT_TRUE(is_dirty(3) && is_dirty(6) && is_dirty(10));
}

/* The bits behind the last page are 0, and belong to the caller's buffer. */
TEST(slot_of_70_pages)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = area_guest(memory, 70 * PAGE, MINIVMM_MEM_LOG_DIRTY_PAGES);

	area_write(vcpu, 0, 70);
	memset(bitmap, 0x55, sizeof(bitmap));
	ASSERT_OK(get_log(vcpu, bitmap));
	EXPECT_EQ(~0ULL, bitmap[0]);
	EXPECT_EQ(0x3f, bitmap[1]);
	EXPECT_EQ(0x5555555555555555, bitmap[2]);
}

TEST(read_only_slots_are_never_dirty)
{
	uint8_t *memory = area_memory(SIZE, MADV_HUGEPAGE);
	struct vcpu *vcpu = area_guest(memory, SIZE, MINIVMM_MEM_READONLY |
						     MINIVMM_MEM_LOG_DIRTY_PAGES);

	area_read(vcpu, 0, PAGES);
	EXPECT_EQ(0, read_log(vcpu));
}

/* INS: the port's data are put into memory by the hypervisor. */
GUEST64(guest_ins, "mov $0x10005ffe, %edi\n mov $0x42, %edx\n insl\n"
		   "mov $0x10008000, %edi\n mov $0x90000000, %esi\n movsl\n"
		   "mov $0x10009000, %edi\n mov $0x90000000, %esi\n movsb\n hlt\n");

TEST(what_the_hypervisor_writes_is_logged)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_ins);

	memset(memory, 0, SIZE);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, MINIVMM_MEM_LOG_DIRTY_PAGES, AREA_GPA, SIZE,
			      memory));
	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, read_log(vcpu) - is_dirty(5) - is_dirty(6));
	memset(vcpu_io_data(vcpu), 0x77, 4);
	/* from MMIO to memory */
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	memset(vcpu->run->mmio.data, 0x66, 4);
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	memset(vcpu->run->mmio.data, 0x66, 4);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(4, read_log(vcpu));
	EXPECT_TRUE(is_dirty(5) && is_dirty(6) && is_dirty(8) && is_dirty(9));
	EXPECT_EQ(0x77777777, *(uint32_t *)(memory + 0x5ffe));
	EXPECT_EQ(0x66666666, *(uint32_t *)(memory + 0x8000));
}

/* ---- manual protection ---- */

static void set_bits(uint64_t first, unsigned int count)
{
	memset(bitmap, 0, sizeof(bitmap));
	for (uint64_t page = first; page < first + count; page++)
		bitmap[page / 64] |= 1ULL << page % 64;
}

static void check_manual(int advice)
{
	uint8_t *memory = area_memory(SIZE, advice);
	struct vcpu *vcpu = area_guest(memory, SIZE, 0);

	ASSERT_OK(set_manual_protect(vcpu->vm, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE));
	memset(memory, 0, SIZE);
	area_read(vcpu, 0, PAGES);
	ASSERT_OK(area_set_log(vcpu, memory, SIZE, true));
	area_write(vcpu, 64, 128);
	/* reading it does not change it */
	EXPECT_EQ(128, read_log(vcpu));
	EXPECT_EQ(128, read_log(vcpu));
	set_bits(64, 10);
	ASSERT_OK(clear_log(vcpu, 64, 64, &bitmap[1]));
	EXPECT_EQ(118, read_log(vcpu));
	EXPECT_TRUE(!is_dirty(64) && !is_dirty(73) && is_dirty(74) && is_dirty(191));
	/* one that was cleared, and one that was not */
	area_write(vcpu, 70, 1);
	area_write(vcpu, 80, 1);
	EXPECT_EQ(119, read_log(vcpu));
	EXPECT_TRUE(is_dirty(70));
	set_bits(0, PAGES);
	ASSERT_OK(clear_log(vcpu, 0, PAGES, bitmap));
	EXPECT_EQ(0, read_log(vcpu));
	area_write(vcpu, 80, 1);
	EXPECT_EQ(1, read_log(vcpu));
}

TEST(manual_protect)
{
	check_manual(MADV_NOHUGEPAGE);
}

TEST(manual_protect_of_large_pages)
{
	check_manual(MADV_HUGEPAGE);
}

static void check_initially_set(int advice)
{
	uint8_t *memory = area_memory(SIZE, advice);
	struct vcpu *vcpu = area_guest(memory, SIZE, 0);

	ASSERT_OK(set_manual_protect(vcpu->vm, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
					       MINIVMM_DIRTY_LOG_INITIALLY_SET));
	area_write(vcpu, 0, PAGES);
	ASSERT_OK(area_set_log(vcpu, memory, SIZE, true));
	EXPECT_EQ(PAGES, read_log(vcpu));
	set_bits(512, 256);
	ASSERT_OK(clear_log(vcpu, 512, 256, &bitmap[8]));
	EXPECT_EQ(PAGES - 256, read_log(vcpu));
	area_write(vcpu, 500, 100);
	EXPECT_EQ(PAGES - 256 + 88, read_log(vcpu));
	EXPECT_TRUE(is_dirty(512) && is_dirty(599) && !is_dirty(600));
	set_bits(0, PAGES);
	ASSERT_OK(clear_log(vcpu, 0, PAGES, bitmap));
	area_write(vcpu, 599, 2);
	EXPECT_EQ(2, read_log(vcpu));
	EXPECT_EQ(3, *(uint32_t *)(memory + 599 * PAGE));
}

TEST(initially_set)
{
	check_initially_set(MADV_NOHUGEPAGE);
}

TEST(initially_set_with_large_pages)
{
	check_initially_set(MADV_HUGEPAGE);
}

/* ---- without the processor's help ---- */

static void with_parameters(const char *parameters)
{
	MINIVMM_ONLY("it is about parameters of the module minivmm");
	ASSERT_OK(module_unload());
	module_load_with(parameters);
	check_writes(MADV_NOHUGEPAGE);
	check_writes(MADV_HUGEPAGE);
	check_manual(MADV_NOHUGEPAGE);
	check_manual(MADV_HUGEPAGE);
	check_initially_set(MADV_HUGEPAGE);
	EXPECT_EQ(PAGES, faults_of_a_round());
}

TEST(without_page_modification_logging)
{
	with_parameters("pml=0");
}

TEST(without_accessed_and_dirty_flags)
{
	with_parameters("eptad=0");
}

/* Whatever became of the two. */
TEST(module_as_it_was)
{
	MINIVMM_ONLY("it is about the module minivmm");
	ASSERT_OK(module_unload());
	module_load();
}

/* ---- a running vCPU ---- */

static void *run_to_hlt(void *vcpu)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	return NULL;
}

/* Writes one page of 64 after another, each write followed by its number at 0x9010. */
GUEST64(guest_tell, "1: mov %rcx, %rdi\n and $63, %rdi\n shl $12, %rdi\n add %rbx, %rdi\n"
		    "movl $1, (%rdi)\n mov %ecx, 0x9010\n"
		    "2: cmp %ecx, 0x9018\n jne 2b\n"
		    "inc %ecx\n cmp $192, %ecx\n jne 1b\n hlt\n");

/*
 * The guest says what it has written, and goes on: it is in the log already. In the
 * first round its writes fault; later ones the processor notes.
 */
TEST(a_write_that_was_seen_is_in_the_log)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	volatile uint32_t *told, *go_on;
	struct minivmm_regs regs;
	struct vcpu *vcpu;
	pthread_t thread;

	MINIVMM_ONLY("it does not wait for the vCPU that it asks");
	vcpu = guest_new(MODE_LONG, guest_tell);
	memset(memory, 0, SIZE);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, MINIVMM_MEM_LOG_DIRTY_PAGES, AREA_GPA, SIZE,
			      memory));
	told = vm_at(vcpu->vm, 0x9010);
	go_on = vm_at(vcpu->vm, 0x9018);
	regs = vcpu_regs(vcpu);
	regs.rbx = AREA_GPA;
	regs.rcx = 1;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_hlt, vcpu));
	for (unsigned int write = 1; write < 192; write++) {
		while (*told != write)
			;
		EXPECT_EQ(1, read_log(vcpu));
		EXPECT(is_dirty(write % 64), "write %u is not in the log", write);
		*go_on = write;
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* ---- moving memory while the guest runs ---- */

/* Adds 1 in one page after another, from RBX on, RDX apart, EBP in all; and again. */
GUEST64(guest_dirty,
	"1: mov %rbx, %rdi\n mov %ebp, %ecx\n"
	"2: incl (%rdi)\n add %rdx, %rdi\n dec %ecx\n jnz 2b\n"
	"inc %eax\n cmpl $0, 0x9000\n je 1b\n hlt\n");

#define COPIES	30

static void copy_dirty(uint8_t *to, const uint8_t *from)
{
	for (uint64_t page = 0; page < PAGES; page++)
		if (is_dirty(page))
			memcpy(to + page * PAGE, from + page * PAGE, PAGE);
}

/* As a client that moves the guest does: log, copy, and again. */
static unsigned int copy_round(struct vcpu *vcpu, uint8_t *copy, const uint8_t *memory,
			       bool manual)
{
	unsigned int count = read_log(vcpu);

	/* in manual mode: piece by piece, each before its pages are read */
	for (unsigned int i = 0; manual && i < WORDS; i += 8)
		ASSERT_OK(clear_log(vcpu, i * 64, 512, &bitmap[i]));
	copy_dirty(copy, memory);
	return count;
}

static void move_running_guest(int advice, uint64_t options)
{
	uint8_t *memory = area_memory(SIZE, advice), *copy = area_memory(SIZE, MADV_NORMAL);
	struct vcpu *vcpu[2] = { guest_new(MODE_LONG, guest_dirty) };
	volatile uint32_t *stop = vm_at(vcpu[0]->vm, 0x9000);
	unsigned int copied = 0;
	pthread_t thread[2];

	memset(memory, 0, SIZE);
	vcpu[1] = vcpu_create(vcpu[0]->vm, 1);
	vcpu_set_mode(vcpu[1], MODE_LONG);
	ASSERT_OK(vm_set_slot(vcpu[0]->vm, AREA_SLOT, 0, AREA_GPA, SIZE, memory));
	ASSERT_OK(set_manual_protect(vcpu[0]->vm, options));
	for (unsigned int i = 0; i < 2; i++) {
		struct minivmm_regs regs = vcpu_regs(vcpu[i]);

		/* each its own word: one page in all, the other in every third */
		regs.rbx = AREA_GPA + 8 * i;
		regs.rdx = i ? 3 * PAGE : PAGE;
		regs.rbp = i ? PAGES / 3 : 100;
		vcpu_set_regs(vcpu[i], &regs);
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, run_to_hlt, vcpu[i]));
	}
	usleep(20000);
	for (unsigned int again = 0; again < 2; again++) {
		ASSERT_OK(area_set_log(vcpu[0], memory, SIZE, true));
		memcpy(copy, memory, SIZE);
		for (unsigned int i = 0; i < COPIES; i++) {
			copied += copy_round(vcpu[0], copy, memory, options);
			usleep(i * 100);
		}
		if (!again)
			ASSERT_OK(area_set_log(vcpu[0], memory, SIZE, false));
	}
	*stop = 1;
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	copy_round(vcpu[0], copy, memory, options);
	for (uint64_t page = 0; page < PAGES; page++)
		EXPECT(!memcmp(copy + page * PAGE, memory + page * PAGE, PAGE),
		       "page %lu was written and is not in the log", page);
	EXPECT_EQ(vcpu_regs(vcpu[0]).rax, *(uint32_t *)(copy + 99 * PAGE));
	EXPECT_EQ(vcpu_regs(vcpu[1]).rax, *(uint32_t *)(copy + 8));
	ktap_note("%u pages copied in %u rounds", copied, 2 * COPIES);
}

TEST(running_guest_is_moved)
{
	move_running_guest(MADV_NOHUGEPAGE, 0);
}

TEST(running_guest_in_large_pages_is_moved)
{
	move_running_guest(MADV_HUGEPAGE, 0);
}

TEST(running_guest_is_moved_with_manual_protect)
{
	move_running_guest(MADV_HUGEPAGE, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
}

TEST(running_guest_is_moved_with_all_set_at_first)
{
	move_running_guest(MADV_HUGEPAGE, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
					  MINIVMM_DIRTY_LOG_INITIALLY_SET);
}

static void move_with_parameters(const char *parameters)
{
	MINIVMM_ONLY("it is about parameters of the module minivmm");
	ASSERT_OK(module_unload());
	module_load_with(parameters);
	move_running_guest(MADV_NOHUGEPAGE, 0);
	move_running_guest(MADV_HUGEPAGE, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
}

TEST(running_guest_is_moved_without_page_modification_logging)
{
	move_with_parameters("pml=0");
}

TEST(running_guest_is_moved_without_accessed_and_dirty_flags)
{
	move_with_parameters("eptad=0");
}

TEST(module_as_it_was_again)
{
	MINIVMM_ONLY("it is about the module minivmm");
	ASSERT_OK(module_unload());
	module_load();
}
