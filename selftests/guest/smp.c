// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several vCPUs at once, and one vCPU on several CPUs.
 *
 * On a host with one CPU the same tests show that a spinning guest is preempted
 * like any other thread; those that move a vCPU need two.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmio.h"
#include "module.h"

#define COUNTER		0xb000
#define STOP		0xb100
#define MANY		12

static void *run_to_hlt(void *vcpu)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	return NULL;
}

/* A second vCPU in the VM, in the same mode, with a stack of its own. */
static struct vcpu *add_vcpu(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = vcpu_create(vm, id);
	struct minivmm_regs regs;

	vcpu_set_mode(vcpu, MODE_LONG);
	regs = vcpu_regs(vcpu);
	regs.rsp = GUEST_STACK - 0x400 * id;
	vcpu_set_regs(vcpu, &regs);
	return vcpu;
}

static void start(pthread_t *thread, struct vcpu *vcpu)
{
	ASSERT_EQ(0, pthread_create(thread, NULL, run_to_hlt, vcpu));
}

static void need_two_cpus(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP("needs two CPUs");
}

/* ---- shared memory ---- */

GUEST64(guest_atomic, "mov $200000, %ecx\n 1: lock incl 0xb000\n dec %ecx\n jnz 1b\n hlt\n");

TEST(atomics_of_four_vcpus)
{
	struct vcpu *vcpu[4];
	pthread_t thread[4];

	vcpu[0] = guest_new(MODE_LONG, guest_atomic);
	for (unsigned int i = 1; i < 4; i++)
		vcpu[i] = add_vcpu(vcpu[0]->vm, i);
	for (unsigned int i = 0; i < 4; i++)
		start(&thread[i], vcpu[i]);
	for (unsigned int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	EXPECT_EQ(800000, *(uint32_t *)vm_at(vcpu[0]->vm, COUNTER));
}

/* RBX 0 or 1: whose turn it is. Each waits for the other, 50 times. */
GUEST64(guest_turns,
	"mov $50, %ecx\n"
	"1: cmp %ebx, 0xb000\n je 2f\n pause\n jmp 1b\n"
	"2: xorl $1, 0xb000\n dec %ecx\n jnz 1b\n hlt\n");

static struct vm *run_turns(void)
{
	struct vcpu *vcpu[2];
	pthread_t thread[2];
	struct minivmm_regs regs;

	vcpu[0] = guest_new(MODE_LONG, guest_turns);
	vcpu[1] = add_vcpu(vcpu[0]->vm, 1);
	regs = vcpu_regs(vcpu[1]);
	regs.rbx = 1;
	vcpu_set_regs(vcpu[1], &regs);
	for (unsigned int i = 0; i < 2; i++)
		start(&thread[i], vcpu[i]);
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	return vcpu[0]->vm;
}

TEST(two_vcpus_wait_for_each_other)
{
	run_turns();
}

/* Else there are some 40 loops for each turn: what fits into a thread's time. */
TEST(vcpu_that_spins_gives_way)
{
	unsigned long long exits;
	struct vm *vm;
	cpu_set_t one;

	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	if (!vmx_has("ple"))
		SKIP("the processor has no PAUSE-loop exiting");
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_OK(sched_setaffinity(0, sizeof(one), &one));
	vm = run_turns();
	exits = vm_exits(vm, 0, "PAUSE_INSTRUCTION") + vm_exits(vm, 1, "PAUSE_INSTRUCTION");
	EXPECT(exits && exits < 20 * 100, "%llu PAUSE loops for 100 turns", exits);
}

/* One vCPU writes code, the other runs it. */
GUEST64(guest_wait_and_call, "1: cmpl $0, 0xb000\n je 1b\n"
	"mov $0x40000, %eax\n call *%rax\n hlt\n");

TEST(one_vcpu_runs_what_the_host_writes)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_wait_and_call);
	pthread_t thread;

	start(&thread, vcpu);
	usleep(10000);
	vm_write(vcpu->vm, RAM, "\xbb\x34\x12\x00\x00\xc3", 6);	/* mov $0x1234, %ebx; ret */
	__atomic_store_n((uint32_t *)vm_at(vcpu->vm, COUNTER), 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0x1234, vcpu_regs(vcpu).rbx);
}

/* Both touch the same fresh pages for the first time. */
GUEST64(guest_touch,
	"mov $0x100000, %ebx\n mov $768, %ecx\n"
	"1: lock incl (%rbx)\n add $4096, %rbx\n dec %ecx\n jnz 1b\n hlt\n");

TEST(first_touch_by_two_vcpus)
{
	for (unsigned int round = 0; round < 10; round++) {
		struct vcpu *vcpu[2];
		pthread_t thread[2];

		vcpu[0] = guest_new(MODE_LONG, guest_touch);
		vcpu[1] = add_vcpu(vcpu[0]->vm, 1);
		for (unsigned int i = 0; i < 2; i++)
			start(&thread[i], vcpu[i]);
		for (unsigned int i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_join(thread[i], NULL));
		for (uint64_t gpa = 0x100000; gpa < 0x400000; gpa += 4096)
			ASSERT_EQ(2, *(uint32_t *)vm_at(vcpu[0]->vm, gpa));
		vcpu_free(vcpu[1]);
		guest_free(vcpu[0]);
	}
}

/* ---- each vCPU is its own ---- */

GUEST64(guest_own_exit, "mov %ebx, %eax\n mov $0x42, %edx\n"
	"1: out %eax, %dx\n add $16, %eax\n jmp 1b\n");

static void *own_exits(void *argument)
{
	struct vcpu *vcpu = argument;
	uint32_t expected = vcpu_regs(vcpu).rbx;

	for (unsigned int i = 0; i < 2000; i++, expected += 16)
		ASSERT_EQ(expected, vcpu_run_to_out(vcpu, 0x42));
	return NULL;
}

static void check_own_exits(struct vcpu *vcpu[], unsigned int count)
{
	pthread_t thread[MANY];

	for (unsigned int i = 0; i < count; i++) {
		struct minivmm_regs regs = vcpu_regs(vcpu[i]);

		regs.rbx = i;
		vcpu_set_regs(vcpu[i], &regs);
	}
	for (unsigned int i = 0; i < count; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, own_exits, vcpu[i]));
	for (unsigned int i = 0; i < count; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
}

TEST(exits_of_many_vcpus_in_one_vm)
{
	struct vcpu *vcpu[MANY];

	vcpu[0] = guest_new(MODE_LONG, guest_own_exit);
	for (unsigned int i = 1; i < MANY; i++)
		vcpu[i] = add_vcpu(vcpu[0]->vm, i);
	check_own_exits(vcpu, MANY);
}

TEST(exits_of_many_vms)
{
	struct vcpu *vcpu[MANY];

	for (unsigned int i = 0; i < MANY; i++)
		vcpu[i] = guest_new(MODE_LONG, guest_own_exit);
	check_own_exits(vcpu, MANY);
}

/* VMs come and go beside one that runs all the time. */
TEST(vms_come_and_go_beside_a_running_one)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_own_exit);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, own_exits, vcpu));
	for (unsigned int i = 0; i < 30; i++) {
		struct vcpu *other = guest_new(MODE_LONG, guest_own_exit);

		ASSERT_EQ(0, vcpu_run_to_out(other, 0x42));
		guest_free(other);
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

static void *two_exits(void *argument)
{
	for (unsigned int i = 0; i < 2; i++)
		vcpu_run_to_out(argument, 0x42);
	return NULL;
}

/* No thread owns a vCPU: it may run in one now and in another later. */
TEST(one_vcpu_in_many_threads)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_own_exit);
	pthread_t thread;

	for (unsigned int i = 0; i < 20; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, two_exits, vcpu));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(i * 3 * 16 + 32, vcpu_run_to_out(vcpu, 0x42));
	}
}

/* ---- from CPU to CPU ---- */

/*
 * Checks itself all the time: vector registers, MSRs, a TSC that never goes
 * back, memory. Halts with RAX 0 when told to stop, with RAX not 0 when wrong.
 */
GUEST64(guest_check,
	"mov $0x12345678, %eax\n movd %eax, %xmm7\n xor %edi, %edi\n"
	"mov $0xc0000102, %ecx\n xor %edx, %edx\n wrmsr\n"
	"mov $0xc0000082, %ecx\n xor %edx, %edx\n wrmsr\n"
	"1: movd %xmm7, %ebx\n mov $1, %ebp\n cmp $0x12345678, %ebx\n jne 9f\n"
	"mov $0xc0000102, %ecx\n rdmsr\n mov $2, %ebp\n cmp $0x12345678, %eax\n jne 9f\n"
	"mov $0xc0000082, %ecx\n rdmsr\n mov $3, %ebp\n cmp $0x12345678, %eax\n jne 9f\n"
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov $4, %ebp\n cmp %rdi, %rax\n jb 9f\n"
	"mov %rax, %rdi\n"
	"incl 0xb000\n mov 0xb000, %esi\n inc %r8d\n mov $5, %ebp\n cmp %esi, %r8d\n jne 9f\n"
	"cmpl $0, 0xb100\n je 1b\n"
	"xor %ebp, %ebp\n"
	"9: hlt\n");

static void check_and_stop(struct vcpu *vcpu, pthread_t thread)
{
	*(volatile uint32_t *)vm_at(vcpu->vm, STOP) = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, vcpu_regs(vcpu).rbp);
	EXPECT_TRUE(*(uint32_t *)vm_at(vcpu->vm, COUNTER) > 10);
}

static void move_to(pthread_t thread, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ASSERT_EQ(0, pthread_setaffinity_np(thread, sizeof(set), &set));
}

TEST(vcpu_moves_between_cpus)
{
	struct vcpu *vcpu;
	pthread_t thread;

	need_two_cpus();
	vcpu = guest_new(MODE_LONG, guest_check);
	start(&thread, vcpu);
	for (unsigned int i = 0; i < 100; i++) {
		move_to(thread, i & 1);
		usleep(1000);
	}
	check_and_stop(vcpu, thread);
}

TEST(two_vcpus_change_places)
{
	struct vcpu *vcpu[2];
	pthread_t thread[2];

	need_two_cpus();
	for (unsigned int i = 0; i < 2; i++) {
		vcpu[i] = guest_new(MODE_LONG, guest_check);
		start(&thread[i], vcpu[i]);
	}
	for (unsigned int i = 0; i < 100; i++) {
		move_to(thread[0], i & 1);
		move_to(thread[1], ~i & 1);
		usleep(1000);
	}
	for (unsigned int i = 0; i < 2; i++)
		check_and_stop(vcpu[i], thread[i]);
}

/* The registers are read on another CPU than the guest ran on. */
TEST(registers_after_a_move)
{
	struct vcpu *vcpu;

	need_two_cpus();
	vcpu = guest_new(MODE_LONG, guest_own_exit);
	for (uint32_t i = 0; i < 50; i++) {
		move_to(pthread_self(), i & 1);
		ASSERT_EQ(i * 16, vcpu_run_to_out(vcpu, 0x42));
		move_to(pthread_self(), ~i & 1);
		ASSERT_EQ(i * 16, vcpu_regs(vcpu).rax);
	}
}

/* A page changes its place while vCPUs on two CPUs have it in their TLBs. */
GUEST64(guest_watch, "1: mov 0x40000, %eax\n cmp $1, %eax\n je 1b\n hlt\n");

TEST(all_cpus_forget_a_page_that_goes)
{
	for (unsigned int round = 0; round < 10; round++) {
		struct vcpu *vcpu[2];
		pthread_t thread[2];
		uint32_t *page;

		vcpu[0] = guest_new(MODE_LONG, guest_watch);
		vcpu[1] = add_vcpu(vcpu[0]->vm, 1);
		page = vm_at(vcpu[0]->vm, RAM);
		*page = 1;
		for (unsigned int i = 0; i < 2; i++)
			start(&thread[i], vcpu[i]);
		usleep(5000);
		ASSERT_TRUE(mmap(page, 4096, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
		for (unsigned int i = 0; i < 2; i++) {
			ASSERT_EQ(0, pthread_join(thread[i], NULL));
			EXPECT_EQ(0, vcpu_regs(vcpu[i]).rax);
		}
		vcpu_free(vcpu[1]);
		guest_free(vcpu[0]);
	}
}

/* ---- CPUs go and come ---- */

static void set_cpu1(const char *text)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY);

	if (fd < 0)
		SKIP("CPU 1 cannot be taken offline: %s", strerror(errno));
	ASSERT_EQ(1, write(fd, text, 1));
	close(fd);
}

TEST(cpu_goes_offline_and_comes_back_under_a_vcpu)
{
	struct vcpu *vcpu;
	pthread_t thread;

	need_two_cpus();
	vcpu = guest_new(MODE_LONG, guest_check);
	start(&thread, vcpu);
	for (unsigned int i = 0; i < 3; i++) {
		move_to(thread, 1);
		usleep(10000);
		set_cpu1("0");
		usleep(10000);
		set_cpu1("1");
		usleep(10000);
	}
	move_to(thread, 1);
	usleep(10000);
	check_and_stop(vcpu, thread);
}

/* A VM that is created while a CPU is away must run on it when it is back. */
TEST(cpu_comes_online_after_the_vm_was_created)
{
	struct vcpu *vcpu;

	need_two_cpus();
	set_cpu1("0");
	vcpu = guest_new(MODE_LONG, guest_own_exit);
	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x42));
	set_cpu1("1");
	move_to(pthread_self(), 1);
	EXPECT_EQ(16, vcpu_run_to_out(vcpu, 0x42));
}

/* The last VM goes while a CPU is away; the next one finds all CPUs usable. */
TEST(last_vm_goes_while_a_cpu_is_offline)
{
	struct vcpu *vcpu;

	need_two_cpus();
	vcpu = guest_new(MODE_LONG, guest_own_exit);
	move_to(pthread_self(), 1);
	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x42));
	move_to(pthread_self(), 0);
	set_cpu1("0");
	guest_free(vcpu);
	set_cpu1("1");
	vcpu = guest_new(MODE_LONG, guest_own_exit);
	move_to(pthread_self(), 1);
	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x42));
}
