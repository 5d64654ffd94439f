// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that waits in HLT for an interrupt of its local APIC in the kernel:
 * what ends the wait, and what does not.
 */
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "module.h"
#include "vm.h"

#define PORT_READY	0x10
#define PORT_DONE	0x11
#define LOW_VECTOR	0x31
#define HIGH_VECTOR	0xe1
#define HANDLER		(GUEST_CODE + 0x800)
#define MSI_ADDRESS	0xfee00000
#define LVT_TIMER	0x320
#define PERIODIC	0x20000
#define TIMER_INITIAL	0x380
#define TIMER_DIVIDE	0x3e0
#define BY_1		0xb
#define SHORT_WHILE	200000	/* us */

/* Software-enables its local APIC, lets in priorities above 0x8f, and waits. */
GUEST64(waiter, "mov $0xfee00000, %ebx\n"
		"movl $0x1ff, 0xf0(%rbx)\n"
		"movl $0x80, 0x80(%rbx)\n"
		"out %eax, $0x10\n"
		"xor %ecx, %ecx\n"
		"sti\n"
		"hlt\n"
		"mov %ecx, %eax\n"
		"out %eax, $0x11\n");

GUEST64(handler, "inc %ecx\n"
		 "iretq\n");

static void send(struct vm *vm, uint8_t vector)
{
	struct minivmm_msi msi = { .address_lo = MSI_ADDRESS, .data = vector };

	ASSERT_TRUE(ioctl(vm->fd, MINIVMM_SIGNAL_MSI, &msi) >= 0);
}

struct late {
	struct vm *vm;
	const uint8_t *vectors;
	unsigned int nr;
};

static void *send_late(void *argument)
{
	struct late *late = argument;

	for (unsigned int i = 0; i < late->nr; i++) {
		usleep(SHORT_WHILE);
		send(late->vm, late->vectors[i]);
	}
	return NULL;
}

static struct vcpu *waiter_new(void)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	vm_add_memory(vm, 0, GUEST_MEMORY);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, MODE_LONG);
	vm_load(vm, GUEST_CODE, waiter);
	vm_load(vm, HANDLER, handler);
	vcpu_set_handler(vcpu, LOW_VECTOR, HANDLER);
	vcpu_set_handler(vcpu, HIGH_VECTOR, HANDLER);
	vcpu_run_to_out(vcpu, PORT_READY);
	return vcpu;
}

/* Sends the vectors while the guest waits; returns how many it has handled. */
static uint32_t handled_by(struct vcpu *vcpu, const uint8_t *vectors, unsigned int nr)
{
	struct late late = { vcpu->vm, vectors, nr };
	pthread_t sender;
	uint32_t ret;

	ASSERT_EQ(0, pthread_create(&sender, NULL, send_late, &late));
	ret = vcpu_run_to_out(vcpu, PORT_DONE);
	pthread_join(sender, NULL);
	return ret;
}

static uint32_t handled(const uint8_t *vectors, unsigned int nr)
{
	return handled_by(waiter_new(), vectors, nr);
}

static void set_lapic_register(struct minivmm_lapic_state *state, unsigned int offset,
			       uint32_t value)
{
	memcpy(state->regs + offset, &value, sizeof(value));
}

TEST(an_interrupt_ends_hlt)
{
	static const uint8_t vectors[] = { HIGH_VECTOR };

	EXPECT_EQ(1, handled(vectors, 1));
}

/* Twice, so that the second finds the first one's request. */
TEST(an_interrupt_ends_hlt_after_those_that_the_priority_keeps_out)
{
	static const uint8_t vectors[] = { LOW_VECTOR, LOW_VECTOR + 1, HIGH_VECTOR };

	EXPECT_EQ(1, handled(vectors, 3));
}

/* 5000 in a second, and the guest's priority keeps all of them out. */
TEST(ticks_that_nobody_takes_cost_the_host_nothing)
{
	static const uint8_t vectors[] = { HIGH_VECTOR };
	struct minivmm_lapic_state state;
	unsigned long long before, ticks;
	struct vcpu *vcpu;

	MINIVMM_ONLY("KVM has the host tick on");
	vcpu = waiter_new();
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &state));
	set_lapic_register(&state, LVT_TIMER, PERIODIC | LOW_VECTOR);
	set_lapic_register(&state, TIMER_DIVIDE, BY_1);
	set_lapic_register(&state, TIMER_INITIAL, 1);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_LAPIC, &state));
	before = host_timer_interrupts();
	EXPECT_EQ(1, handled_by(vcpu, vectors, 1));
	ticks = host_timer_interrupts() - before;
	EXPECT(ticks < 500, "%llu in %u us", ticks, SHORT_WHILE);
}
