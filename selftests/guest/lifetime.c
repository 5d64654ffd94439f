// SPDX-License-Identifier: GPL-2.0-only
/*
 * File descriptors closed in every order, processes that die, and memory that
 * must all be back afterwards.
 *
 * A vCPU keeps its VM, a mapping keeps its vCPU: what is left keeps working
 * until the last of them is gone.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

GUEST64(guest_out, "1: out %al, $0x42\n jmp 1b\n");
GUEST64(guest_spin, "1: jmp 1b\n");
/* Touches a page every RDX bytes, from RBX to RCX. */
GUEST64(guest_touch, "1: incl (%rbx)\n add %rdx, %rbx\n cmp %rcx, %rbx\n jb 1b\n hlt\n");

static void touch(struct vcpu *vcpu, uint64_t from, uint64_t to, uint64_t step)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rip = GUEST_CODE;
	regs.rbx = from;
	regs.rcx = to;
	regs.rdx = step;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

/* A VM that has used memory here and there. */
static struct vcpu *used_guest(void)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_touch);

	touch(vcpu, GUEST_FREE, GUEST_MEMORY, 0x10000);
	return vcpu;
}

/* ---- orders of closing ---- */

TEST(vcpu_works_after_its_vm_fd_is_closed)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out);

	vcpu_run_to_out(vcpu, 0x42);
	close(vcpu->vm->fd);
	vcpu_run_to_out(vcpu, 0x42);
	vcpu_free(vcpu);
}

TEST(mapping_works_after_all_fds_are_closed)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out);

	vcpu_run_to_out(vcpu, 0x42);
	close(vcpu->fd);
	close(vcpu->vm->fd);
	EXPECT_EQ(MINIVMM_EXIT_IO, vcpu->run->exit_reason);
	vcpu->run->immediate_exit = 1;
	munmap(vcpu->run, vcpu->run_size);
}

TEST(mapping_is_gone_before_the_vcpu)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out);

	vcpu_run_to_out(vcpu, 0x42);
	munmap(vcpu->run, vcpu->run_size);
	EXPECT_OK(vcpu_run(vcpu));
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	ASSERT_TRUE(vcpu->run != MAP_FAILED);
	vcpu_run_to_out(vcpu, 0x42);
}

/* 0 the VM's fd, 1 the vCPU's, 2 the mapping, 3 guest memory: all 24 orders. */
static void close_part(struct vcpu *vcpu, unsigned int part)
{
	switch (part) {
	case 0:
		close(vcpu->vm->fd);
		break;
	case 1:
		close(vcpu->fd);
		break;
	case 2:
		munmap(vcpu->run, vcpu->run_size);
		break;
	case 3:
		munmap(vcpu->vm->slots[0].hva, vcpu->vm->slots[0].size);
		break;
	}
}

TEST(every_order_of_closing)
{
	for (unsigned int order = 0; order < 256; order++) {
		unsigned int part[4], seen = 0;
		struct vcpu *vcpu;

		for (unsigned int i = 0; i < 4; i++) {
			part[i] = order >> 2 * i & 3;
			seen |= 1 << part[i];
		}
		if (seen != 15)
			continue;
		vcpu = used_guest();
		for (unsigned int i = 0; i < 4; i++)
			close_part(vcpu, part[i]);
		free(vcpu);
	}
}

TEST(vm_without_vcpus_and_vcpu_that_never_ran)
{
	for (unsigned int i = 0; i < 10; i++) {
		struct vm *vm = vm_create();
		struct vcpu *vcpu;

		vm_free(vm);
		vm = vm_create();
		vcpu = vcpu_create(vm, 0);
		vcpu_free(vcpu);
		vm_free(vm);
	}
}

/* ---- fds that live elsewhere ---- */

static void *run_it(void *vcpu)
{
	vcpu_run(vcpu);
	return NULL;
}

static void no_action(int number)
{
	(void)number;
}

/* The fd closed under a thread that is in RUN: it goes on until a signal. */
TEST(fds_closed_while_running)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_spin);
	struct sigaction action = { .sa_handler = no_action };
	pthread_t thread;

	ASSERT_OK(sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_it, vcpu));
	usleep(20000);
	close(vcpu->vm->fd);
	close(vcpu->fd);
	munmap(vcpu->run, vcpu->run_size);
	usleep(20000);
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST(duplicated_and_inherited_fds)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out);
	int status, copy = dup(vcpu->fd);
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		usleep(50000);
		_exit(0);
	}
	close(vcpu->fd);
	vcpu->fd = copy;
	vcpu_run_to_out(vcpu, 0x42);
	guest_free(vcpu);
	/* the child's copies are the last ones; they go when it ends */
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* A cycle of two sockets that carry each other and a vCPU: no way to leak it. */
TEST(fd_in_a_socket_that_nobody_reads)
{
	for (unsigned int i = 0; i < 5; i++) {
		struct vcpu *vcpu = guest_new(MODE_LONG, guest_out);
		union {
			struct cmsghdr head;
			char space[CMSG_SPACE(sizeof(int))];
		} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
		struct iovec data = { "x", 1 };
		struct msghdr message = {
			.msg_iov = &data, .msg_iovlen = 1,
			.msg_control = &control, .msg_controllen = sizeof(control),
		};
		int pair[2];

		ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
		memcpy(CMSG_DATA(&control.head), &vcpu->fd, sizeof(int));
		ASSERT_EQ(1, sendmsg(pair[0], &message, 0));
		close(pair[0]);
		close(pair[1]);
		guest_free(vcpu);
	}
}

/* A vCPU's fd and a VM's fd take no other device's ioctls, and no read or write. */
TEST(fds_are_no_files)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out);
	char byte = 0;

	EXPECT_ERRNO(EINVAL, read(vcpu->fd, &byte, 1));
	EXPECT_ERRNO(EINVAL, write(vcpu->vm->fd, &byte, 1));
}

/* ---- death ---- */

static void build_and_wait(void)
{
	struct vcpu *vcpu = used_guest();

	vm_load(vcpu->vm, GUEST_CODE, guest_spin);
	vcpu_set_mode(vcpu, MODE_LONG);
	vcpu_run(vcpu);
}

static void die_after(unsigned int microseconds)
{
	int status;
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		build_and_wait();
		_exit(0);
	}
	usleep(microseconds);
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

/* Anywhere between open() and the guest's loop. */
TEST(kill_9_at_any_moment)
{
	for (unsigned int i = 0; i < 40; i++)
		die_after(i * 500);
}

TEST(execve_with_a_vm_open)
{
	int status;
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		used_guest();
		close(STDOUT_FILENO);
		open("/dev/null", O_WRONLY);
		execl("/proc/self/exe", "lifetime", "-l", NULL);
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* ---- memory given back ---- */

/* Free pages that each CPU keeps for itself, in KiB: MemFree leaves them out. */
static long pages_kept_by_cpus(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	long pages = 0, value;
	char line[200];

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &value) == 1)
			pages += value;
	fclose(file);
	return pages * 4;
}

/* What the kernel holds for itself, in KiB. */
static long kernel_memory(void)
{
	static const char * const names[] = {
		"Slab:", "VmallocUsed:", "Percpu:", "PageTables:", "KernelStack:",
	};
	long total = 0, free_memory = 0, value;
	char line[100];
	FILE *file;

	usleep(100000);		/* what RCU frees */
	file = fopen("/proc/meminfo", "r");
	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file)) {
		for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strncmp(line, names[i], strlen(names[i])))
				total += strtol(line + strlen(names[i]), NULL, 10);
		if (sscanf(line, "MemFree: %ld", &value) == 1)
			free_memory = value;
	}
	fclose(file);
	free_memory += pages_kept_by_cpus();
	/* pages that belong to nobody's account show as memory that is not free */
	ktap_note("kernel %ld KiB, free %ld KiB", total, free_memory);
	return total - free_memory;
}

#define ROUNDS	50
#define NOISE	150	/* KiB; a page lost in each round is 200 */

static void check_memory(void (*round)(void))
{
	long before, after;

	/* and whatever is lost there, kmemleak finds */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP("a debug kernel keeps what was freed for a while");
	for (unsigned int i = 0; i < 30; i++)
		round();
	before = kernel_memory();
	for (unsigned int i = 0; i < ROUNDS; i++)
		round();
	after = kernel_memory();
	EXPECT(after - before < NOISE, "%ld KiB are not free any more after %u rounds",
	       after - before, ROUNDS);
}

static void whole_life(void)
{
	guest_free(used_guest());
}

TEST(memory_of_vms_is_given_back)
{
	check_memory(whole_life);
}

static void with_slots(void)
{
	static uint8_t *memory;
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_touch);

	if (!memory)
		memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned int i = 0; i < 16; i++) {
		ASSERT_OK(vm_set_slot(vcpu->vm, 10 + i, 0, 0x90000000 + (i << 20), 1 << 20,
				      memory));
		if (i & 1)
			ASSERT_OK(vm_set_slot(vcpu->vm, 10 + i, 0, 0, 0, NULL));
	}
	touch(vcpu, GUEST_FREE, GUEST_MEMORY, 0x10000);
	guest_free(vcpu);
}

TEST(memory_of_slots_is_given_back)
{
	check_memory(with_slots);
}

static void killed(void)
{
	die_after(10000);
}

TEST(memory_of_killed_launchers_is_given_back)
{
	check_memory(killed);
}

/* One VM, whose pages come and go: page tables must not pile up. */
static struct vcpu *lasting;

static void remap_round(void)
{
	struct vm_slot *slot;

	if (!lasting)
		lasting = used_guest();
	slot = &lasting->vm->slots[0];
	ASSERT_OK(madvise(slot->hva + GUEST_FREE, slot->size - GUEST_FREE, MADV_DONTNEED));
	touch(lasting, GUEST_FREE, GUEST_MEMORY, 0x10000);
}

TEST(memory_of_remapped_pages_is_given_back)
{
	check_memory(remap_round);
}

/* The guest's memory is the process's: it goes with the process, pinned by nobody. */
TEST(guest_memory_is_not_pinned)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_touch);
	uint8_t *big = vm_add_memory(vcpu->vm, 0x10000000, 32 << 20);
	long with, without;

	touch(vcpu, 0x10000000, 0x12000000, 0x1000);
	with = kernel_memory();
	ASSERT_OK(madvise(big, 32 << 20, MADV_DONTNEED));
	without = kernel_memory();
	EXPECT(with - without > 24 << 10, "%ld KiB came back, of 32 MiB", with - without);
}
