// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory is the process's memory: slots that are read-only, move and go,
 * two VMs beside each other, high addresses, files shared with others, fork.
 *
 * What the process does to the pages under a running guest is in remap.c.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmio.h"

#define SLOT_GPA	0x90000000ULL
#define PAGE		4096ULL

static uint8_t *anonymous(uint64_t size)
{
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(memory != MAP_FAILED);
	return memory;
}

/* Slot 10: the lower ones belong to vm_add_memory(). */
static void set_slot(struct vcpu *vcpu, uint32_t flags, uint64_t gpa, uint64_t size,
		     const void *hva)
{
	ASSERT_OK(vm_set_slot(vcpu->vm, 10, flags, gpa, size, hva));
}

/* RBX: address. The guest reads it into EAX, writes ECX there, for ever. */
GUEST64(guest_read_write,
	"1: mov (%rbx), %eax\n out %al, $0x42\n mov %ecx, (%rbx)\n out %al, $0x43\n jmp 1b\n");

static struct vcpu *read_write_guest(uint64_t address, uint32_t value)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_read_write);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rbx = address;
	regs.rcx = value;
	vcpu_set_regs(vcpu, &regs);
	return vcpu;
}

static uint32_t guest_reads(struct vcpu *vcpu)
{
	vcpu_run_to_out(vcpu, 0x42);
	return vcpu_regs(vcpu).rax;
}

TEST(host_and_guest_see_each_others_writes)
{
	struct vcpu *vcpu = read_write_guest(RAM, 0x1234);
	volatile uint32_t *host = vm_at(vcpu->vm, RAM);

	for (uint32_t i = 1; i < 100; i++) {
		*host = i;
		EXPECT_EQ(i, guest_reads(vcpu));
		vcpu_run_to_out(vcpu, 0x43);
		EXPECT_EQ(0x1234, *host);
	}
}

/* The first access is a read: the zero page must not be written later. */
TEST(page_read_first_is_a_page_of_its_own_when_written)
{
	struct vcpu *vcpu = read_write_guest(0x200000, 0x1234);
	uint8_t *other = anonymous(PAGE);

	ASSERT_OK(madvise(vm_at(vcpu->vm, 0x200000), 0x200000, MADV_NOHUGEPAGE));
	EXPECT_EQ(0, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	EXPECT_EQ(0x1234, *(uint32_t *)vm_at(vcpu->vm, 0x200000));
	EXPECT_EQ(0, *(uint32_t *)other);
}

/* ---- read-only slots ---- */

TEST(read_only_slot)
{
	struct vcpu *vcpu = read_write_guest(SLOT_GPA + 8, 0x1234);
	uint8_t *memory = anonymous(PAGE);

	*(uint32_t *)(memory + 8) = 0x5678;
	set_slot(vcpu, MINIVMM_MEM_READONLY, SLOT_GPA, PAGE, memory);
	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_EQ(0x5678, guest_reads(vcpu));
		expect_write(vcpu, SLOT_GPA + 8, 4, 0x1234);
		vcpu_run_to_out(vcpu, 0x43);
		EXPECT_EQ(0x5678, *(uint32_t *)(memory + 8));
	}
}

/* The process itself may not write there either: no harm. */
TEST(read_only_slot_of_read_only_memory)
{
	struct vcpu *vcpu = read_write_guest(SLOT_GPA, 0x1234);
	uint8_t *memory = anonymous(PAGE);

	*(uint32_t *)memory = 0x5678;
	ASSERT_OK(mprotect(memory, PAGE, PROT_READ));
	set_slot(vcpu, MINIVMM_MEM_READONLY, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0x5678, guest_reads(vcpu));
	expect_write(vcpu, SLOT_GPA, 4, 0x1234);
	vcpu_run_to_out(vcpu, 0x43);
}

GUEST64(guest_or_read_only, "mov $0x90000000, %ebx\n orl $1, (%rbx)\n call *%rbx\n hlt\n");

/* A read-modify-write reads the memory and writes to user space; code may run there. */
TEST(read_only_slot_read_modify_write_and_execute)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_or_read_only);
	uint8_t *memory = anonymous(PAGE);

	memcpy(memory, "\x90\x90\x90\xc3", 4);		/* nop; nop; nop; ret */
	set_slot(vcpu, MINIVMM_MEM_READONLY, SLOT_GPA, PAGE, memory);
	expect_write(vcpu, SLOT_GPA, 4, 0xc3909091);
	expect_hlt(vcpu);
	EXPECT_EQ(0x90, memory[0]);
}

TEST(slot_becomes_read_only_and_writable_again)
{
	struct vcpu *vcpu = read_write_guest(SLOT_GPA, 0x1234);
	uint8_t *memory = anonymous(PAGE);

	set_slot(vcpu, 0, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	set_slot(vcpu, 0, 0, 0, NULL);
	set_slot(vcpu, MINIVMM_MEM_READONLY, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0x1234, guest_reads(vcpu));
	expect_write(vcpu, SLOT_GPA, 4, 0x1234);
	vcpu_run_to_out(vcpu, 0x43);
	set_slot(vcpu, 0, 0, 0, NULL);
	set_slot(vcpu, 0, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0x1234, guest_reads(vcpu));
	memset(memory, 0, PAGE);
	vcpu_run_to_out(vcpu, 0x43);
	EXPECT_EQ(0x1234, *(uint32_t *)memory);
}

/* ---- slots move and go ---- */

TEST(deleted_slot_is_mmio)
{
	struct vcpu *vcpu = read_write_guest(SLOT_GPA, 0x1234);
	uint8_t *memory = anonymous(PAGE);

	*(uint32_t *)memory = 0x5678;
	set_slot(vcpu, 0, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0x5678, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	set_slot(vcpu, 0, 0, 0, NULL);
	expect_read(vcpu, SLOT_GPA, 4, 0x9abc);
	EXPECT_EQ(0x9abc, guest_reads(vcpu));
	expect_write(vcpu, SLOT_GPA, 4, 0x1234);
	vcpu_run_to_out(vcpu, 0x43);
	/* and it comes back */
	set_slot(vcpu, 0, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0x1234, guest_reads(vcpu));
}

TEST(moved_slot_answers_at_its_new_place_only)
{
	struct vcpu *vcpu = read_write_guest(SLOT_GPA, 0x1234);
	uint8_t *memory = anonymous(PAGE);
	struct minivmm_regs regs;

	*(uint32_t *)memory = 0x5678;
	set_slot(vcpu, 0, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0x5678, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	set_slot(vcpu, 0, SLOT_GPA + 0x10000, PAGE, memory);
	expect_read(vcpu, SLOT_GPA, 4, 0x9abc);
	EXPECT_EQ(0x9abc, guest_reads(vcpu));
	regs = vcpu_regs(vcpu);
	regs.rbx += 0x10000;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to_out(vcpu, 0x43);
	EXPECT_EQ(0x1234, guest_reads(vcpu));
}

/* The MMIO that the guest has used becomes memory. */
TEST(new_slot_where_mmio_was)
{
	struct vcpu *vcpu = read_write_guest(SLOT_GPA, 0x1234);
	uint8_t *memory = anonymous(PAGE);

	for (unsigned int i = 0; i < 2; i++) {
		expect_read(vcpu, SLOT_GPA, 4, 0x9abc);
		EXPECT_EQ(0x9abc, guest_reads(vcpu));
		expect_write(vcpu, SLOT_GPA, 4, 0x1234);
		vcpu_run_to_out(vcpu, 0x43);
	}
	*(uint32_t *)memory = 0x5678;
	set_slot(vcpu, 0, SLOT_GPA, PAGE, memory);
	EXPECT_EQ(0x5678, guest_reads(vcpu));
}

TEST(same_memory_in_two_slots)
{
	struct vcpu *vcpu = read_write_guest(SLOT_GPA, 0x1234);
	uint8_t *memory = anonymous(PAGE);

	set_slot(vcpu, 0, SLOT_GPA, PAGE, memory);
	ASSERT_OK(vm_set_slot(vcpu->vm, 11, 0, SLOT_GPA + PAGE, PAGE, memory));
	EXPECT_EQ(0, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	EXPECT_EQ(0x1234, *(uint32_t *)memory);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rbx += PAGE;
	vcpu_set_regs(vcpu, &regs);
	EXPECT_EQ(0x1234, guest_reads(vcpu));
}

/* ---- addresses ---- */

GUEST64(guest_high, "1: mov (%rbx), %eax\n mov %ecx, 8(%rbx)\n hlt\n");

static void check_high(uint64_t gpa)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_high);
	uint64_t *pml4 = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);
	struct minivmm_regs regs = vcpu_regs(vcpu);
	uint8_t *memory = vm_add_memory(vcpu->vm, gpa, PAGE);

	*(uint32_t *)memory = 0x5678;
	pml4[1] = RAM | PTE_P | PTE_W;
	*(uint64_t *)vm_at(vcpu->vm, RAM) = (gpa & ~0x3fffffffULL) | PTE_P | PTE_W | 0x80;
	regs.rbx = 0x8000000000 + (gpa & 0x3fffffff);
	regs.rcx = 0x1234;
	vcpu_set_regs(vcpu, &regs);
	expect_hlt(vcpu);
	EXPECT_EQ(0x5678, vcpu_regs(vcpu).rax);
	EXPECT_EQ(0x1234, *(uint32_t *)(memory + 8));
	/* one page further on is nothing */
	regs.rbx += PAGE;
	vcpu_set_regs(vcpu, &regs);
	expect_read(vcpu, gpa + PAGE, 4, 0);
}

TEST(memory_at_high_addresses)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *leaf = cpuid_entry(cpuid, 0x80000008, 0);
	unsigned int bits = leaf ? leaf->eax & 0xff : 36;

	check_high(0x100000000);
	check_high(0x812345000);
	check_high((1ULL << (bits - 1)) + 0x123456000);
	check_high((1ULL << bits) - 2 * PAGE);
}

/* Every page of a large slot is the right one. */
GUEST64(guest_sum, "mov $0x100000000, %rbx\n xor %eax, %eax\n"
	"1: add (%rbx), %rax\n add $4096, %rbx\n dec %ecx\n jnz 1b\n hlt\n");

TEST(large_memory)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_sum);
	uint64_t *pdpt = vm_at(vcpu->vm, 0x11000), sum = 0;
	struct minivmm_regs regs = vcpu_regs(vcpu);
	uint8_t *memory = vm_add_memory(vcpu->vm, 0x100000000, 64 << 20);

	pdpt[4] = 0x100000000 | PTE_P | PTE_W | 0x80;
	for (uint64_t i = 0; i < 16384; i++) {
		*(uint64_t *)(memory + i * PAGE) = i * i;
		sum += i * i;
	}
	regs.rcx = 16384;
	vcpu_set_regs(vcpu, &regs);
	expect_hlt(vcpu);
	EXPECT_EQ(sum, vcpu_regs(vcpu).rax);
}

/* ---- two VMs ---- */

/* The same gva and gpa in both, run in turns on one thread: nothing crosses. */
TEST(two_vms_are_isolated)
{
	struct vcpu *vcpu[2];

	for (uint32_t i = 0; i < 2; i++)
		vcpu[i] = read_write_guest(RAM, 0x1000 + i);
	for (uint32_t round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < 2; i++) {
			EXPECT_EQ(round ? 0x1000 + i : 0, guest_reads(vcpu[i]));
			vcpu_run_to_out(vcpu[i], 0x43);
			EXPECT_EQ(0x1000 + i, *(uint32_t *)vm_at(vcpu[i]->vm, RAM));
		}
	}
	/* one goes, its memory goes, the other does not notice */
	guest_free(vcpu[0]);
	EXPECT_EQ(0x1001, guest_reads(vcpu[1]));
}

/* A new VM must not see translations of one that is gone. */
TEST(vms_one_after_another)
{
	for (uint32_t i = 1; i < 20; i++) {
		struct vcpu *vcpu = read_write_guest(RAM, i);

		EXPECT_EQ(0, guest_reads(vcpu));
		vcpu_run_to_out(vcpu, 0x43);
		EXPECT_EQ(i, guest_reads(vcpu));
		guest_free(vcpu);
	}
}

TEST(two_vms_share_a_memfd)
{
	int fd = memfd_create("guest", 0);
	uint8_t *memory[3];
	struct vcpu *vcpu[2];

	ASSERT_OK(ftruncate(fd, PAGE));
	for (unsigned int i = 0; i < 3; i++) {
		memory[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		ASSERT_TRUE(memory[i] != MAP_FAILED);
	}
	for (uint32_t i = 0; i < 2; i++) {
		vcpu[i] = read_write_guest(SLOT_GPA, 0x1000 + i);
		set_slot(vcpu[i], 0, SLOT_GPA, PAGE, memory[i]);
	}
	EXPECT_EQ(0, guest_reads(vcpu[0]));
	vcpu_run_to_out(vcpu[0], 0x43);
	EXPECT_EQ(0x1000, guest_reads(vcpu[1]));
	vcpu_run_to_out(vcpu[1], 0x43);
	EXPECT_EQ(0x1001, guest_reads(vcpu[0]));
	EXPECT_EQ(0x1001, *(uint32_t *)memory[2]);
	*(uint32_t *)memory[2] = 0x5678;
	vcpu_run_to_out(vcpu[0], 0x43);
	EXPECT_EQ(0x1000, *(uint32_t *)memory[2]);
	/* in the file itself, too */
	uint32_t value;

	ASSERT_EQ(4, pread(fd, &value, 4, 0));
	EXPECT_EQ(0x1000, value);
}

/* ---- fork ---- */

/* After fork() a page is shared until one side writes: the guest's side counts. */
TEST(fork_copies_before_the_guest_writes)
{
	struct vcpu *vcpu = read_write_guest(RAM, 0x1234);
	uint32_t *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile uint32_t *mine = vm_at(vcpu->vm, RAM);
	int go[2], status;
	char byte;
	pid_t pid;

	ASSERT_OK(pipe(go));
	guest_reads(vcpu);
	vcpu_run_to_out(vcpu, 0x43);
	*mine = 0x5678;
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		shared[0] = *mine;
		/* another process's VM: its vCPU cannot run here */
		shared[1] = vcpu_run(vcpu) == -1 ? errno : 0;
		_exit(0);
	}
	EXPECT_EQ(0x5678, guest_reads(vcpu));
	vcpu_run_to_out(vcpu, 0x43);
	EXPECT_EQ(0x1234, *mine);
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0x5678, shared[0]);
	EXPECT_EQ(EIO, shared[1]);
	EXPECT_EQ(0x1234, guest_reads(vcpu));
}

/* The child's death must not take the parent's translations with it. */
TEST(fork_and_exit_of_the_child)
{
	struct vcpu *vcpu = read_write_guest(RAM, 0x1234);

	for (uint32_t i = 0; i < 20; i++) {
		pid_t pid = fork();

		ASSERT_TRUE(pid >= 0);
		if (!pid)
			_exit(0);
		*(volatile uint32_t *)vm_at(vcpu->vm, RAM) = i;
		EXPECT_EQ(i, guest_reads(vcpu));
		vcpu_run_to_out(vcpu, 0x43);
		EXPECT_EQ(0x1234, *(volatile uint32_t *)vm_at(vcpu->vm, RAM));
		waitpid(pid, NULL, 0);
	}
}
