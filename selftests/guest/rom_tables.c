// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest whose page tables are in a read-only slot, as firmware in ROM has them.
 *
 * A processor that sets accessed and dirty flags in EPT takes each look at them
 * for a write. The guest has to run all the same, with instructions of any kind.
 */
#include "area.h"

#define SIZE	(64 * PAGE)

/* Instructions that no emulator of MMIO has to know, on memory all over. */
GUEST64(guest_sum,
	"1: mov $0x10000000, %ebx\n mov $64, %ecx\n fninit\n fldz\n"
	"2: fiaddl (%rbx)\n lock xaddl %ecx, 16(%rbx)\n sub %ecx, %ecx\n"
	"add $4096, %rbx\n cmp $0x10040000, %ebx\n jne 2b\n"
	"fistpl 0x9000\n mov 0x9000, %eax\n out %eax, $0x10\n jmp 1b\n");

static struct vcpu *guest_in_rom(uint8_t *memory)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_sum);
	uint64_t *table = vm_at(vcpu->vm, GUEST_TABLES);
	uint8_t *ram = vm_at(vcpu->vm, 0);

	/* accessed and dirty, so that nobody has to write there */
	for (unsigned int i = 0; i < 0x30000 / 8; i++)
		table[i] |= table[i] ? 0x60 : 0;
	ASSERT_OK(vm_set_slot(vcpu->vm, 0, 0, 0, 0, NULL));
	ASSERT_OK(vm_set_slot(vcpu->vm, 0, 0, 0, 0x10000, ram));
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, MINIVMM_MEM_READONLY, 0x10000, 0x30000,
			      ram + 0x10000));
	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, MINIVMM_MEM_LOG_DIRTY_PAGES, AREA_GPA, SIZE,
			      memory));
	for (unsigned int page = 0; page < 64; page++)
		*(uint32_t *)(memory + page * PAGE) = page;
	return vcpu;
}

#define KVM_CANNOT \
	MINIVMM_ONLY("KVM takes each walk of such tables for a write, and cannot go on")

TEST(page_tables_in_a_read_only_slot)
{
	uint64_t bitmap = 0;
	struct vcpu *vcpu;
	uint8_t *memory;

	KVM_CANNOT;
	memory = area_memory(LARGE, MADV_NORMAL);
	vcpu = guest_in_rom(memory);
	for (unsigned int i = 0; i < 3; i++) {
		EXPECT_EQ(64 * 63 / 2, vcpu_run_to_out(vcpu, 0x10));
		ASSERT_OK(get_log(vcpu, &bitmap));
		EXPECT_EQ(~0ULL, bitmap);
		ASSERT_OK(get_log(vcpu, &bitmap));
		EXPECT_EQ(0, bitmap);
	}
	EXPECT_EQ(3 * 64, *(uint32_t *)(memory + 16));
}

/* They are found out in the midst of it: what was logged until then counts. */
TEST(page_tables_become_read_only_while_a_log_is_on)
{
	uint8_t *memory, *ram;
	uint64_t bitmap = 0;
	struct vcpu *vcpu;

	KVM_CANNOT;
	memory = area_memory(LARGE, MADV_NORMAL);
	vcpu = guest_in_rom(memory);
	ram = vm_at(vcpu->vm, 0);
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, 0, 0, 0, NULL));
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, 0, 0x10000, 0x30000, ram + 0x10000));
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(get_log(vcpu, &bitmap));
	EXPECT_EQ(~0ULL, bitmap);
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, 0, 0, 0, NULL));
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, MINIVMM_MEM_READONLY, 0x10000, 0x30000,
			      ram + 0x10000));
	vcpu_run_to_out(vcpu, 0x10);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_OK(get_log(vcpu, &bitmap));
		EXPECT_EQ(~0ULL, bitmap);
		vcpu_run_to_out(vcpu, 0x10);
	}
}
