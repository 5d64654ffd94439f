// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's own test: a guest in each mode adds two numbers and says so.
 * If this fails, look here before anywhere else.
 */
#include "vm.h"

#define ADD \
	"mov $40, %eax\n" \
	"add $2, %eax\n" \
	"out %eax, $0x10\n" \
	"hlt\n"
GUEST16(add16, ADD);
GUEST32(add32, ADD);
GUEST64(add64, ADD);

static void run_add(struct vcpu *vcpu)
{
	ASSERT_EQ(42, vcpu_run_to_out(vcpu, 0x10));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	guest_free(vcpu);
}

TEST(guest_adds_in_real_mode)
{
	run_add(guest_new(MODE_REAL, add16));
}

TEST(guest_adds_in_16_bit_protected_mode)
{
	run_add(guest_new(MODE_PROT16, add16));
}

TEST(guest_adds_in_protected_mode)
{
	run_add(guest_new(MODE_PROT32, add32));
}

TEST(guest_adds_with_paging)
{
	run_add(guest_new(MODE_PAGED32, add32));
}

TEST(guest_adds_with_pae_paging)
{
	run_add(guest_new(MODE_PAE, add32));
}

TEST(guest_adds_in_long_mode)
{
	run_add(guest_new(MODE_LONG, add64));
}

GUEST64(peek, "mov 0x50000000, %rax\n"
	      "out %eax, $0x10\n"
	      "hlt\n");

TEST(vm_map_maps_one_page)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, peek);

	*(uint32_t *)vm_at(vcpu->vm, GUEST_FREE) = 0x12345678;
	vm_map(vcpu, 0x50000000, GUEST_FREE | PTE_P);
	ASSERT_EQ(0x12345678, vcpu_run_to_out(vcpu, 0x10));
}
