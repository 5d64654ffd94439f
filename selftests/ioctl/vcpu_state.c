// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rest of a vCPU's state: DEBUGREGS, XSAVE, XCRS, SREGS2, and the registers
 * that go in and out with RUN.
 */
#include "errors.h"

#define CR4_PAE		0x20
#define CR4_OSFXSR	0x200
#define CR4_OSXSAVE	0x40000

static struct vcpu *new_vcpu(void)
{
	return vcpu_create(vm_create(), 0);
}

/* ---- debug registers ---- */

TEST(debugregs_round_trip)
{
	struct minivmm_debugregs regs = {
		.db = { 0x1000, 0x2000, 0xffff800000003000, 0x4000 },
		.dr6 = 0xffff4ff0, .dr7 = 0x401,
	}, back;
	struct vcpu *vcpu = new_vcpu();

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_DEBUGREGS, &back));
	EXPECT_EQ(0xffff0ff0, back.dr6);
	EXPECT_EQ(0x400, back.dr7);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_DEBUGREGS, &regs));
	memset(&back, 0xff, sizeof(back));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_DEBUGREGS, &back));
	EXPECT_TRUE(!memcmp(&regs, &back, sizeof(regs)));
}

GUEST64(guest_read_dr, "mov %dr0, %rax\n out %eax, $0x10\n mov %dr6, %rax\n out %eax, $0x10\n"
		       "mov %dr7, %rax\n out %eax, $0x10\n hlt\n");

TEST(debugregs_are_the_guest_s)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_read_dr);
	struct minivmm_debugregs regs = { .db = { 0x123000 }, .dr6 = 0xffff4ff0, .dr7 = 0x402 };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_DEBUGREGS, &regs));
	EXPECT_EQ(0x123000, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0xffff4ff0, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0x402, vcpu_run_to_out(vcpu, 0x10));
}

TEST(debugregs_flags_are_einval)
{
	struct minivmm_debugregs regs = { .dr7 = 0x400, .flags = 1 };

	EXPECT_ERRNO(EINVAL, ioctl(new_vcpu()->fd, MINIVMM_SET_DEBUGREGS, &regs));
}

TEST(debugregs_upper_half_is_einval)
{
	struct minivmm_debugregs regs = { .dr6 = 1ULL << 32, .dr7 = 0x400 };
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_DEBUGREGS, &regs));
	regs.dr6 = 0xffff0ff0;
	regs.dr7 = 1ULL << 32;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_DEBUGREGS, &regs));
}

/* ---- XSAVE ---- */

union area {
	uint32_t region[1024];
	uint64_t words[512];
};

#define MXCSR(area)	((area)->region[6])
#define XMM(area, n)	((area)->words[20 + 2 * (n)])
#define BV(area)	((area)->words[64])
#define COMPACT(area)	((area)->words[65])

TEST(xsave_of_a_new_vcpu)
{
	struct vcpu *vcpu = new_vcpu();
	union area area;

	memset(&area, 0xff, sizeof(area));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_XSAVE, &area));
	EXPECT_EQ(0x37f, area.region[0] & 0xffff);
	EXPECT_EQ(0x1f80, MXCSR(&area));
	EXPECT_EQ(0, COMPACT(&area));
}

GUEST64(guest_xmm, "movq %xmm3, %rax\n out %eax, $0x10\n mov $0x77, %eax\n movq %rax, %xmm4\n"
		   "stmxcsr 0x40000\n mov 0x40000, %eax\n out %eax, $0x10\n hlt\n");

static struct vcpu *sse_guest(const void *code, size_t size, uint64_t cr4)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, code, size);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cr4 |= cr4;
	vcpu_set_sregs(vcpu, &sregs);
	return vcpu;
}

TEST(xsave_is_the_guest_s)
{
	struct vcpu *vcpu = sse_guest(guest_xmm, guest_xmm_end - guest_xmm, CR4_OSFXSR);
	union area area = {};

	BV(&area) = 2;
	MXCSR(&area) = 0x1fc0;
	XMM(&area, 3) = 0x1234567890;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_XSAVE, &area));
	EXPECT_EQ(0x34567890, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0x1fc0, vcpu_run_to_out(vcpu, 0x10));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_XSAVE2, &area));
	EXPECT_EQ(0x77, XMM(&area, 4));
	EXPECT_EQ(0x1fc0, MXCSR(&area));
}

/* A component that the area does not name is initial, whatever is there. */
TEST(xsave_components_left_out_are_initial)
{
	struct vcpu *vcpu = new_vcpu();
	union area area = {};

	BV(&area) = 3;
	MXCSR(&area) = 0x1f80;
	XMM(&area, 3) = 0x55;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_XSAVE, &area));
	BV(&area) = 0;
	XMM(&area, 3) = 0x66;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_XSAVE, &area));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_XSAVE, &area));
	EXPECT_EQ(0, XMM(&area, 3));
	EXPECT_EQ(0x37f, area.region[0] & 0xffff);
}

TEST(xsave_unknown_component_is_einval)
{
	struct vcpu *vcpu = new_vcpu();
	union area area = {};

	BV(&area) = 1ULL << 62;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_XSAVE, &area));
}

TEST(xsave_compacted_is_einval)
{
	struct vcpu *vcpu = new_vcpu();
	union area area = {};

	COMPACT(&area) = 1ULL << 63 | 3;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_XSAVE, &area));
}

TEST(xsave_reserved_bit_of_mxcsr_is_einval)
{
	struct vcpu *vcpu = new_vcpu();
	union area area = {};

	BV(&area) = 2;
	MXCSR(&area) = 0x80001f80;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_XSAVE, &area));
}

TEST(xsave_bad_pointer_is_efault)
{
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_XSAVE, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_XSAVE2, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_XSAVE, BAD_POINTER));
}

/* ---- XCR0 ---- */

static int set_xcr0(struct vcpu *vcpu, uint64_t value)
{
	struct minivmm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .value = value } } };

	return ioctl(vcpu->fd, MINIVMM_SET_XCRS, &xcrs);
}

GUEST64(guest_xgetbv, "xor %ecx, %ecx\n xgetbv\n out %eax, $0x10\n"
		      "vpxor %xmm2, %xmm2, %xmm2\n vptest %ymm1, %ymm1\n setz %al\n"
		      "out %al, $0x10\n hlt\n");

TEST(xcrs_are_the_guest_s)
{
	struct vcpu *vcpu = sse_guest(guest_xgetbv, guest_xgetbv_end - guest_xgetbv,
				      CR4_OSFXSR | CR4_OSXSAVE);
	struct minivmm_xcrs xcrs;
	union area area = {};

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_XCRS, &xcrs));
	EXPECT_EQ(1, xcrs.nr_xcrs);
	EXPECT_EQ(0, xcrs.xcrs[0].xcr);
	EXPECT_EQ(1, xcrs.xcrs[0].value);
	ASSERT_OK(set_xcr0(vcpu, 7));
	/* YMM1's upper half alone is not zero: it is at 576 + 16. */
	BV(&area) = 7;
	MXCSR(&area) = 0x1f80;
	area.region[(576 + 16) / 4] = 1;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_XSAVE, &area));
	EXPECT_EQ(7, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x10) & 0xff);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_XCRS, &xcrs));
	EXPECT_EQ(7, xcrs.xcrs[0].value);
}

GUEST64(guest_cpuid_d, "1: mov $0xd, %eax\n xor %ecx, %ecx\n cpuid\n"
		       "mov %ebx, %eax\n out %eax, $0x10\n jmp 1b\n");

/* EBX of CPUID leaf 0xd: the size of what is enabled. */
TEST(xcrs_change_the_size_that_cpuid_tells)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cpuid_d);

	ASSERT_OK(set_xcr0(vcpu, 1));
	EXPECT_EQ(576, vcpu_run_to_out(vcpu, 0x10));
	ASSERT_OK(set_xcr0(vcpu, 7));
	EXPECT_EQ(832, vcpu_run_to_out(vcpu, 0x10));
}

TEST(xcrs_bad_value_is_einval)
{
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EINVAL, set_xcr0(vcpu, 0));	/* x87 is always on */
	EXPECT_ERRNO(EINVAL, set_xcr0(vcpu, 5));	/* AVX without SSE */
	EXPECT_ERRNO(EINVAL, set_xcr0(vcpu, 0x27));	/* a part of AVX-512 */
	EXPECT_ERRNO(EINVAL, set_xcr0(vcpu, 1ULL << 62 | 1));
}

TEST(xcrs_too_many_or_flags_are_einval)
{
	struct minivmm_xcrs xcrs = { .nr_xcrs = MINIVMM_MAX_XCRS + 1 };
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_XCRS, &xcrs));
	xcrs.nr_xcrs = 0;
	xcrs.flags = 1;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_XCRS, &xcrs));
	xcrs.flags = 0;
	EXPECT_OK(ioctl(vcpu->fd, MINIVMM_SET_XCRS, &xcrs));
}

/* ---- SREGS2 ---- */

TEST(sregs2_is_sregs)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	struct minivmm_sregs2 sregs2;
	const size_t common = offsetof(struct minivmm_sregs2, flags);

	memset(&sregs2, 0xff, sizeof(sregs2));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_SREGS2, &sregs2));
	EXPECT_TRUE(!memcmp(&sregs, &sregs2, common));
	EXPECT_EQ(0, sregs2.flags);
	sregs2.cr2 = 0x123000;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_SREGS2, &sregs2));
	EXPECT_EQ(0x123000, vcpu_sregs(vcpu).cr2);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

GUEST32(guest_new_cr3, "mov $0x3f000, %eax\n mov %eax, %cr3\n hlt\n"
		       "mov 0x40000000, %eax\n out %eax, $0x10\n hlt\n");

/* MOV to CR3 loads the pointers; what memory holds later does not count. */
TEST(sregs2_has_the_pointers_of_pae_paging)
{
	struct vcpu *vcpu = guest_new(MODE_PAE, guest_new_cr3);
	uint64_t *old = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);
	uint64_t *table = vm_at(vcpu->vm, 0x3f000);
	struct minivmm_sregs2 sregs2;

	memcpy(table, old, 32);
	table[1] = old[0];		/* 1 GiB and up is what 0 and up is */
	*(uint32_t *)vm_at(vcpu->vm, 0) = 0x1234;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	memset(table, 0, 32);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_SREGS2, &sregs2));
	EXPECT_EQ(MINIVMM_SREGS2_FLAGS_PDPTRS_VALID, sregs2.flags);
	EXPECT_EQ(old[0], sregs2.pdptrs[1]);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_SREGS2, &sregs2));
	EXPECT_EQ(0x1234, vcpu_run_to_out(vcpu, 0x10));
}

TEST(sregs2_unknown_flag_is_einval)
{
	struct vcpu *vcpu = guest_create(MODE_PAE, "\xf4", 1);
	struct minivmm_sregs2 sregs2;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_SREGS2, &sregs2));
	sregs2.flags |= 2;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_SREGS2, &sregs2));
}

TEST(sregs2_pointers_without_pae_paging_are_einval)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);
	struct minivmm_sregs2 sregs2;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_SREGS2, &sregs2));
	sregs2.flags = MINIVMM_SREGS2_FLAGS_PDPTRS_VALID;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_SREGS2, &sregs2));
}

TEST(sregs2_that_contradict_each_other_are_einval)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);
	struct minivmm_sregs2 sregs2;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_SREGS2, &sregs2));
	sregs2.cr4 &= ~CR4_PAE;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_SREGS2, &sregs2));
}

TEST(state_bad_pointer_is_efault)
{
	static const unsigned long calls[] = {
		MINIVMM_GET_SREGS2, MINIVMM_SET_SREGS2, MINIVMM_GET_DEBUGREGS,
		MINIVMM_SET_DEBUGREGS, MINIVMM_GET_XCRS, MINIVMM_SET_XCRS,
	};
	struct vcpu *vcpu = new_vcpu();

	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, calls[i], BAD_POINTER));
}

/* ---- registers in struct minivmm_run ---- */

GUEST64(guest_inc, "1: inc %rbx\n hlt\n jmp 1b\n");

TEST(sync_regs_go_out_and_in)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_inc);
	struct minivmm_sync_regs *sync = &vcpu->run->s.regs;
	const uint64_t all = MINIVMM_SYNC_X86_REGS | MINIVMM_SYNC_X86_SREGS |
			     MINIVMM_SYNC_X86_EVENTS;

	EXPECT_EQ(all, device_capability(MINIVMM_CAP_SYNC_REGS));
	vcpu->run->kvm_valid_regs = all;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(vcpu_regs(vcpu).rip, sync->regs.rip);
	EXPECT_EQ(vcpu_sregs(vcpu).cr3, sync->sregs.cr3);
	EXPECT_TRUE(sync->events.flags & MINIVMM_VCPUEVENT_VALID_SHADOW);
	sync->regs.rbx = 0x1000;
	vcpu->run->kvm_dirty_regs = MINIVMM_SYNC_X86_REGS;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x1001, sync->regs.rbx);
	EXPECT_EQ(0, vcpu->run->kvm_dirty_regs);
	/* What is not marked does not count. */
	sync->regs.rbx = 0x2000;
	vcpu->run->kvm_valid_regs = 0;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x1002, vcpu_regs(vcpu).rbx);
}

TEST(sync_regs_are_taken_once)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_inc);
	struct minivmm_sync_regs *sync = &vcpu->run->s.regs;

	vcpu->run->kvm_valid_regs = MINIVMM_SYNC_X86_SREGS | MINIVMM_SYNC_X86_EVENTS;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	sync->sregs.cr2 = 0x123000;
	sync->events.nmi.masked = 1;
	vcpu->run->kvm_valid_regs = 0;
	vcpu->run->kvm_dirty_regs = MINIVMM_SYNC_X86_SREGS | MINIVMM_SYNC_X86_EVENTS;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu->run->kvm_dirty_regs);
	EXPECT_EQ(0x123000, vcpu_sregs(vcpu).cr2);
	vcpu->run->kvm_valid_regs = MINIVMM_SYNC_X86_EVENTS;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, sync->events.nmi.masked);
}

TEST(sync_regs_that_cannot_be_are_einval)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_inc);
	struct minivmm_sync_regs *sync = &vcpu->run->s.regs;

	vcpu->run->kvm_valid_regs = MINIVMM_SYNC_X86_SREGS | MINIVMM_SYNC_X86_EVENTS;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	sync->sregs.cr4 &= ~CR4_PAE;
	vcpu->run->kvm_dirty_regs = MINIVMM_SYNC_X86_SREGS;
	EXPECT_ERRNO(EINVAL, vcpu_run(vcpu));
	sync->events.flags = 0x40;
	vcpu->run->kvm_dirty_regs = MINIVMM_SYNC_X86_EVENTS;
	EXPECT_ERRNO(EINVAL, vcpu_run(vcpu));
}
