// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET_USER_MEMORY_REGION: creating, changing, moving and deleting slots, each
 * error, and that the guest sees the difference.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "errors.h"

#define SIZE	0x10000ULL

static struct vm *vm;

/* Memory for a slot. */
static uint8_t *memory(size_t size)
{
	uint8_t *hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_TRUE(hva != MAP_FAILED);
	return hva;
}

TEST(slot_create_and_delete)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, 0, 0, hva));
	/* Its place and its number are free again. */
	EXPECT_EQ(0, vm_set_slot(vm, 1, 0, 0, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, SIZE, SIZE, hva));
}

TEST(slot_delete_of_what_is_not_there_is_einval)
{
	vm = vm_create();
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, 0, NULL));
}

TEST(slot_delete_ignores_the_addresses)
{
	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0, SIZE, memory(SIZE)));
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, 0x5000, 0, NULL));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, 0, NULL));
}

TEST(slot_unaligned_is_einval)
{
	uint8_t *hva = memory(2 * SIZE);

	vm = vm_create();
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 1, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0x800, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE + 1, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, 1, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE, hva + 1));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE, hva + 0x200));
}

TEST(slot_unknown_flags_are_einval)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	for (int bit = 2; bit < 32; bit++)
		EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 1U << bit, 0, SIZE, hva));
}

TEST(slot_number_too_large_is_einval)
{
	int max = device_capability(MINIVMM_CAP_NR_MEMSLOTS);
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, max, 0, 0, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0xffff, 0, 0, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, ~0U, 0, 0, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, max - 1, 0, 0, SIZE, hva));
}

TEST(slot_in_another_address_space_is_einval)
{
	vm = vm_create();
	/* Bits 16 and up choose an address space. KVM has a second one, for SMM. */
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 2 << 16, 0, 0, SIZE, memory(SIZE)));
	MINIVMM_ONLY("KVM has a second address space");
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 1 << 16, 0, 0, SIZE, memory(SIZE)));
}

TEST(slot_overlap_is_eexist)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0x100000, SIZE, hva));
	EXPECT_ERRNO(EEXIST, vm_set_slot(vm, 1, 0, 0x100000, SIZE, hva));
	EXPECT_ERRNO(EEXIST, vm_set_slot(vm, 1, 0, 0x100000 - PAGE, 2 * PAGE, hva));
	EXPECT_ERRNO(EEXIST, vm_set_slot(vm, 1, 0, 0x100000 + SIZE - PAGE, 2 * PAGE, hva));
	EXPECT_ERRNO(EEXIST, vm_set_slot(vm, 1, 0, 0x100000 + PAGE, PAGE, hva));
	EXPECT_ERRNO(EEXIST, vm_set_slot(vm, 1, 0, 0, 0x200000, memory(0x200000)));
	/* Side by side is no overlap. */
	EXPECT_EQ(0, vm_set_slot(vm, 1, 0, 0x100000 - PAGE, PAGE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 2, 0, 0x100000 + SIZE, PAGE, hva));
}

TEST(slot_same_memory_twice)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 1, 0, SIZE, SIZE, hva));
}

TEST(slot_that_wraps_around_is_einval)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, -SIZE, 2 * SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, -SIZE, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, SIZE, -SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, -SIZE, hva));
}

TEST(slot_above_the_cpu_s_physical_addresses_is_einval)
{
	vm = vm_create();
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 1ULL << 52, SIZE, memory(SIZE)));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, (1ULL << 52) - PAGE, SIZE, memory(SIZE)));
}

TEST(slot_too_large_is_einval)
{
	vm = vm_create();
	/* 2^31 pages are one too many. */
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, 1ULL << 43, (void *)PAGE));
}

TEST(slot_outside_user_memory_is_einval)
{
	vm = vm_create();
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE, KERNEL_POINTER));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE, (void *)0x7ffffffff000UL));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE, (void *)-SIZE));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE, (void *)0x8000000000000000UL));
}

TEST(slot_on_unmapped_user_memory_is_accepted)
{
	/* Whether something is mapped there matters when the guest uses it. */
	vm = vm_create();
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, 0, SIZE, (void *)0x100000));
}

TEST(slot_bad_pointer_is_efault)
{
	vm = vm_create();
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, KERNEL_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, last_word_of_page()));
}

/* ---- changing a slot ---- */

TEST(slot_set_again_unchanged)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, 0, SIZE, hva));
}

TEST(slot_resize_is_einval)
{
	uint8_t *hva = memory(2 * SIZE);

	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, 2 * SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, PAGE, hva));
}

TEST(slot_other_user_memory_is_einval)
{
	uint8_t *hva = memory(2 * SIZE);

	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE, hva + SIZE));
}

TEST(slot_change_of_readonly_is_einval)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, MINIVMM_MEM_READONLY, 0, SIZE, hva));
	ASSERT_OK(vm_set_slot(vm, 1, MINIVMM_MEM_READONLY, SIZE, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 1, 0, SIZE, SIZE, hva));
}

TEST(slot_move_onto_another_is_eexist)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	ASSERT_OK(vm_set_slot(vm, 1, 0, SIZE, SIZE, hva));
	EXPECT_ERRNO(EEXIST, vm_set_slot(vm, 1, 0, PAGE, SIZE, hva));
	/* Onto part of its own place is a move like any other. */
	EXPECT_EQ(0, vm_set_slot(vm, 1, 0, SIZE + PAGE, SIZE, hva));
}

TEST(slot_dirty_log_can_be_changed)
{
	uint8_t *hva = memory(SIZE);

	vm = vm_create();
	EXPECT_EQ(0, vm_set_slot(vm, 0, MINIVMM_MEM_LOG_DIRTY_PAGES, 0, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, 0, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 0, MINIVMM_MEM_LOG_DIRTY_PAGES, 0, SIZE, hva));
	/* with a move at once */
	EXPECT_EQ(0, vm_set_slot(vm, 0, 0, SIZE, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 0, MINIVMM_MEM_LOG_DIRTY_PAGES, 0, SIZE, hva));
	/* but nothing else with it */
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, MINIVMM_MEM_READONLY, 0, SIZE, hva));
	EXPECT_ERRNO(EINVAL, vm_set_slot(vm, 0, 0, 0, SIZE - PAGE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 1, MINIVMM_MEM_READONLY, SIZE, SIZE, hva));
	EXPECT_EQ(0, vm_set_slot(vm, 1, MINIVMM_MEM_READONLY | MINIVMM_MEM_LOG_DIRTY_PAGES,
				 SIZE, SIZE, hva));
}

/* ---- and what the guest sees of it ---- */

#define AREA	0x1000000ULL

GUEST64(read_area, "1: mov 0x1000000, %eax\n"
		   "out %eax, $0x10\n"
		   "jmp 1b\n");
GUEST64(write_area, "mov $0x1000008, %rbx\n"
		    "movl $0x600df00d, (%rbx)\n"
		    "mov (%rbx), %eax\n"
		    "out %eax, $0x10\n"
		    "hlt\n");

TEST(guest_sees_a_slot_come_and_go)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, read_area);
	uint32_t *hva = (uint32_t *)memory(SIZE);

	*hva = 0x11111111;
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(AREA, vcpu->run->mmio.phys_addr);
	EXPECT_EQ(4, vcpu->run->mmio.len);
	EXPECT_EQ(0, vcpu->run->mmio.is_write);
	memset(vcpu->run->mmio.data, 0x22, 4);
	EXPECT_EQ(0x22222222, vcpu_run_to_out(vcpu, 0x10));

	ASSERT_OK(vm_set_slot(vcpu->vm, 5, 0, AREA, SIZE, hva));
	EXPECT_EQ(0x11111111, vcpu_run_to_out(vcpu, 0x10));
	ASSERT_OK(vm_set_slot(vcpu->vm, 5, 0, AREA, 0, hva));
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
}

TEST(guest_sees_a_slot_move)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, read_area);
	uint32_t *first = (uint32_t *)memory(SIZE), *second = (uint32_t *)memory(SIZE);

	*first = 1;
	*second = 2;
	ASSERT_OK(vm_set_slot(vcpu->vm, 5, 0, AREA, SIZE, first));
	ASSERT_OK(vm_set_slot(vcpu->vm, 6, 0, AREA + SIZE, SIZE, second));
	EXPECT_EQ(1, vcpu_run_to_out(vcpu, 0x10));
	ASSERT_OK(vm_set_slot(vcpu->vm, 5, 0, AREA + 2 * SIZE, SIZE, first));
	ASSERT_OK(vm_set_slot(vcpu->vm, 6, 0, AREA, SIZE, second));
	EXPECT_EQ(2, vcpu_run_to_out(vcpu, 0x10));
}

TEST(guest_write_to_readonly_slot_is_mmio)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, write_area);
	uint32_t *hva = (uint32_t *)memory(SIZE);

	hva[2] = 0x12345678;
	ASSERT_OK(vm_set_slot(vcpu->vm, 5, MINIVMM_MEM_READONLY, AREA, SIZE, hva));
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(AREA + 8, vcpu->run->mmio.phys_addr);
	EXPECT_EQ(1, vcpu->run->mmio.is_write);
	EXPECT_EQ(4, vcpu->run->mmio.len);
	EXPECT_EQ(0x600df00d, *(uint32_t *)vcpu->run->mmio.data);
	/* Reading it is no exit, and the write changed nothing. */
	EXPECT_EQ(0x12345678, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0x12345678, hva[2]);
}

TEST(guest_readonly_slot_on_memory_the_caller_may_only_read)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, read_area);
	uint32_t *hva = (uint32_t *)memory(SIZE);

	*hva = 0x0badcafe;
	ASSERT_OK(mprotect(hva, SIZE, PROT_READ));
	ASSERT_OK(vm_set_slot(vcpu->vm, 5, MINIVMM_MEM_READONLY, AREA, SIZE, hva));
	EXPECT_EQ(0x0badcafe, vcpu_run_to_out(vcpu, 0x10));
}

TEST(guest_use_of_unmapped_user_memory_is_efault)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, read_area);
	uint8_t *hva = memory(SIZE);

	ASSERT_OK(vm_set_slot(vcpu->vm, 5, 0, AREA, SIZE, hva));
	ASSERT_OK(munmap(hva, SIZE));
	EXPECT_ERRNO(EFAULT, vcpu_run(vcpu));
	/* With something mapped there, the same instruction goes on. */
	ASSERT_TRUE(mmap(hva, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == hva);
	*hva = 7;
	EXPECT_EQ(7, vcpu_run_to_out(vcpu, 0x10));
}

TEST(guest_follows_the_caller_s_memory)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, read_area);
	uint32_t *hva = (uint32_t *)memory(SIZE);

	ASSERT_OK(vm_set_slot(vcpu->vm, 5, 0, AREA, SIZE, hva));
	*hva = 1;
	EXPECT_EQ(1, vcpu_run_to_out(vcpu, 0x10));
	/* The page is given back, and comes anew as zeroes. */
	ASSERT_OK(madvise(hva, SIZE, MADV_DONTNEED));
	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x10));
	/* Another page in its place. */
	ASSERT_TRUE(mmap(hva, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == hva);
	*hva = 3;
	EXPECT_EQ(3, vcpu_run_to_out(vcpu, 0x10));
}
