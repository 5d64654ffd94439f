// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process changes its memory while the guest uses it: the guest must see
 * what the process sees, and where the process would get SIGSEGV or SIGBUS,
 * RUN fails with EFAULT and the guest can go on once that is mended.
 *
 * The kernel tells the module through an MMU notifier (Documentation/mm/
 * mmu_notifier.rst of the kernel): these tests fail when that misses something.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmio.h"

#define SLOT_GPA	0x90000000ULL
#define SLOT_SIZE	0x10000ULL

static uint8_t *map(void *at, int prot)
{
	uint8_t *memory = mmap(at, SLOT_SIZE, prot,
			       MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);

	ASSERT_TRUE(memory != MAP_FAILED);
	return memory;
}

/* Waits until the dword at RBX is not EAX any more, then halts with it in ECX. */
GUEST64(guest_watch, "1: mov (%rbx), %ecx\n cmp %eax, %ecx\n je 1b\n hlt\n");
/* One read (into EAX), one write (of ECX), each followed by an exit. */
GUEST64(guest_read_write,
	"1: mov (%rbx), %eax\n out %al, $0x42\n mov %ecx, (%rbx)\n out %al, $0x43\n jmp 1b\n");

static struct vcpu *slot_guest(const uint8_t *code, size_t size, uint8_t *memory)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, code, size);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	ASSERT_OK(vm_set_slot(vcpu->vm, 10, 0, SLOT_GPA, SLOT_SIZE, memory));
	regs.rbx = SLOT_GPA;
	regs.rcx = 0x1234;
	vcpu_set_regs(vcpu, &regs);
	return vcpu;
}

#define watch_guest(memory)						\
	slot_guest(guest_watch, guest_watch_end - guest_watch, memory)
#define read_write_guest(memory)					\
	slot_guest(guest_read_write, guest_read_write_end - guest_read_write, memory)

/* Its memory is a file. */
static struct vcpu *file_guest(int *fd, uint8_t **memory)
{
	*fd = memfd_create("guest", 0);
	ASSERT_OK(ftruncate(*fd, SLOT_SIZE));
	*memory = mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	ASSERT_TRUE(*memory != MAP_FAILED);
	return read_write_guest(*memory);
}

static uint32_t guest_reads(struct vcpu *vcpu)
{
	vcpu_run_to_out(vcpu, 0x42);
	return vcpu_regs(vcpu).rax;
}

static void *run_to_hlt(void *vcpu)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	return NULL;
}

/* The guest spins on memory until what `change` does makes it see another value. */
static void change_while_running(void (*change)(uint8_t *memory), uint32_t expected)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu;
	pthread_t thread;

	*(volatile uint32_t *)memory = 1;
	vcpu = watch_guest(memory);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rax = 1;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_hlt, vcpu));
	usleep(50000);
	change(memory);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(expected, vcpu_regs(vcpu).rcx);
}

static void write_value(uint8_t *memory)
{
	*(volatile uint32_t *)memory = 2;
}

static void map_other_memory_over(uint8_t *memory)
{
	uint8_t *other = map(NULL, PROT_READ | PROT_WRITE);

	*(volatile uint32_t *)other = 3;
	ASSERT_TRUE(mremap(other, SLOT_SIZE, SLOT_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   memory) == memory);
}

static void map_zeros_over(uint8_t *memory)
{
	map(memory, PROT_READ | PROT_WRITE);
}

static void throw_away(uint8_t *memory)
{
	ASSERT_OK(madvise(memory, SLOT_SIZE, MADV_DONTNEED));
}

static void write_after_fork(uint8_t *memory)
{
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		sleep(10);
		_exit(0);
	}
	/* this breaks the sharing with the child: the process gets a new page */
	*(volatile uint32_t *)memory = 4;
}

TEST(running_guest_sees_a_write)
{
	change_while_running(write_value, 2);
}

TEST(running_guest_sees_other_memory_moved_there)
{
	change_while_running(map_other_memory_over, 3);
}

TEST(running_guest_sees_new_memory_mapped_there)
{
	change_while_running(map_zeros_over, 0);
}

TEST(running_guest_sees_madv_dontneed)
{
	change_while_running(throw_away, 0);
}

TEST(running_guest_sees_a_write_after_fork)
{
	change_while_running(write_after_fork, 4);
}

/* ---- memory that is not there ---- */

TEST(unmapped_memory_is_efault)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = read_write_guest(memory);

	EXPECT_EQ(0, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	ASSERT_OK(munmap(memory, SLOT_SIZE));
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
	/* mended: the guest goes on with the instruction that failed */
	map(memory, PROT_READ | PROT_WRITE);
	*(uint32_t *)memory = 0x5678;
	EXPECT_EQ(0x5678, guest_reads(vcpu));
}

TEST(memory_that_was_never_there_is_efault)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = read_write_guest(memory);

	ASSERT_OK(munmap(memory, SLOT_SIZE));
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
}

TEST(read_only_memory_can_be_read_and_a_write_is_efault)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = read_write_guest(memory);

	EXPECT_EQ(0, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	ASSERT_OK(mprotect(memory, SLOT_SIZE, PROT_READ));
	EXPECT_EQ(0x1234, guest_reads(vcpu));
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
	ASSERT_OK(mprotect(memory, SLOT_SIZE, PROT_READ | PROT_WRITE));
	*(uint32_t *)memory = 0;
	vcpu_run_to_out(vcpu, 0x43);
	EXPECT_EQ(0x1234, *(uint32_t *)memory);
}

TEST(prot_none_is_efault)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = read_write_guest(memory);

	EXPECT_EQ(0, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	ASSERT_OK(mprotect(memory, SLOT_SIZE, PROT_NONE));
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
	ASSERT_OK(mprotect(memory, SLOT_SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0x1234, guest_reads(vcpu));
}

TEST(file_that_became_shorter_is_efault)
{
	uint8_t *memory;
	int fd;
	struct vcpu *vcpu = file_guest(&fd, &memory);

	EXPECT_EQ(0, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	ASSERT_OK(ftruncate(fd, 0));
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
	ASSERT_OK(ftruncate(fd, SLOT_SIZE));
	EXPECT_EQ(0, guest_reads(vcpu));
}

TEST(hole_punched_into_a_file_reads_as_zeros)
{
	uint8_t *memory;
	int fd;
	struct vcpu *vcpu = file_guest(&fd, &memory);

	for (unsigned int i = 0; i < 3; i++) {
		EXPECT_EQ(0, guest_reads(vcpu));
		vcpu_run_to_out(vcpu, 0x43);
		EXPECT_EQ(0x1234, guest_reads(vcpu));
		ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				    SLOT_SIZE));
		vcpu_run_to_out(vcpu, 0x43);
		ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				    SLOT_SIZE));
	}
}

/* A private file mapping: the file stays as it is when the guest writes. */
TEST(private_mapping_of_a_file)
{
	int fd = memfd_create("guest", 0);
	uint32_t value = 0x5678;
	struct vcpu *vcpu;
	uint8_t *memory;

	ASSERT_OK(ftruncate(fd, SLOT_SIZE));
	ASSERT_EQ(4, pwrite(fd, &value, 4, 0));
	memory = mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
	vcpu = read_write_guest(memory);
	EXPECT_EQ(0x5678, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	EXPECT_EQ(0x1234, guest_reads(vcpu));
	EXPECT_EQ(0x1234, *(uint32_t *)memory);
	ASSERT_EQ(4, pread(fd, &value, 4, 0));
	EXPECT_EQ(0x5678, value);
}

/* ---- the kernel moves pages of its own accord ---- */

/* Adds 1 to the first dword of 16 pages, again and again, until told to stop. */
GUEST64(guest_count,
	"1: mov $16, %ecx\n mov $0x90000000, %ebx\n"
	"2: incl (%rbx)\n add $4096, %rbx\n dec %ecx\n jnz 2b\n"
	"inc %eax\n cmpl $0, 0x9000\n je 1b\n hlt\n");

static void set_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		SKIP("%s: %s", path, strerror(errno));
	close(fd);
}

static void check_counts(const char *path, const char *text)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = slot_guest(guest_count, guest_count_end - guest_count, memory);
	volatile uint32_t *stop = vm_at(vcpu->vm, 0x9000);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_hlt, vcpu));
	for (unsigned int i = 0; i < 20; i++) {
		set_file(path, text);
		usleep(2000);
	}
	*stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	for (unsigned int i = 0; i < 16; i++)
		EXPECT_EQ((uint32_t)vcpu_regs(vcpu).rax, *(uint32_t *)(memory + i * 4096));
}

TEST(nothing_is_lost_while_memory_is_compacted)
{
	check_counts("/proc/sys/vm/compact_memory", "1");
}

TEST(nothing_is_lost_while_references_are_cleared)
{
	check_counts("/proc/self/clear_refs", "1");
}

TEST(nothing_is_lost_while_soft_dirty_is_cleared)
{
	check_counts("/proc/self/clear_refs", "4");
}

/* fork() write-protects all again and again, the parent copies page by page. */
TEST(nothing_is_lost_while_forking)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = slot_guest(guest_count, guest_count_end - guest_count, memory);
	volatile uint32_t *stop = vm_at(vcpu->vm, 0x9000);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_hlt, vcpu));
	for (unsigned int i = 0; i < 20; i++) {
		pid_t pid = fork();

		ASSERT_TRUE(pid >= 0);
		if (!pid) {
			usleep(10000);
			_exit(0);
		}
		usleep(3000);
	}
	*stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	for (unsigned int i = 0; i < 16; i++)
		EXPECT_EQ((uint32_t)vcpu_regs(vcpu).rax, *(uint32_t *)(memory + i * 4096));
}

/* Counts in one page until told to stop. */
GUEST64(guest_count_one, "1: incl (%rbx)\n cmpl $0, 0x9000\n je 1b\n hlt\n");

static void *run_over_holes(void *vcpu)
{
	/* EFAULT is when the page is away */
	while (vcpu_run(vcpu))
		ASSERT_EQ(EFAULT, errno);
	return NULL;
}

static void spin(unsigned int count)
{
	while (count--)
		asm volatile("pause");
}

/*
 * When mremap() returns, the page belongs to its new place alone: not one more
 * write of a guest that runs on another CPU, or is just about to map it.
 */
TEST(page_that_moved_away_is_not_written_any_more)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE), *away = map(NULL, PROT_NONE);
	struct vcpu *vcpu = slot_guest(guest_count_one,
				       guest_count_one_end - guest_count_one, memory);
	volatile uint32_t *stop = vm_at(vcpu->vm, 0x9000), *moved = (uint32_t *)away;
	unsigned int written = 0, used = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_over_holes, vcpu));
	for (unsigned int i = 0; i < 400; i++) {
		uint32_t before;

		*(volatile uint32_t *)memory = 0;
		spin(i * 7 % 1500);
		ASSERT_TRUE(mremap(memory, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, away) ==
			    away);
		before = *moved;
		spin(500);
		written += *moved != before;
		used += before != 0;
		ASSERT_TRUE(mmap(memory, 4096, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory);
	}
	*stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, written);
	ktap_note("the guest had used %u of 400 pages", used);
}

/*
 * What the guest writes, the processor does not tell the process's page tables:
 * a page that looks clean to the kernel is thrown away when memory runs short.
 */
static void write_and_reclaim(uint8_t *memory, struct vcpu *vcpu, uint32_t before)
{
	EXPECT_EQ(before, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	/* the first time it is kept because it was used */
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_OK(madvise(memory, SLOT_SIZE, MADV_PAGEOUT));
	EXPECT_EQ(0x1234, guest_reads(vcpu));
	EXPECT_EQ(0x1234, *(volatile uint32_t *)memory);
}

TEST(what_the_guest_writes_to_a_file_survives_reclaim)
{
	uint8_t *memory;
	int fd;
	struct vcpu *vcpu = file_guest(&fd, &memory);

	write_and_reclaim(memory, vcpu, 0);
}

/* MADV_FREE: the kernel may throw the page away unless it is written again. */
TEST(what_the_guest_writes_to_freed_memory_survives_reclaim)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = read_write_guest(memory);

	*(volatile uint32_t *)memory = 1;
	/* puts the page onto the kernel's lists, where MADV_FREE looks for it */
	ASSERT_OK(madvise(memory, SLOT_SIZE, MADV_PAGEOUT));
	ASSERT_OK(madvise(memory, SLOT_SIZE, MADV_FREE));
	write_and_reclaim(memory, vcpu, 1);
}

/* ---- slots change under a running guest ---- */

GUEST64(guest_read_loop, "1: mov (%rbx), %eax\n cmpl $0, 0x9000\n je 1b\n hlt\n");

static void *answer_reads(void *argument)
{
	struct vcpu *vcpu = argument;
	unsigned int reads = 0;

	for (;;) {
		ASSERT_OK(vcpu_run(vcpu));
		if (vcpu->run->exit_reason == MINIVMM_EXIT_HLT)
			return (void *)(uintptr_t)reads;
		ASSERT_EQ(MINIVMM_EXIT_MMIO, vcpu->run->exit_reason);
		ASSERT_EQ(SLOT_GPA, vcpu->run->mmio.phys_addr);
		memset(vcpu->run->mmio.data, 0, 8);
		reads++;
	}
}

static void change_slots(struct vcpu *vcpu, uint8_t *memory, bool move)
{
	for (unsigned int i = 0; i < 50; i++) {
		if (move)
			ASSERT_OK(vm_set_slot(vcpu->vm, 10, 0, SLOT_GPA + SLOT_SIZE, SLOT_SIZE,
					      memory));
		else
			ASSERT_OK(vm_set_slot(vcpu->vm, 10, 0, 0, 0, NULL));
		usleep(1000);
		ASSERT_OK(vm_set_slot(vcpu->vm, 10, 0, SLOT_GPA, SLOT_SIZE, memory));
		usleep(1000);
	}
}

static void slots_while_running(bool move)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = slot_guest(guest_read_loop,
				       guest_read_loop_end - guest_read_loop, memory);
	volatile uint32_t *stop = vm_at(vcpu->vm, 0x9000);
	pthread_t thread;
	void *reads;

	ASSERT_EQ(0, pthread_create(&thread, NULL, answer_reads, vcpu));
	usleep(10000);
	change_slots(vcpu, memory, move);
	*stop = 1;
	ASSERT_EQ(0, pthread_join(thread, &reads));
	EXPECT(reads, "the guest never saw that its slot was away");
}

TEST(slot_deleted_under_a_running_guest)
{
	slots_while_running(false);
}

TEST(slot_moved_under_a_running_guest)
{
	slots_while_running(true);
}

/* A page whose next fault waits until it is told to go on. */
static int page_that_waits(uint8_t *page)
{
	struct uffdio_register range = {
		.range = { (uintptr_t)page, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		SKIP("userfaultfd: %s", strerror(errno));
	ASSERT_OK(ioctl(fd, UFFDIO_API, &api));
	ASSERT_OK(ioctl(fd, UFFDIO_REGISTER, &range));
	return fd;
}

static void go_on(int fd, uint8_t *page)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, 4096 } };

	ASSERT_OK(ioctl(fd, UFFDIO_ZEROPAGE, &zero));
}

/* A vCPU that reads the waiting page, in a thread: it is in the midst of it. */
static pthread_t start_waiting(struct vm *vm, int fd, uint8_t *page)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	struct vcpu *vcpu = vcpu_create(vm, 1);
	struct minivmm_regs regs;
	pthread_t thread;

	ASSERT_OK(vm_set_slot(vm, 11, 0, SLOT_GPA + SLOT_SIZE, 4096, page));
	vcpu_set_mode(vcpu, MODE_LONG);
	regs = vcpu_regs(vcpu);
	regs.rip = 0xa000;
	regs.rbx = SLOT_GPA + SLOT_SIZE;
	regs.rax = 1;
	vcpu_set_regs(vcpu, &regs);
	vm_load(vm, 0xa000, guest_watch);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_hlt, vcpu));
	ASSERT_EQ(1, poll(&event, 1, 10000));
	return thread;
}

static void *delete_slot(void *vm)
{
	ASSERT_OK(vm_set_slot(vm, 10, 0, 0, 0, NULL));
	return NULL;
}

/*
 * To delete a slot takes until nobody looks at it any more: here that is as long
 * as another vCPU waits for a page. Meanwhile the process goes on to change its
 * memory, and the guest must not keep what the process has given away.
 */
TEST(page_that_moved_away_while_its_slot_is_deleted)
{
	uint8_t *memory = map(NULL, PROT_READ | PROT_WRITE), *away = map(NULL, PROT_NONE);
	uint8_t *waiting = map(NULL, PROT_READ | PROT_WRITE);
	struct vcpu *vcpu = slot_guest(guest_count_one,
				       guest_count_one_end - guest_count_one, memory);
	volatile uint32_t *stop = vm_at(vcpu->vm, 0x9000), *moved = (uint32_t *)away;
	int fd = page_that_waits(waiting);
	pthread_t reader = start_waiting(vcpu->vm, fd, waiting);
	pthread_t runner, deleter;
	uint32_t before;

	ASSERT_EQ(0, pthread_create(&runner, NULL, run_over_holes, vcpu));
	usleep(20000);
	ASSERT_EQ(0, pthread_create(&deleter, NULL, delete_slot, vcpu->vm));
	usleep(20000);
	ASSERT_TRUE(mremap(memory, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, away) == away);
	before = *moved;
	usleep(20000);
	EXPECT_TRUE(before != 0);
	EXPECT_EQ(before, *moved);
	go_on(fd, waiting);
	*stop = 1;
	ASSERT_EQ(0, pthread_join(deleter, NULL));
	ASSERT_EQ(0, pthread_join(reader, NULL));
	ASSERT_EQ(0, pthread_join(runner, NULL));
}
