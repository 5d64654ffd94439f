// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest whose page tables are in a read-only slot, as firmware in ROM has them,
 * or in one with a dirty log.
 *
 * A processor that sets accessed and dirty flags in EPT takes each look at them
 * for a write. The guest has to run all the same, with instructions of any kind;
 * and a flag that is set in a guest's table is a write to the log.
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

/* The slot of the page tables becomes one with these flags. */
static void set_tables(struct vcpu *vcpu, uint32_t flags)
{
	uint8_t *ram = vm_at(vcpu->vm, 0);

	ASSERT_OK(vm_set_slot(vcpu->vm, 1, 0, 0, 0, NULL));
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, flags, 0x10000, 0x30000, ram + 0x10000));
}

/* They are found out in the midst of it: what was logged until then counts. */
TEST(page_tables_become_read_only_while_a_log_is_on)
{
	uint64_t bitmap = 0;
	uint8_t *memory;
	struct vcpu *vcpu;

	KVM_CANNOT;
	memory = area_memory(LARGE, MADV_NORMAL);
	vcpu = guest_in_rom(memory);
	set_tables(vcpu, 0);
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(get_log(vcpu, &bitmap));
	EXPECT_EQ(~0ULL, bitmap);
	vcpu_run_to_out(vcpu, 0x10);
	set_tables(vcpu, MINIVMM_MEM_READONLY);
	vcpu_run_to_out(vcpu, 0x10);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_OK(get_log(vcpu, &bitmap));
		EXPECT_EQ(~0ULL, bitmap);
		vcpu_run_to_out(vcpu, 0x10);
	}
}

/* Pages that were written before, and are not again when the log begins anew. */
TEST(writes_are_logged_when_page_tables_have_become_read_only)
{
	uint64_t bitmap = 0;
	uint8_t *memory;
	struct vcpu *vcpu;

	KVM_CANNOT;
	memory = area_memory(LARGE, MADV_NORMAL);
	vcpu = guest_in_rom(memory);
	set_tables(vcpu, 0);
	vcpu_run_to_out(vcpu, 0x10);
	set_tables(vcpu, MINIVMM_MEM_READONLY);
	ASSERT_OK(get_log(vcpu, &bitmap));
	EXPECT_EQ(~0ULL, bitmap);
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(get_log(vcpu, &bitmap));
	EXPECT_EQ(~0ULL, bitmap);
}

/* ---- tables in a slot with a dirty log ---- */

#define GVA		0x200000	/* its page table is used for nothing else */
#define GPA		0x300000
#define PTE_A		0x20ULL
#define PTE_D		0x40ULL

static uint64_t dirty[GUEST_MEMORY / PAGE / 64];

/* Has this page of the guest's memory been written since it was asked last? */
static bool was_written(struct vcpu *vcpu, uint64_t gpa)
{
	struct minivmm_dirty_log log = { .dirty_bitmap = dirty };

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_GET_DIRTY_LOG, &log));
	return dirty[gpa / PAGE / 64] >> gpa / PAGE % 64 & 1;
}

static uint64_t *next_table(struct vcpu *vcpu, uint64_t *table, unsigned int index)
{
	return vm_at(vcpu->vm, table[index] & 0xffffffffff000);
}

/* The page table of the 2 MiB at GVA, whose first entry maps GPA. */
static uint64_t *logged_table(struct vcpu *vcpu, uint64_t *gpa)
{
	uint64_t *table = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);
	uint8_t *ram = vm_at(vcpu->vm, 0);

	vm_map(vcpu, GVA, GPA | PTE_P | PTE_W);
	table = next_table(vcpu, table, 0);
	table = next_table(vcpu, table, 0);
	table = next_table(vcpu, table, 1);
	ASSERT_EQ(GPA | PTE_P | PTE_W, table[0]);
	*gpa = (uint8_t *)table - ram;
	ASSERT_OK(vm_set_slot(vcpu->vm, 0, MINIVMM_MEM_LOG_DIRTY_PAGES, 0, GUEST_MEMORY, ram));
	return table;
}

GUEST64(guest_reads_and_writes,
	"out %al, $0x10\n"
	"mov 0x200000, %eax\n out %al, $0x10\n"
	"mov %eax, 0x200000\n out %al, $0x10\n");

TEST(accessed_and_dirty_flags_are_writes_to_a_table)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_reads_and_writes);
	uint64_t gpa, *table = logged_table(vcpu, &gpa);

	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(!was_written(vcpu, gpa));
	EXPECT_EQ(0, table[0] & (PTE_A | PTE_D));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(was_written(vcpu, gpa));
	EXPECT_EQ(PTE_A, table[0] & (PTE_A | PTE_D));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(was_written(vcpu, gpa));
	EXPECT_EQ(PTE_A | PTE_D, table[0] & (PTE_A | PTE_D));
}

/* From MMIO: the instruction is the hypervisor's, and so is the walk for its target. */
GUEST64(guest_movs, "mov $0x90000000, %esi\n mov $0x200000, %edi\n movsb\n out %al, $0x10\n");

TEST(flags_that_the_hypervisor_sets_are_writes_to_a_table)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_movs);
	uint64_t gpa, *table = logged_table(vcpu, &gpa);
	bool before;

	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	before = was_written(vcpu, gpa);
	EXPECT_EQ(before, !!(table[0] & PTE_A));
	vcpu->run->mmio.data[0] = 0x5a;
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(was_written(vcpu, gpa) || before);
	EXPECT_EQ(PTE_A | PTE_D, table[0] & (PTE_A | PTE_D));
	EXPECT_EQ(0x5a, *(uint8_t *)vm_at(vcpu->vm, GPA));
}

GUEST64(guest_loads_ds, "out %al, $0x10\n"
			"mov $0x10, %eax\n mov %eax, %ds\n out %al, $0x10\n");

TEST(accessed_flag_is_a_write_to_a_segment_table)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_loads_ds);
	uint8_t *access = vm_at(vcpu->vm, GUEST_GDT + SEL_DATA + 5);
	uint64_t gpa;

	*access &= ~1;
	logged_table(vcpu, &gpa);
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(!was_written(vcpu, GUEST_GDT));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(was_written(vcpu, GUEST_GDT));
	EXPECT_EQ(1, *access & 1);
}
