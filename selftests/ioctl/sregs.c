// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_SREGS and SET_SREGS: values after reset, the round trip, and every
 * combination of control registers that is refused.
 */
#include "errors.h"

#define CR0_PE		0x1ULL
#define CR0_NW		0x20000000ULL
#define CR0_CD		0x40000000ULL
#define CR0_PG		0x80000000ULL
#define CR4_PAE		0x20ULL
#define CR4_VMXE	0x2000ULL
#define EFER_LME	0x100ULL
#define EFER_LMA	0x400ULL

static struct vcpu *new_vcpu(void)
{
	return vcpu_create(vm_create(), 0);
}

static void expect_reset_segment(const char *name, const struct minivmm_segment *s,
				 uint16_t selector, uint64_t base, uint8_t type, bool system)
{
	EXPECT(s->selector == selector && s->base == base && s->limit == 0xffff &&
	       s->type == type && s->s == !system && s->present && !s->dpl && !s->g &&
	       !s->unusable,
	       "%s: %#x base %#llx limit %#x type %u s %u present %u", name, s->selector,
	       (unsigned long long)s->base, s->limit, s->type, s->s, s->present);
}

TEST(sregs_after_reset)
{
	struct minivmm_sregs s = vcpu_sregs(new_vcpu());

	expect_reset_segment("cs", &s.cs, 0xf000, 0xffff0000, 11, false);
	expect_reset_segment("ds", &s.ds, 0, 0, 3, false);
	expect_reset_segment("es", &s.es, 0, 0, 3, false);
	expect_reset_segment("fs", &s.fs, 0, 0, 3, false);
	expect_reset_segment("gs", &s.gs, 0, 0, 3, false);
	expect_reset_segment("ss", &s.ss, 0, 0, 3, false);
	expect_reset_segment("tr", &s.tr, 0, 0, 11, true);
	expect_reset_segment("ldt", &s.ldt, 0, 0, 2, true);
	EXPECT_EQ(0, s.gdt.base);
	EXPECT_EQ(0xffff, s.gdt.limit);
	EXPECT_EQ(0, s.idt.base);
	EXPECT_EQ(0xffff, s.idt.limit);
	EXPECT_EQ(0x60000010, s.cr0);
	EXPECT_EQ(0, s.cr2);
	EXPECT_EQ(0, s.cr3);
	EXPECT_EQ(0, s.cr4);
	EXPECT_EQ(0, s.cr8);
	EXPECT_EQ(0, s.efer);
	EXPECT_EQ(0, s.interrupt_bitmap[0] | s.interrupt_bitmap[1] | s.interrupt_bitmap[2] |
		  s.interrupt_bitmap[3]);
}

TEST(sregs_apic_base_after_reset)
{
	struct vm *vm = vm_create();
	struct vcpu *first = vcpu_create(vm, 0), *second = vcpu_create(vm, 1);

	/* Bit 8: the boot processor. Bit 11, enabled, needs an APIC to mean anything. */
	EXPECT_EQ(0xfee00100, vcpu_sregs(first).apic_base & ~0x800ULL);
	EXPECT_EQ(0, vcpu_sregs(second).apic_base & 0x100);
}

TEST(sregs_of_every_mode_round_trip)
{
	for (enum guest_mode mode = 0; mode < NR_MODES; mode++) {
		struct vcpu *vcpu = guest_create(mode, "\xf4", 1);
		struct minivmm_sregs in = vcpu_sregs(vcpu), out;

		in.cr2 = 0x123456789abcdef0;
		in.cr8 = 7;
		in.ds.base = 0x10000;
		in.gs.base = mode == MODE_LONG ? 0xffff800000000000 : 0x20000;
		in.fs.selector = 0x33;
		in.es.limit = mode == MODE_REAL ? 0xffff : 0xfffff;
		vcpu_set_sregs(vcpu, &in);
		out = vcpu_sregs(vcpu);
		for (size_t i = 0; i < sizeof(in); i++)
			EXPECT(((uint8_t *)&in)[i] == ((uint8_t *)&out)[i],
			       "%s: byte %zu is %#x, expected %#x", mode_name(mode), i,
			       ((uint8_t *)&out)[i], ((uint8_t *)&in)[i]);
		guest_free(vcpu);
	}
}

/* SET_SREGS must refuse this change of a guest in a mode, and change nothing. */
static void expect_refused(enum guest_mode mode, const char *what,
			   void (*change)(struct minivmm_sregs *s))
{
	struct vcpu *vcpu = guest_create(mode, "\xf4", 1);
	struct minivmm_sregs before = vcpu_sregs(vcpu), wrong = before, after;
	int result;

	wrong.cr2 = 0x1000;
	change(&wrong);
	result = ioctl(vcpu->fd, MINIVMM_SET_SREGS, &wrong);
	EXPECT(result == -1 && errno == EINVAL, "%s: %d, %s", what, result, strerror(errno));
	after = vcpu_sregs(vcpu);
	EXPECT(!memcmp(&before, &after, sizeof(before)), "%s: changed all the same", what);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	guest_free(vcpu);
}

#define REFUSED(test, mode, statement) \
	static void change_##test(struct minivmm_sregs *s) \
	{ \
		statement; \
	} \
	TEST(sregs_##test##_is_einval) \
	{ \
		expect_refused(mode, #statement, change_##test); \
	}

REFUSED(cr0_paging_without_protection, MODE_LONG, s->cr0 &= ~CR0_PE)
REFUSED(cr0_nw_without_cd, MODE_LONG, s->cr0 = (s->cr0 | CR0_NW) & ~CR0_CD)
REFUSED(cr0_upper_half, MODE_LONG, s->cr0 |= 1ULL << 32)
REFUSED(cr4_reserved_bit, MODE_LONG, s->cr4 |= 1ULL << 31)
REFUSED(cr4_upper_half, MODE_LONG, s->cr4 |= 1ULL << 63)
REFUSED(cr4_without_pae_in_long_mode, MODE_LONG, s->cr4 &= ~CR4_PAE)
REFUSED(efer_lma_missing_in_long_mode, MODE_LONG, s->efer &= ~EFER_LMA)
REFUSED(efer_lma_without_lme, MODE_LONG, s->efer &= ~EFER_LME)
REFUSED(efer_lma_without_paging, MODE_PROT32, s->efer |= EFER_LMA | EFER_LME)
REFUSED(cs_l_outside_long_mode, MODE_PAE, s->cs.l = 1)
REFUSED(cs_l_in_real_mode, MODE_REAL, s->cs.l = 1)
REFUSED(cr3_beyond_physical_addresses, MODE_LONG, s->cr3 |= 1ULL << 60)
REFUSED(apic_base_reserved_bit, MODE_LONG, s->apic_base |= 1)
REFUSED(apic_base_beyond_physical_addresses, MODE_LONG, s->apic_base |= 1ULL << 60)

TEST(sregs_cr4_bit_that_cpuid_lacks_is_einval)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *leaf1 = cpuid_entry(cpuid, 1, 0);
	struct minivmm_sregs s;

	ASSERT_TRUE(leaf1);
	vm_add_memory(vm, 0, GUEST_MEMORY);
	leaf1->ecx &= ~(1U << 26);		/* XSAVE, hence CR4.OSXSAVE */
	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	s = vcpu_sregs(vcpu);
	s.cr4 |= 1ULL << 18;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_SREGS, &s));
}

TEST(sregs_cr4_is_limited_by_the_processor_alone_before_cpuid_is_set)
{
	struct vm *vm = vm_create();
	struct minivmm_cpuid2 nothing = { .nent = 0 };
	int vcpu = ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0);
	struct minivmm_sregs s;

	ASSERT_TRUE(vcpu >= 0);
	ASSERT_EQ(0, ioctl(vcpu, MINIVMM_GET_SREGS, &s));
	s.cr4 |= 1ULL << 18;
	EXPECT_EQ(0, ioctl(vcpu, MINIVMM_SET_SREGS, &s));
	s.cr4 |= 1ULL << 31;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu, MINIVMM_SET_SREGS, &s));
	s.cr4 = 1ULL << 18;
	ASSERT_EQ(0, ioctl(vcpu, MINIVMM_SET_CPUID2, &nothing));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu, MINIVMM_SET_SREGS, &s));
}

TEST(sregs_cr4_vmxe_is_einval)
{
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_sregs s = vcpu_sregs(vcpu);

	MINIVMM_ONLY("KVM can nest");
	s.cr4 |= CR4_VMXE;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_SREGS, &s));
}

TEST(sregs_wrong_in_other_ways_are_a_failed_entry)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);
	struct minivmm_sregs good = vcpu_sregs(vcpu), wrong = good;

	wrong.tr.type = 3;		/* a 16-bit TSS, in long mode */
	vcpu_set_sregs(vcpu, &wrong);
	vcpu_run_to(vcpu, MINIVMM_EXIT_FAIL_ENTRY);
	/* Invalid guest state, with the bit that marks a failed entry. */
	EXPECT_EQ(0x80000021, vcpu->run->fail_entry.hardware_entry_failure_reason);
	/* Nothing is lost: with the good ones it runs. */
	vcpu_set_sregs(vcpu, &good);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(load_cr2, "mov %cr2, %rax\n"
		  "out %eax, $0x10\n"
		  "mov %cr8, %rax\n"
		  "out %eax, $0x10\n"
		  "mov %ds, %eax\n"
		  "out %eax, $0x10\n"
		  "mov $6, %eax\n"
		  "mov %rax, %cr8\n"
		  "mov $0x1234, %eax\n"
		  "mov %rax, %cr2\n"
		  "hlt\n");

TEST(sregs_reach_the_guest_and_come_back)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, load_cr2);
	struct minivmm_sregs s = vcpu_sregs(vcpu);

	s.cr2 = 0x7654321;
	s.ds.selector = SEL_USER_DATA;
	vcpu_set_sregs(vcpu, &s);
	/* Without an interrupt controller in the kernel, RUN takes CR8 from here. */
	vcpu->run->cr8 = 9;
	EXPECT_EQ(0x7654321, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(9, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(SEL_USER_DATA, vcpu_run_to_out(vcpu, 0x10));
	for (int i = 0; vcpu->run->exit_reason != MINIVMM_EXIT_HLT; i++) {
		ASSERT_TRUE(i < 2);
		ASSERT_EQ(0, vcpu_run(vcpu));
	}
	s = vcpu_sregs(vcpu);
	EXPECT_EQ(6, s.cr8);
	EXPECT_EQ(6, vcpu->run->cr8);
	EXPECT_EQ(0x1234, s.cr2);
}
