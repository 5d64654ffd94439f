// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a message to the vCPUs that take it: destinations, lowest priority, and
 * how a vCPU that sleeps or is in the guest learns of it.
 *
 * Nothing here sleeps: messages come from other vCPUs, from threads of the
 * owner, and from interrupts of the host.
 *
 * SDM: "Determining IPI Destination", "Message Address Register Format",
 * "Message Data Register Format". Read on in vcpu_irq.c.
 */
#include <linux/sched.h>

#include "../backend.h"

/**
 * vcpu_kick - make a vCPU look at its requests
 * @vcpu: asleep, in the guest, or anywhere
 */
void vcpu_kick(struct vcpu *vcpu)
{
	/* Pairs with the barriers of run.c and prepare_to_wait(). */
	smp_mb();
	/* Behind that barrier it is safe to look without the queue's lock. */
	if (waitqueue_active(&vcpu->irq.wait))
		wake_up(&vcpu->irq.wait);
	backend->kick(vcpu);
}

/**
 * vcpu_request - ask something of a vCPU
 * @vcpu: the vCPU
 * @request: VCPU_REQ_*
 */
void vcpu_request(struct vcpu *vcpu, unsigned int request)
{
	/* Kicked even if it was set: what was there before may not have woken it. */
	set_bit(request, &vcpu->irq.requests);
	vcpu_kick(vcpu);
}

/*
 * Hands a message to a vCPU. 1: taken; 0: its local APIC is disabled; -1: that
 * cannot be sent.
 */
static int accept_message(struct vcpu *vcpu, const struct irq_message *message)
{
	switch (message->mode) {
	case IRQ_FIXED:
	case IRQ_LOWEST_PRIORITY:
		return vcpu_apic_accept(vcpu, message->vector, message->level);
	case IRQ_NMI:
		vcpu_request(vcpu, VCPU_REQ_NMI);
		return 1;
	case IRQ_INIT:
		/* Without the level it only resets arbitration, long ago. */
		if (message->level && !message->assert)
			return 1;
		/* What was to be started before is forgotten. */
		clear_bit(VCPU_REQ_SIPI, &vcpu->irq.requests);
		vcpu_request(vcpu, VCPU_REQ_INIT);
		return 1;
	case IRQ_STARTUP:
		vcpu->irq.sipi_vector = message->vector;
		/* Pairs with vcpu_accept_init_sipi(): the vector first. */
		smp_wmb();
		vcpu_request(vcpu, VCPU_REQ_SIPI);
		return 1;
	default:
		/* SMI: there is no such mode. ExtINT comes by wire alone. */
		return -1;
	}
}

static bool is_destination(struct vcpu *vcpu, const struct irq_message *message,
			   const struct vcpu *source)
{
	switch (message->shorthand) {
	case IRQ_TO_SELF:
		return vcpu == source;
	case IRQ_TO_ALL:
		return true;
	case IRQ_TO_OTHERS:
		return vcpu != source;
	default:
		return lapic_matches(&vcpu->irq.apic, message);
	}
}

/* Lowest priority, but not to all: that is no choice. */
static bool goes_to_one(const struct irq_message *message)
{
	return message->mode == IRQ_LOWEST_PRIORITY &&
	       message->shorthand == IRQ_TO_DESTINATION &&
	       (message->logical || message->destination != 0xff);
}

/*
 * Who takes a message of lowest priority: the vector says so, and nobody looks at
 * priorities. The same interrupt then always comes to the same vCPU, as with
 * today's processors, and with KVM.
 */
static struct vcpu *choose_by_vector(struct vm *vm,
				     const struct irq_message *message)
{
	DECLARE_BITMAP(candidates, MINIVMM_MAX_VCPUS) = { 0 };
	struct vcpu *vcpu;
	int id, nr = 0;

	for_each_vcpu(vcpu, vm) {
		if (!lapic_matches(&vcpu->irq.apic, message) ||
		    !lapic_software_enabled(&vcpu->irq.apic))
			continue;
		__set_bit(vcpu->id, candidates);
		nr++;
	}
	if (!nr)
		return NULL;
	nr = message->vector % nr;
	for_each_set_bit(id, candidates, MINIVMM_MAX_VCPUS)
		if (!nr--)
			return vm->vcpus[id];
	return NULL;
}

/**
 * irq_deliver - deliver an interrupt message
 * @vm: the VM; its local APICs are in the kernel
 * @message: the message
 * @source: the vCPU that sent it, or NULL
 *
 * Return: how many vCPUs took it; 0: those that are meant are disabled; -1:
 * nobody is meant.
 */
int irq_deliver(struct vm *vm, const struct irq_message *message,
		struct vcpu *source)
{
	struct vcpu *vcpu;
	int taken, ret = -1;

	if (goes_to_one(message)) {
		vcpu = choose_by_vector(vm, message);
		return vcpu ? accept_message(vcpu, message) : -1;
	}
	for_each_vcpu(vcpu, vm) {
		if (!is_destination(vcpu, message, source))
			continue;
		taken = accept_message(vcpu, message);
		if (taken >= 0)
			ret = max(ret, 0) + taken;
	}
	return ret;
}

/**
 * irq_deliver_msi - deliver a device's message
 * @vm: the VM; its local APICs are in the kernel
 * @address: of the message; with X2APIC_API the upper half has bits 8 to 31 of
 *           the destination in its bits 8 to 31
 * @data: of the message
 *
 * Return: as irq_deliver().
 */
int irq_deliver_msi(struct vm *vm, u64 address, u32 data)
{
	struct irq_message message = {
		.mode = data >> 8 & 7,
		.vector = data,
		.logical = address & BIT(2),
		.level = data & BIT(15),
		.assert = true,
		.destination = address >> 12 & 0xff,
	};

	if (vm->x2apic_ids)
		message.destination |= address >> 32 & 0xffffff00;
	/* A redirection hint means what lowest priority does. */
	if (address & BIT(3) && message.mode == IRQ_FIXED)
		message.mode = IRQ_LOWEST_PRIORITY;
	return irq_deliver(vm, &message, NULL);
}
