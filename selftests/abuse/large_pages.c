// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages come and go under running guests.
 *
 * Two vCPUs write all over their memory and look whether it stays; meanwhile
 * the process throws pages away, singly and by the large page, has them made
 * large again, starts and stops the dirty log and reads it, and moves the slot.
 *
 * What must hold: a word that a vCPU has written is that or (thrown away) 0, or
 * one that it wrote before, if the slot moves; and
 * what the kernel gives away is not written by the guest any more. Pages that
 * the process is given meanwhile have a pattern, which has to stay.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define SECONDS		2	/* of the host's clock */
#define LARGE		0x200000UL
#define PAGE		4096UL
#define SLOT_GPA	0x10000000ULL
#define SLOT_SIZE	(4 * LARGE)
#define PAGES		(SLOT_SIZE / PAGE)
#define GIVEN		64	/* pages that the process gets at a time */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static uint8_t *memory;
static struct vm *vm;
static atomic_bool stop;
static bool slot_moves;

/*
 * From RBX on, 4 KiB apart, RCX times: write RAX and look whether it is that or
 * 0. Something else goes to port 0x20. Each round has a new value, and goes to
 * port 0x10.
 */
GUEST64(guest_check,
	"1: mov %rbx, %rdi\n mov %rcx, %rdx\n"
	"2: mov %eax, (%rdi)\n mov (%rdi), %esi\n"
	"cmp %eax, %esi\n je 3f\n test %esi, %esi\n jz 3f\n"
	"mov %esi, %eax\n out %eax, $0x20\n"
	"3: add $4096, %rdi\n dec %rdx\n jnz 2b\n"
	"inc %eax\n out %al, $0x10\n jmp 1b\n");

/*
 * While the slot is elsewhere, what is written goes nowhere or to another page:
 * then what a vCPU wrote before may be there again.
 */
static bool may_be_there(uint32_t value)
{
	return slot_moves && (value >> 28 == 1 || value >> 28 == 2);
}

static void *run(void *argument)
{
	struct vcpu *vcpu = argument;
	unsigned long rounds = 0;
	uint32_t value;

	while (!atomic_load(&stop)) {
		int result = vcpu_run(vcpu);

		/* the slot is just elsewhere: what is read is 0 */
		if (!result && vcpu->run->exit_reason == MINIVMM_EXIT_MMIO) {
			memset(vcpu->run->mmio.data, 0, 8);
			continue;
		}
		ASSERT_OK(result);
		ASSERT_EQ(MINIVMM_EXIT_IO, vcpu->run->exit_reason);
		value = *(uint32_t *)vcpu_io_data(vcpu);
		EXPECT(vcpu->run->io.port == 0x10 || may_be_there(value),
		       "a vCPU read %#x, which it did not write", value);
		rounds++;
	}
	return (void *)rounds;
}

static bool time_is_left(void)
{
	static time_t end;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!end)
		end = now.tv_sec + SECONDS;
	return now.tv_sec < end;
}

static unsigned int random_number(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

/* New pages have what nobody else may write; they are likely some that just went. */
static void check_given_pages(void)
{
	uint8_t *given = mmap(NULL, GIVEN * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(given != MAP_FAILED);
	memset(given, 0xa5, GIVEN * PAGE);
	for (volatile int i = 0; i < 2000; i++)
		;
	for (unsigned int i = 0; i < GIVEN * PAGE; i += 8)
		ASSERT(*(uint64_t *)(given + i) == 0xa5a5a5a5a5a5a5a5,
		       "memory that is not the guest's has %#llx",
		       *(unsigned long long *)(given + i));
	munmap(given, GIVEN * PAGE);
}

static void throw_away(void)
{
	unsigned int page = random_number() % PAGES, large = page / 512 * 512;

	switch (random_number() % 4) {
	case 0:
		ASSERT_OK(madvise(memory + page * PAGE, PAGE, MADV_DONTNEED));
		break;
	case 1:
		ASSERT_OK(madvise(memory + large * PAGE, LARGE, MADV_DONTNEED));
		break;
	case 2:
		/* by a new mapping, which is large if it can be */
		ASSERT_TRUE(mmap(memory + large * PAGE, LARGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
			    MAP_FAILED);
		madvise(memory + large * PAGE, LARGE, MADV_HUGEPAGE);
		break;
	default:
		/* nothing lost, only put together; may fail */
		madvise(memory + large * PAGE, LARGE, MADV_COLLAPSE);
	}
}

static void set_slot(uint32_t flags, uint64_t gpa)
{
	ASSERT_OK(vm_set_slot(vm, 10, flags, gpa, SLOT_SIZE, memory));
}

static void change_slot(bool logs)
{
	static uint64_t bitmap[PAGES / 64];
	static bool logged;
	struct minivmm_dirty_log log = { .slot = 10, .dirty_bitmap = bitmap };
	uint32_t flags;

	if (logs && !(random_number() % 4))
		logged = !logged;
	flags = logged ? MINIVMM_MEM_LOG_DIRTY_PAGES : 0;
	set_slot(flags, SLOT_GPA);
	if (logged)
		ASSERT_OK(ioctl(vm->fd, MINIVMM_GET_DIRTY_LOG, &log));
	if (!(random_number() % 16)) {
		set_slot(flags, SLOT_GPA + LARGE);
		set_slot(flags, SLOT_GPA);
	}
}

static void make_memory(void)
{
	memory = mmap(NULL, SLOT_SIZE + LARGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
	memory += -(uintptr_t)memory & (LARGE - 1);
	ASSERT_OK(madvise(memory, SLOT_SIZE, MADV_HUGEPAGE));
	memset(memory, 0, SLOT_SIZE);
}

static void stress(bool slots, bool logs)
{
	struct vcpu *vcpu[2] = { guest_new(MODE_LONG, guest_check) };
	unsigned long rounds[2], changes = 0;
	pthread_t thread[2];

	slot_moves = slots;
	vm = vcpu[0]->vm;
	vcpu[1] = vcpu_create(vm, 1);
	vcpu_set_mode(vcpu[1], MODE_LONG);
	make_memory();
	set_slot(0, SLOT_GPA);
	for (unsigned int i = 0; i < 2; i++) {
		struct minivmm_regs regs = vcpu_regs(vcpu[i]);

		/* a word of its own in each page */
		regs.rbx = SLOT_GPA + 64 * i;
		regs.rcx = PAGES;
		regs.rax = 0x10000000 + i * 0x10000000;
		vcpu_set_regs(vcpu[i], &regs);
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, run, vcpu[i]));
	}
	while (time_is_left()) {
		throw_away();
		if (slots)
			change_slot(logs);
		check_given_pages();
		changes++;
	}
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(thread[i], (void **)&rounds[i]));
	EXPECT(rounds[0] && rounds[1] && changes, "nothing was done");
	ktap_note("%lu changes, %lu and %lu rounds of the guest", changes, rounds[0], rounds[1]);
}

TEST(pages_are_thrown_away_and_become_large_again)
{
	stress(false, false);
}

TEST(dirty_log_starts_and_stops_meanwhile)
{
	stress(true, true);
}
