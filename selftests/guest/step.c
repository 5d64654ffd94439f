// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFLAGS.TF and the shadow of STI across instructions that the hypervisor
 * carries out: an instruction is an instruction, whoever executes it.
 *
 * SDM Vol. 3, "Single-Step Exception Condition", "Masking Maskable Hardware
 * Interrupts".
 */
#include "mmio.h"
#include "trap.h"

#define STEPS	0xb800		/* the handler's list: count, then RIPs */

/* #DB: note RIP and DR6, go on. */
GUEST64(handler_step,
	"push %rax\n push %rbx\n push %rcx\n"
	"mov 0xb800, %rax\n mov 24(%rsp), %rbx\n mov %rbx, 0xb808(,%rax,8)\n"
	"incq 0xb800\n mov %dr6, %rcx\n or %rcx, 0xbf00\n"
	"xor %ecx, %ecx\n mov %rcx, %dr6\n"
	"pop %rcx\n pop %rbx\n pop %rax\n iretq\n");

/* STEP(n) makes a label; its address is what #DB must report next. */
#define STEP(n)		"step" #n ": "
#define TF_ON		"pushf\n orl $0x100, (%rsp)\n popf\n nop\n"
#define TF_OFF(a, b, c, d)						\
	STEP(a) "pushf\n" STEP(b) "andl $~0x100, (%rsp)\n" STEP(c) "popf\n" STEP(d) "hlt\n"

GUEST64(guest_steps, TF_ON
	STEP(1) "mov $0, %eax\n" STEP(2) "cpuid\n" STEP(3) "out %al, $0x42\n"
	STEP(4) "in $0x42, %al\n" STEP(5) "mov $0x1b, %ecx\n" STEP(6) "rdmsr\n"
	STEP(7) "mov $0xc0000102, %ecx\n" STEP(8) "wrmsr\n"
	STEP(9) "mov %cr4, %rax\n" STEP(10) "mov %rax, %cr4\n" STEP(11) "mov $5, %eax\n"
	STEP(12) "mov %rax, %cr8\n" STEP(13) "vmcall\n" STEP(14) "wbinvd\n"
	STEP(15) "mov %dr3, %rax\n" TF_OFF(16, 17, 18, 19));
extern const uint8_t step1[], step2[], step3[], step4[], step5[], step6[], step7[],
	step8[], step9[], step10[], step11[], step12[], step13[], step14[], step15[],
	step16[], step17[], step18[], step19[];

GUEST64(guest_mmio_steps, "mov $0xd0000000, %ebx\n mov $0x40000, %esi\n" TF_ON
	STEP(31) "mov %eax, (%rbx)\n" STEP(32) "mov (%rbx), %eax\n"
	STEP(33) "orl $1, (%rbx)\n" STEP(34) "mov %rbx, %rdi\n" STEP(35) "movsb\n"
	TF_OFF(36, 37, 38, 39));
extern const uint8_t step31[], step32[], step33[], step34[], step35[], step36[],
	step37[], step38[], step39[];

static void check_steps(struct vcpu *vcpu, const uint8_t *guest, const uint8_t *const steps[],
			unsigned int count)
{
	uint64_t *list = vm_at(vcpu->vm, STEPS);
	struct minivmm_run *run = vcpu->run;

	vm_load(vcpu->vm, 0xb000, handler_step);
	vcpu_set_handler(vcpu, DB, 0xb000);
	do {
		memset(run->mmio.data, 0, 8);
		ASSERT_OK(vcpu_run(vcpu));
	} while (run->exit_reason == MINIVMM_EXIT_MMIO || run->exit_reason == MINIVMM_EXIT_IO);
	ASSERT_EQ(MINIVMM_EXIT_HLT, run->exit_reason);
	for (unsigned int i = 0; i < count && i < list[0]; i++)
		EXPECT(list[1 + i] == GUEST_CODE + (uint64_t)(steps[i] - guest),
		       "#DB %u is at %llx, expected %llx", i + 1,
		       (unsigned long long)list[1 + i],
		       (unsigned long long)(GUEST_CODE + (steps[i] - guest)));
	EXPECT_EQ(count, list[0]);
	/* BS and nothing else */
	EXPECT_EQ(0xffff4ff0, *(uint64_t *)vm_at(vcpu->vm, 0xbf00));
}

TEST(single_step_over_what_we_carry_out)
{
	static const uint8_t *const steps[] = {
		step1, step2, step3, step4, step5, step6, step7, step8, step9, step10,
		step11, step12, step13, step14, step15, step16, step17, step18, step19,
	};

	check_steps(guest_new(MODE_LONG, guest_steps), guest_steps, steps, 19);
}

TEST(single_step_over_mmio)
{
	static const uint8_t *const steps[] = {
		step31, step32, step33, step34, step35, step36, step37, step38, step39,
	};

	MINIVMM_ONLY("KVM loses the step over an MMIO write");
	check_steps(guest_new(MODE_LONG, guest_mmio_steps), guest_mmio_steps, steps, 9);
}

/* ---- the shadow ---- */

#define WINDOW_TEST(name, code, serve)					\
	GUEST64(guest_##name, "mov $0xd0000000, %ebx\n sti\n" code	\
		"\nbehind_" #name ": mov $2, %edi\n 1: jmp 1b\n");	\
	extern const uint8_t behind_##name[];				\
	TEST(name)							\
	{								\
		struct vcpu *vcpu = trap_guest(MODE_LONG, guest_##name); \
									\
		vcpu->run->request_interrupt_window = 1;		\
		serve;							\
		vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);	\
		EXPECT_EQ(GUEST_CODE + (behind_##name - guest_##name),	\
			  vcpu_regs(vcpu).rip);				\
		EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection); \
	}

/* The instruction behind STI is done, the next one not begun. */
WINDOW_TEST(window_behind_cpuid, "cpuid", (void)0)
WINDOW_TEST(window_behind_out, "out %al, $0x42", vcpu_run_to_out(vcpu, 0x42))
WINDOW_TEST(window_behind_an_mmio_write, "mov %eax, (%rbx)", expect_write(vcpu, MMIO, 4, 0))
WINDOW_TEST(window_behind_an_mmio_read, "mov (%rbx), %eax", expect_read(vcpu, MMIO, 4, 0))

/* With the window asked for, a repeated instruction may be left between elements. */
GUEST64(guest_rep_window, "mov $0xd0000000, %edi\n mov $3, %ecx\n xor %eax, %eax\n"
	"sti\n nop\n rep stosb\n hlt\n");

TEST(window_inside_a_repeated_instruction)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_rep_window);
	struct minivmm_run *run = vcpu->run;
	unsigned int elements = 0;

	run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	run->request_interrupt_window = 0;
	for (;;) {
		ASSERT_OK(vcpu_run(vcpu));
		if (run->exit_reason == MINIVMM_EXIT_HLT)
			break;
		ASSERT_EQ(MINIVMM_EXIT_MMIO, run->exit_reason);
		ASSERT_EQ(MMIO + elements, run->mmio.phys_addr);
		elements++;
	}
	EXPECT_EQ(3, elements);
	EXPECT_EQ(0, vcpu_regs(vcpu).rcx);
}
