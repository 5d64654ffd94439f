// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET and SET of REGS and FPU: what is set is what is got and what the guest
 * finds, and the values after reset. SREGS has a chapter of its own, sregs.c.
 */
#include "errors.h"

static struct vcpu *new_vcpu(void)
{
	return vcpu_create(vm_create(), 0);
}

/* ---- REGS ---- */

TEST(regs_after_reset)
{
	struct minivmm_regs regs = vcpu_regs(new_vcpu());

	EXPECT_EQ(0xfff0, regs.rip);
	EXPECT_EQ(2, regs.rflags);
	EXPECT_EQ(0, regs.rax);
	EXPECT_EQ(0, regs.rbx);
	EXPECT_EQ(0, regs.rcx);
	/* The processor's signature: family 6 at least. */
	EXPECT(regs.rdx >> 8 & 0xf, "rdx is %#llx", (unsigned long long)regs.rdx);
	EXPECT_EQ(0, regs.rsp);
	EXPECT_EQ(0, regs.r15);
}

TEST(regs_round_trip)
{
	uint64_t values[sizeof(struct minivmm_regs) / 8];
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_regs regs;

	for (unsigned int i = 0; i < sizeof(values) / 8; i++)
		values[i] = 0x0123456789abcdefULL * (2 * i + 1);
	memcpy(&regs, values, sizeof(regs));
	regs.rip = 0xffff8000deadbeefULL;
	regs.rflags = 0x246;
	vcpu_set_regs(vcpu, &regs);
	memcpy(values, &regs, sizeof(regs));
	regs = vcpu_regs(vcpu);
	EXPECT_TRUE(!memcmp(values, &regs, sizeof(regs)));
}

TEST(regs_rflags_bit_1_is_always_set)
{
	struct minivmm_regs regs = { 0 };
	struct vcpu *vcpu = new_vcpu();

	vcpu_set_regs(vcpu, &regs);
	EXPECT_EQ(2, vcpu_regs(vcpu).rflags);
}

#define PUSH_ALL \
	"push %r15; push %r14; push %r13; push %r12; push %r11; push %r10; push %r9; push %r8\n" \
	"push %rbp; push %rdi; push %rsi; push %rdx; push %rcx; push %rbx; push %rax\n"

/* Shows what it was given, then changes all of it. */
GUEST64(show_regs,
	PUSH_ALL
	"out %al, $0x10\n"
	"not %rax; not %rbx; not %rcx; not %rdx; not %rsi; not %rdi; not %rbp\n"
	"not %r8; not %r9; not %r10; not %r11; not %r12; not %r13; not %r14; not %r15\n"
	"hlt\n");

TEST(regs_reach_the_guest_and_come_back)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, show_regs);
	struct minivmm_regs in = vcpu_regs(vcpu), out;
	uint64_t *stack;

	for (int i = 0; i < 16; i++)
		if (&in.rax + i != &in.rsp)
			(&in.rax)[i] = 0x1111222233334444ULL + i * 0x0101010101010101ULL;
	vcpu_set_regs(vcpu, &in);
	vcpu_run_to_out(vcpu, 0x10);

	stack = vm_at(vcpu->vm, GUEST_STACK - 15 * 8);
	EXPECT_EQ(in.rax, stack[0]);
	EXPECT_EQ(in.rbx, stack[1]);
	EXPECT_EQ(in.rcx, stack[2]);
	EXPECT_EQ(in.rdx, stack[3]);
	EXPECT_EQ(in.rsi, stack[4]);
	EXPECT_EQ(in.rdi, stack[5]);
	EXPECT_EQ(in.rbp, stack[6]);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ((&in.r8)[i], stack[7 + i]);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	out = vcpu_regs(vcpu);
	EXPECT_EQ(~in.rax, out.rax);
	EXPECT_EQ(~in.rbx, out.rbx);
	EXPECT_EQ(~in.rcx, out.rcx);
	EXPECT_EQ(~in.rdx, out.rdx);
	EXPECT_EQ(~in.rsi, out.rsi);
	EXPECT_EQ(~in.rdi, out.rdi);
	EXPECT_EQ(~in.rbp, out.rbp);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(~(&in.r8)[i], (&out.r8)[i]);
	EXPECT_EQ(GUEST_STACK - 15 * 8, out.rsp);
	EXPECT_EQ(GUEST_CODE + (show_regs_end - show_regs), out.rip);
}

/* ---- FPU ---- */

static struct minivmm_fpu get_fpu(struct vcpu *vcpu)
{
	struct minivmm_fpu fpu;

	memset(&fpu, 0xa5, sizeof(fpu));
	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_GET_FPU, &fpu));
	return fpu;
}

TEST(fpu_after_reset)
{
	struct minivmm_fpu fpu = get_fpu(new_vcpu());

	EXPECT_EQ(0x37f, fpu.fcw);
	EXPECT_EQ(0, fpu.fsw);
	EXPECT_EQ(0, fpu.ftwx);
	for (int i = 0; i < 16; i++)
		EXPECT_EQ(0, fpu.xmm[i][0]);
}

static struct minivmm_fpu some_fpu(void)
{
	struct minivmm_fpu fpu = {
		.fcw = 0x27f, .fsw = 0x3800, .ftwx = 0x80, .last_opcode = 0x123,
		.last_ip = 0x1234567, .last_dp = 0x7654321,
	};

	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 10; j++)
			fpu.fpr[i][j] = 16 * i + j + 1;
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 16; j++)
			fpu.xmm[i][j] = 16 * i + j;
	return fpu;
}

TEST(fpu_round_trip)
{
	struct minivmm_fpu in = some_fpu(), out;
	struct vcpu *vcpu = new_vcpu();

	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_FPU, &in));
	out = get_fpu(vcpu);
	EXPECT_EQ(in.fcw, out.fcw);
	EXPECT_EQ(in.fsw, out.fsw);
	EXPECT_EQ(in.ftwx, out.ftwx);
	EXPECT_EQ(in.last_opcode, out.last_opcode);
	EXPECT_EQ(in.last_ip, out.last_ip);
	EXPECT_EQ(in.last_dp, out.last_dp);
	EXPECT_TRUE(!memcmp(in.fpr, out.fpr, sizeof(in.fpr)));
	EXPECT_TRUE(!memcmp(in.xmm, out.xmm, sizeof(in.xmm)));
}

TEST(fpu_mxcsr_is_neither_set_nor_got)
{
	struct minivmm_fpu fpu = some_fpu();
	struct vcpu *vcpu = new_vcpu();

	/* Reserved bits: loading them would be #GP in the host. */
	fpu.mxcsr = 0xffffffff;
	fpu.pad1 = 0xff;
	fpu.pad2 = 0xffffffff;
	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_FPU, &fpu));
	fpu = get_fpu(vcpu);
	EXPECT_EQ(0, fpu.mxcsr);
	EXPECT_EQ(0, fpu.pad1);
	EXPECT_EQ(0, fpu.pad2);
}

GUEST64(use_fpu,
	"fld1\n"
	"movdqu 0x8000, %xmm5\n"
	"out %al, $0x10\n"
	"movdqu %xmm5, 0x40000\n"
	"fnstcw 0x40010\n"
	"fstpt 0x40020\n"
	"stmxcsr 0x40030\n"
	"out %al, $0x10\n"
	"fld1\n"
	"mov $0x5555555555555555, %rax\n"
	"movq %rax, %xmm9\n"
	"hlt\n");

static void expect_fpu_in_the_guest(struct vcpu *vcpu)
{
	static const uint8_t one[10] = { [7] = 0x80, [8] = 0xff, [9] = 0x3f };
	uint8_t *seen = vm_at(vcpu->vm, GUEST_FREE);
	struct minivmm_fpu in = some_fpu(), out;

	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_FPU, &in));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(!memcmp(seen, in.xmm[5], 16));
	EXPECT_EQ(in.fcw, *(uint16_t *)(seen + 0x10));
	EXPECT_TRUE(!memcmp(seen + 0x20, in.fpr[0], 10));
	EXPECT_EQ(0x1f80, *(uint32_t *)(seen + 0x30));

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	out = get_fpu(vcpu);
	EXPECT_TRUE(!memcmp(out.fpr[0], one, 10));
	EXPECT_EQ(0x5555555555555555, *(uint64_t *)out.xmm[9]);
	EXPECT_TRUE(!memcmp(out.xmm[6], in.xmm[6], 16));
}

TEST(fpu_reaches_the_guest_and_comes_back)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, use_fpu);

	/* The guest has used its FPU: KVM keeps what is set only from here on. */
	vcpu_run_to_out(vcpu, 0x10);
	expect_fpu_in_the_guest(vcpu);
}

TEST(fpu_set_before_the_first_run_reaches_the_guest)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, use_fpu);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	MINIVMM_ONLY("KVM 6.1 starts with its initial state, whatever was set");
	/* Past the first OUT, before which the guest makes a state of its own. */
	regs.rip += 2 + 9 + 2;
	vcpu_set_regs(vcpu, &regs);
	expect_fpu_in_the_guest(vcpu);
}

TEST(fpu_of_the_caller_is_its_own)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, use_fpu);
	uint64_t before = 0x1122334455667788, after;

	vcpu_run_to_out(vcpu, 0x10);
	vcpu_run_to_out(vcpu, 0x10);
	/* The guest changes XMM9 now; nothing of ours runs between the two. */
	asm volatile("movq %1, %%xmm9\n"
		     "syscall\n"
		     "movq %%xmm9, %0"
		     : "=r"(after)
		     : "r"(before), "a"(16L), "D"((long)vcpu->fd),
		       "S"((long)MINIVMM_RUN), "d"(0L)
		     : "rcx", "r11", "xmm9", "memory");
	EXPECT_EQ(before, after);
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
}
