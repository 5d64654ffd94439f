// SPDX-License-Identifier: GPL-2.0-only
/*
 * X86_DISABLE_EXITS: a guest that halts in its own processor, and what wakes it.
 *
 * The test host's Bochs ends HLT and MWAIT with each interrupt of the host, and
 * with IF=0 never. So here guests halt in a loop, with IF=1.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "irq.h"
#include "module.h"
#include "trap.h"

#define VECTOR		0x61
#define LOW_VECTOR	0x31
#define HANDLER		(GUEST_CODE + 0x800)
#define START_PAGE	0x41		/* behind the handlers' count */
#define MSI_NMI		0x400
#define MSI_INIT	0x500
#define MSI_STARTUP	0x600
#define SHORT_WHILE	100000	/* us */

/* Until a handler has run. */
GUEST64(halts, "1: hlt\n"
	       "cmpl $0, 0x40000\n"
	       "je 1b\n"
	       "mov $0x55, %eax\n"
	       "out %eax, $0x11\n"
	       "movl $0, 0x40000\n"
	       "jmp 1b\n");

GUEST64(handler, "incl 0x40000\n"
		 "iretq\n");

static void exits_off(struct vm *vm, uint64_t exits)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_X86_DISABLE_EXITS, .args = { exits },
	};

	if (exits & ~device_capability(MINIVMM_CAP_X86_DISABLE_EXITS))
		SKIP("these exits cannot be switched off here");
	ASSERT_OK(ioctl(vm->fd, MINIVMM_ENABLE_CAP, &cap));
}

/* The guest's vCPU has the number 1: not the boot processor's. */
static struct vcpu *guest_that_halts(struct vm *vm)
{
	struct minivmm_regs regs;
	struct vcpu *vcpu;

	vm_add_memory(vm, 0, GUEST_MEMORY);
	vcpu = vcpu_create(vm, 1);
	vcpu_set_mode(vcpu, MODE_LONG);
	trap_install(vcpu);
	vm_load(vm, GUEST_CODE, halts);
	vm_load(vm, HANDLER, handler);
	vcpu_set_handler(vcpu, VECTOR, HANDLER);
	vcpu_set_handler(vcpu, LOW_VECTOR, HANDLER);
	vcpu_set_handler(vcpu, 2, HANDLER);
	regs = vcpu_regs(vcpu);
	regs.rflags = 0x202;	/* IF */
	vcpu_set_regs(vcpu, &regs);
	return vcpu;
}

static struct vcpu *owners_guest(void)
{
	struct vm *vm = vm_create();

	exits_off(vm, MINIVMM_X86_DISABLE_EXITS_HLT);
	return guest_that_halts(vm);
}

static struct vcpu *apic_guest(void)
{
	struct minivmm_mp_state state = { .mp_state = MINIVMM_MP_STATE_RUNNABLE };
	struct minivmm_lapic_state lapic;
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu;

	exits_off(vm, MINIVMM_X86_DISABLE_EXITS_HLT);
	vcpu = guest_that_halts(vm);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_MP_STATE, &state));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	*(uint32_t *)&lapic.regs[0xf0] = 0x1ff;
	*(uint32_t *)&lapic.regs[0x80] = 0x40;	/* what is not above is kept out */
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_LAPIC, &lapic));
	return vcpu;
}

static void no_handler(int number)
{
	(void)number;
}

/* A signal ends RUN, and nothing else does. */
static void run_a_while(struct vcpu *vcpu)
{
	struct itimerval timer = { .it_value.tv_usec = SHORT_WHILE };
	struct sigaction action = { .sa_handler = no_handler };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	ASSERT_ERRNO(EINTR, vcpu_run(vcpu));
}

static uint32_t handled(struct vcpu *vcpu)
{
	return *(uint32_t *)vm_at(vcpu->vm, 0x40000);
}

TEST(hlt_does_not_exit)
{
	struct vcpu *vcpu = owners_guest();

	for (int i = 0; i < 3; i++) {
		run_a_while(vcpu);
		EXPECT_EQ(0, vcpu_regs(vcpu).rax);
	}
}

TEST(hlt_exits_of_the_vm_beside_it)
{
	struct vcpu *vcpu = owners_guest();
	struct vcpu *other = guest_that_halts(vm_create());

	run_a_while(vcpu);
	vcpu_run_to(other, MINIVMM_EXIT_HLT);
}

TEST(hlt_ends_with_the_owners_interrupt)
{
	struct minivmm_interrupt interrupt = { VECTOR };
	struct vcpu *vcpu = owners_guest();

	run_a_while(vcpu);
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_INTERRUPT, &interrupt));
	EXPECT_EQ(0x55, vcpu_run_to_out(vcpu, 0x11));
	EXPECT_EQ(1, handled(vcpu));
	/* And halts again. */
	run_a_while(vcpu);
}

/* Its handler does not halt, for it has IF=0. */
GUEST64(gp_handler, "mov $0x66, %eax\n"
		    "out %eax, $0x12\n");

/* Which the processor does not deliver to one that halts. */
TEST(hlt_ends_with_the_owners_exception)
{
	struct minivmm_vcpu_events events;
	struct vcpu *vcpu = owners_guest();

	vm_load(vcpu->vm, HANDLER + 0x100, gp_handler);
	vcpu_set_handler(vcpu, GP, HANDLER + 0x100);
	run_a_while(vcpu);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_VCPU_EVENTS, &events));
	events.flags = 0;
	events.exception.injected = 1;
	events.exception.nr = GP;
	events.exception.has_error_code = 1;
	events.exception.error_code = 0x18;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_VCPU_EVENTS, &events));
	EXPECT_EQ(0x66, vcpu_run_to_out(vcpu, 0x12));
}

TEST(a_vcpu_that_halts_by_itself_is_runnable)
{
	struct minivmm_mp_state state;
	struct vcpu *vcpu = apic_guest();

	run_a_while(vcpu);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_MP_STATE, &state));
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, state.mp_state);
}

static void send(struct vm *vm, uint32_t data)
{
	struct minivmm_msi msi = { .address_lo = 0xfee01000, .data = data };

	ASSERT_TRUE(ioctl(vm->fd, MINIVMM_SIGNAL_MSI, &msi) >= 0);
}

struct late {
	struct vm *vm;
	uint32_t data[2];
};

static void *send_late(void *argument)
{
	struct late *late = argument;

	for (int i = 0; i < 2 && late->data[i]; i++) {
		usleep(SHORT_WHILE);
		send(late->vm, late->data[i]);
	}
	return NULL;
}

/* While the guest halts. */
static uint32_t run_and_send(struct vcpu *vcpu, uint16_t port, uint32_t data, uint32_t more)
{
	struct late late = { vcpu->vm, { data, more } };
	pthread_t sender;
	uint32_t ret;

	ASSERT_EQ(0, pthread_create(&sender, NULL, send_late, &late));
	ret = vcpu_run_to_out(vcpu, port);
	pthread_join(sender, NULL);
	return ret;
}

TEST(hlt_ends_with_an_interrupt_from_another_thread)
{
	struct vcpu *vcpu = apic_guest();

	EXPECT_EQ(0x55, run_and_send(vcpu, 0x11, VECTOR, 0));
}

TEST(hlt_does_not_end_with_an_interrupt_of_low_priority)
{
	struct vcpu *vcpu = apic_guest();

	send(vcpu->vm, LOW_VECTOR);
	run_a_while(vcpu);
	EXPECT_EQ(0, handled(vcpu));
	EXPECT_EQ(0x55, run_and_send(vcpu, 0x11, LOW_VECTOR, VECTOR));
	EXPECT_EQ(1, handled(vcpu));
}

TEST(hlt_ends_with_nmi)
{
	struct vcpu *vcpu = apic_guest();

	EXPECT_EQ(0x55, run_and_send(vcpu, 0x11, MSI_NMI, 0));
	EXPECT_EQ(1, handled(vcpu));
}

GUEST16(starts, "mov $0x77, %al\n"
		"out %al, $0x12\n");

TEST(hlt_ends_with_init)
{
	struct vcpu *vcpu = apic_guest();

	vm_load(vcpu->vm, START_PAGE << 12, starts);
	EXPECT_EQ(0x77, run_and_send(vcpu, 0x12, MSI_INIT, MSI_STARTUP | START_PAGE));
}

/* What a VM may do comes together from several calls. */
TEST(exits_that_are_off_stay_off)
{
	struct vm *vm = vm_create();

	exits_off(vm, MINIVMM_X86_DISABLE_EXITS_HLT);
	exits_off(vm, MINIVMM_X86_DISABLE_EXITS_PAUSE);
	exits_off(vm, 0);
	run_a_while(guest_that_halts(vm));
}

/* ---- others ---- */

/* A guest whose vCPU has been made with these exits off. */
static struct vcpu *guest_without(uint64_t exits, const void *code, size_t size)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	exits_off(vm, exits);
	vm_add_memory(vm, 0, GUEST_MEMORY);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, MODE_LONG);
	vm_write(vm, GUEST_CODE, code, size);
	return vcpu;
}

#define guest_without_new(exits, name)	guest_without(exits, name, name##_end - name)

/* KVM does not say how many there were of one kind. */
static unsigned long long exits_of(struct vcpu *vcpu, const char *reason)
{
	return on_kvm() ? 0 : vm_exits(vcpu->vm, 0, reason);
}

GUEST64(spins, "mov $2000000, %ecx\n"
	       "1: pause\n dec %ecx\n jnz 1b\n"
	       "out %al, $0x10\n");

TEST(pause_works_without_its_exits)
{
	struct vcpu *vcpu = guest_without_new(MINIVMM_X86_DISABLE_EXITS_PAUSE, spins);

	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, exits_of(vcpu, "PAUSE_INSTRUCTION"));
	vcpu = guest_without_new(0, spins);
	vcpu_run_to_out(vcpu, 0x10);
	if (!on_kvm() && vmx_has("ple"))
		EXPECT_TRUE(exits_of(vcpu, "PAUSE_INSTRUCTION") > 0);
}

GUEST64(waits, "sti\n"
	       "mov $0x40000, %eax\n"
	       "xor %ecx, %ecx\n"
	       "xor %edx, %edx\n"
	       "monitor\n"
	       "xor %eax, %eax\n"
	       "mwait\n"
	       "out %al, $0x10\n");

TEST(mwait_without_its_exits_is_the_processors)
{
	struct vcpu *vcpu = guest_without_new(MINIVMM_X86_DISABLE_EXITS_MWAIT, waits);

	/* What it waits for, or an interrupt of the host, comes; it goes on. */
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, exits_of(vcpu, "MONITOR_INSTRUCTION"));
	EXPECT_EQ(0, exits_of(vcpu, "MWAIT_INSTRUCTION"));
}

GUEST64(reads_c1, "mov $0x660, %ecx\n"
		  "rdmsr\n"
		  "hlt\n");

TEST(residency_of_c_states_is_not_the_guests)
{
	struct vcpu *vcpu = guest_without_new(0, reads_c1);

	trap_install(vcpu);
	trap_expect(vcpu, GP, 0);
}

TEST(residency_of_c_states_can_be_the_guests)
{
	struct vcpu *vcpu = guest_without_new(MINIVMM_X86_DISABLE_EXITS_CSTATE, reads_c1);

	trap_install(vcpu);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, exits_of(vcpu, "MSR_READ"));
	if (trap_record(vcpu)->count)
		SKIP("the processor has no such register");
}
