// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flushes meet vCPUs that come and go.
 *
 * Whenever the process's memory changes, or a slot, the module looks at each
 * vCPU of the VM, from whatever thread makes the change: also at one that is
 * just being made, cannot be made, or goes with its VM. On a host with two CPUs
 * and a kernel that watches its memory (KASAN) these tests find a look at a vCPU
 * that is no more; elsewhere they find crashes at best.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define SECONDS		1	/* of the host's clock, for each test */
#define SLOT_GPA	0x90000000ULL
#define SLOT_PAGES	64
#define SLOT_SIZE	(SLOT_PAGES * 4096UL)
#define VCPUS		8

static uint8_t *memory;
static atomic_bool stop;

/* Touches each page of the slot, again and again; ECX 0: once. */
GUEST64(guest_touch,
	"1: mov $0x90000000, %ebx\n mov $64, %edx\n"
	"2: incl (%rbx)\n add $4096, %rbx\n dec %edx\n jnz 2b\n"
	"test %ecx, %ecx\n jnz 1b\n hlt\n jmp 1b\n");

static struct vcpu *touching_guest(bool forever)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_touch);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rcx = forever;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_OK(vm_set_slot(vcpu->vm, 10, 0, SLOT_GPA, SLOT_SIZE, memory));
	return vcpu;
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

/* Page by page: each that a guest has used is a flush. */
static void *throw_pages_away(void *unused)
{
	(void)unused;
	while (!stop)
		for (unsigned int i = 0; i < SLOT_PAGES && !stop; i++)
			madvise(memory + i * 4096, 4096, MADV_DONTNEED);
	return NULL;
}

/* RUN lasts until there is no slot to touch any more. */
static void *run_until_stopped(void *vcpu)
{
	while (!stop)
		vcpu_run(vcpu);
	return NULL;
}

static void setup(void)
{
	memory = mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
}

TEST(flush_meets_a_vm_that_goes)
{
	unsigned int vms = 0;
	pthread_t thread;

	setup();
	ASSERT_EQ(0, pthread_create(&thread, NULL, throw_pages_away, NULL));
	for (; time_is_left(); vms++) {
		struct vcpu *vcpu = touching_guest(false), *more[VCPUS];
		unsigned int i;

		for (i = 1; i < VCPUS; i++)
			more[i] = vcpu_create(vcpu->vm, i);
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
		for (i = 1; i < VCPUS; i++)
			vcpu_free(more[i]);
		guest_free(vcpu);
	}
	stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ktap_note("%u VMs", vms);
}

static void *change_slots(void *vm)
{
	/* Slots of which the guest uses only the first: each change is a flush. */
	while (!stop) {
		vm_set_slot(vm, 11, 0, SLOT_GPA + SLOT_SIZE, SLOT_SIZE, memory);
		vm_set_slot(vm, 11, 0, SLOT_GPA + 2 * SLOT_SIZE, SLOT_SIZE, memory);
		vm_set_slot(vm, 11, 0, 0, 0, NULL);
	}
	return NULL;
}

/* Starts what flushes, runs @make until time is over, and stops all again. */
static void beside_flushes(void (*make)(struct vm *vm))
{
	struct vcpu *vcpu;
	pthread_t thread[3];

	setup();
	vcpu = touching_guest(true);
	ASSERT_EQ(0, pthread_create(&thread[0], NULL, run_until_stopped, vcpu));
	ASSERT_EQ(0, pthread_create(&thread[1], NULL, throw_pages_away, NULL));
	ASSERT_EQ(0, pthread_create(&thread[2], NULL, change_slots, vcpu->vm));
	while (time_is_left())
		make(vcpu->vm);
	stop = true;
	ASSERT_OK(vm_set_slot(vcpu->vm, 10, 0, 0, 0, NULL));
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
}

/* No descriptor is left for it: it is gone again at once. */
static void make_without_descriptor(struct vm *vm)
{
	struct rlimit old, none;

	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &old));
	none = (struct rlimit) { 3, old.rlim_max };
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_ERRNO(EMFILE, ioctl(vm->fd, MINIVMM_CREATE_VCPU, 1));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &old));
}

TEST(flush_meets_a_vcpu_without_descriptor)
{
	beside_flushes(make_without_descriptor);
}

static void make_twice(struct vm *vm)
{
	EXPECT_ERRNO(EEXIST, ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0));
}

TEST(flush_meets_a_vcpu_whose_number_is_taken)
{
	beside_flushes(make_twice);
}

/* They are made, and stay as long as their VM, without their descriptors. */
static void make_some(struct vm *vm)
{
	static unsigned int id = 1;

	if (id < 256)
		close(ioctl(vm->fd, MINIVMM_CREATE_VCPU, id++));
	else
		usleep(10000);
}

TEST(flush_meets_new_vcpus)
{
	beside_flushes(make_some);
}
