// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory is the process's: it is swapped out and comes back, also under a
 * running guest; and what the guest uses counts as used.
 *
 * Each test makes a swap space of /dev/ram0 (module brd). MADV_PAGEOUT of Linux 6.1
 * asks the hypervisor, as memory reclaim does, whether a page was used since the
 * last time: what was is kept. That of 6.12 takes it all the same.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/swap.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "area.h"

#define DISK	"/dev/ram0"
#define SIZE	(2 * LARGE)
#define PAGES	(SIZE / PAGE)

/* What mkswap writes: a header in the first page. */
static void swap_on(void)
{
	int fd = open(DISK, O_RDWR | O_CLOEXEC);
	uint32_t page[PAGE / 4] = { 0 };
	off_t size;

	if (fd < 0)
		SKIP(DISK ": %s", strerror(errno));
	size = lseek(fd, 0, SEEK_END);
	page[256] = 1;
	page[257] = size / PAGE - 1;
	memcpy((uint8_t *)page + PAGE - 10, "SWAPSPACE2", 10);
	ASSERT_EQ(PAGE, pwrite(fd, page, PAGE, 0));
	close(fd);
	/* a test that failed may have left it on */
	if (swapon(DISK, 0))
		ASSERT(errno == EBUSY, "swapon: %s", strerror(errno));
}

static void swap_off(void)
{
	ASSERT_OK(swapoff(DISK));
}

/* Pages of this process in the swap space. */
static unsigned long swapped(void)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long kib, sum = 0;
	char line[200];

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Swap: %lu kB", &kib) == 1)
			sum += kib;
	fclose(file);
	return sum * 1024 / PAGE;
}

static void page_out(uint8_t *memory)
{
	ASSERT_OK(madvise(memory, SIZE, MADV_PAGEOUT));
}

static void check(const uint8_t *memory, uint32_t expected)
{
	for (unsigned int page = 0; page < PAGES; page++)
		EXPECT(*(const uint32_t *)(memory + page * PAGE) == expected,
		       "page %u has %u, expected %u", page,
		       *(const uint32_t *)(memory + page * PAGE), expected);
}

static void out_and_back(int advice)
{
	uint8_t *memory = area_memory(SIZE, advice);
	struct vcpu *vcpu;

	swap_on();
	memset(memory, 0, SIZE);
	vcpu = area_guest(memory, SIZE, 0);
	for (uint32_t round = 1; round < 4; round++) {
		area_write(vcpu, 0, PAGES);
		for (unsigned int i = 0; i < 4 && swapped() < PAGES; i++)
			page_out(memory);
		EXPECT(swapped() > PAGES * 9 / 10, "only %lu of %lu pages went", swapped(),
		       PAGES);
		area_read(vcpu, 0, PAGES);
		EXPECT(swapped() < PAGES / 10, "%lu of %lu pages did not come back", swapped(),
		       PAGES);
		check(memory, round);
	}
	swap_off();
}

TEST(memory_is_swapped_out_and_comes_back)
{
	out_and_back(MADV_NOHUGEPAGE);
}

TEST(large_pages_are_swapped_out_and_come_back)
{
	out_and_back(MADV_HUGEPAGE);
}

/*
 * Adds 1 in each page, again and again; so slowly that most pages are not used
 * between two looks of the kernel.
 */
GUEST64(guest_count,
	"1: mov $0x10000000, %ebx\n mov $1024, %ecx\n"
	"2: incl (%rbx)\n add $4096, %rbx\n"
	"mov $3000, %edx\n 3: dec %edx\n jnz 3b\n"
	"dec %ecx\n jnz 2b\n"
	"inc %eax\n mov %eax, 0x9008\n cmpl $0, 0x9000\n je 1b\n hlt\n");

static void *run_to_hlt(void *vcpu)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	return NULL;
}

static void swap_under_a_running_guest(int advice)
{
	uint8_t *memory = area_memory(SIZE, advice);
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_count);
	volatile uint32_t *stop = vm_at(vcpu->vm, 0x9000);
	volatile uint32_t *rounds = vm_at(vcpu->vm, 0x9008);
	unsigned long went = 0;
	pthread_t thread;

	swap_on();
	memset(memory, 0, SIZE);
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, 0, AREA_GPA, SIZE, memory));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_hlt, vcpu));
	/* All that goes comes back with the guest's next round. */
	for (unsigned int i = 0; *rounds < 4; i++) {
		page_out(memory);
		page_out(memory);
		went += swapped();
		usleep(i % 40 * 100);
	}
	*stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	check(memory, vcpu_regs(vcpu).rax);
	EXPECT(went > 3 * PAGES, "only %lu pages were swapped out", went);
	ktap_note("%lu pages out, %llu rounds of the guest", went,
		  (unsigned long long)vcpu_regs(vcpu).rax);
	swap_off();
}

TEST(memory_is_swapped_under_a_running_guest)
{
	swap_under_a_running_guest(MADV_NOHUGEPAGE);
}

TEST(large_pages_are_swapped_under_a_running_guest)
{
	swap_under_a_running_guest(MADV_HUGEPAGE);
}

static void need_kernel_that_asks(void)
{
	struct utsname name;
	unsigned long major, minor;
	char *end;

	ASSERT_OK(uname(&name));
	major = strtoul(name.release, &end, 10);
	minor = strtoul(end + 1, NULL, 10);
	if (major > 6 || (major == 6 && minor >= 12))
		SKIP("this kernel's MADV_PAGEOUT does not ask whether a page is used");
}

/* What the guest uses stays, though the process itself does not touch it. */
TEST(memory_that_the_guest_uses_stays)
{
	uint8_t *memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	unsigned long long faults = 0;
	struct vcpu *vcpu;

	need_kernel_that_asks();
	swap_on();
	memset(memory, 0, SIZE);
	vcpu = area_guest(memory, SIZE, 0);
	/* until the kernel has sorted it onto its lists */
	area_write(vcpu, 0, PAGES);
	page_out(memory);
	area_read(vcpu, 0, PAGES);
	if (!on_kvm())
		faults = vm_stat(vcpu->vm, "ept_faults");
	for (unsigned int i = 0; i < 5; i++) {
		page_out(memory);
		EXPECT(swapped() < PAGES / 10, "%lu of %lu pages went", swapped(), PAGES);
		area_read(vcpu, 0, PAGES);
	}
	/* nor was it unmapped to find out */
	if (!on_kvm())
		EXPECT(vm_stat(vcpu->vm, "ept_faults") - faults < PAGES / 10,
		       "%llu faults, of %lu pages", vm_stat(vcpu->vm, "ept_faults") - faults,
		       PAGES);
	/* and when it is not used any more it goes */
	page_out(memory);
	page_out(memory);
	EXPECT(swapped() > PAGES * 9 / 10, "only %lu of %lu pages went", swapped(), PAGES);
	area_read(vcpu, 0, PAGES);
	check(memory, 1);
	swap_off();
}

/* Without accessed flags what is used is found out by unmapping it. */
TEST(memory_that_the_guest_uses_stays_without_accessed_flags)
{
	uint8_t *memory;
	struct vcpu *vcpu;

	MINIVMM_ONLY("it is about a parameter of the module minivmm");
	need_kernel_that_asks();
	ASSERT_OK(module_unload());
	module_load_with("eptad=0");
	memory = area_memory(SIZE, MADV_NOHUGEPAGE);
	swap_on();
	memset(memory, 0, SIZE);
	vcpu = area_guest(memory, SIZE, 0);
	area_write(vcpu, 0, PAGES);
	for (unsigned int i = 0; i < 5; i++) {
		page_out(memory);
		EXPECT(swapped() < PAGES / 10, "%lu of %lu pages went", swapped(), PAGES);
		area_read(vcpu, 0, PAGES);
	}
	page_out(memory);
	page_out(memory);
	EXPECT(swapped() > PAGES * 9 / 10, "only %lu of %lu pages went", swapped(), PAGES);
	area_read(vcpu, 0, PAGES);
	check(memory, 1);
	swap_off();
}

TEST(module_as_it_was)
{
	MINIVMM_ONLY("it is about the module minivmm");
	ASSERT_OK(module_unload());
	module_load();
}
