// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC: interrupts that come, wait, are served and end.
 *
 * An interrupt that is accepted sets the bit of its vector in the IRR. The CPU
 * takes the highest of them if its class (vector / 16) is above that of the
 * processor priority: of what is being served, or of the task priority (TPR,
 * CR8), whichever is higher. What is taken moves from the IRR to the ISR, and
 * the guest's EOI clears the highest bit there; for a level-triggered one (its
 * bit in the TMR is set) an I/O APIC has to know.
 *
 * SDM: "Handling Interrupts with the Local APIC", "Local APIC State", "Logical
 * Destination Mode". Read next: lapic_registers.c (what the guest and the
 * caller see), lapic_timer.c; then deliver.c, which sends messages here.
 */
#include "lapic_internal.h"

#define DFR_FLAT	0xffffffffu
#define DFR_CLUSTER	0x0fffffffu

#define XAPIC_BROADCAST		0xffu
#define X2APIC_BROADCAST	0xffffffffu

#define PRIORITY_CLASS(priority)	((priority) & 0xf0)

bool lapic_is_enabled(const struct lapic *apic)
{
	return apic->base & LAPIC_BASE_ENABLE;
}

bool lapic_software_enabled(const struct lapic *apic)
{
	return lapic_reg(apic, LAPIC_SPIV) & SPIV_ENABLED;
}

/**
 * lapic_highest_vector() - the highest vector of ISR or IRR
 * @regs: of a local APIC, or a virtual-APIC page
 * @offset: LAPIC_ISR or LAPIC_IRR
 *
 * Return: the vector, -1 if there is none
 */
int lapic_highest_vector(const u32 *regs, u32 offset)
{
	int i;

	for (i = 7; i >= 0; i--) {
		u32 word = regs[offset / 4 + i * 4];

		if (word)
			return i * 32 + 31 - __builtin_clz(word);
	}
	return -1;
}

/**
 * lapic_highest_irr() - the highest interrupt that waits, whatever the priority
 * @apic: the local APIC
 *
 * Return: its vector, or -1
 */
int lapic_highest_irr(const struct lapic *apic)
{
	return lapic_highest_vector(apic->regs, LAPIC_IRR);
}

/**
 * lapic_vapic_word() - all that decides on the next interrupt, in one word
 * @apic: the local APIC
 *
 * Return: the TPR, in the second byte the priority class of what is in service, in
 * the fourth what waits
 */
u32 lapic_vapic_word(const struct lapic *apic)
{
	int irr = lapic_highest_vector(apic->regs, LAPIC_IRR);
	int isr = lapic_highest_vector(apic->regs, LAPIC_ISR);

	return (lapic_reg(apic, LAPIC_TPR) & 0xff) |
	       (isr < 0 ? 0 : PRIORITY_CLASS((u32)isr) << 8) |
	       (irr < 0 ? 0 : (u32)irr << 24);
}

/* Returns the processor priority, PPR. */
u32 lapic_processor_priority(const struct lapic *apic)
{
	u32 tpr = lapic_reg(apic, LAPIC_TPR) & 0xff;
	int isr = lapic_highest_vector(apic->regs, LAPIC_ISR);

	if (isr < 0 || PRIORITY_CLASS(tpr) >= PRIORITY_CLASS((u32)isr))
		return tpr;
	return PRIORITY_CLASS((u32)isr);
}

/**
 * lapic_pending() - the interrupt that the CPU would take now
 * @apic: the local APIC
 *
 * Return: its vector, or -1 if none waits that has the priority
 */
int lapic_pending(const struct lapic *apic)
{
	int vector = lapic_highest_vector(apic->regs, LAPIC_IRR);

	if (vector < 0 || !lapic_is_enabled(apic) ||
	    PRIORITY_CLASS((u32)vector) <= lapic_processor_priority(apic))
		return -1;
	return vector;
}

/**
 * lapic_acknowledge() - the CPU takes an interrupt
 * @apic: the local APIC
 * @vector: what lapic_pending() answered
 */
void lapic_acknowledge(struct lapic *apic, u8 vector)
{
	*lapic_vector_word(apic, LAPIC_IRR, vector) &= ~(u32)BIT(vector % 32);
	*lapic_vector_word(apic, LAPIC_ISR, vector) |= BIT(vector % 32);
}

/**
 * lapic_end_of_interrupt() - the guest has ended the interrupt it serves
 * @apic: the local APIC; if nothing is in service there, nothing happens
 * @effects: what to do then
 */
void lapic_end_of_interrupt(struct lapic *apic, struct lapic_effects *effects)
{
	int vector = lapic_highest_vector(apic->regs, LAPIC_ISR);

	if (vector < 0)
		return;
	*lapic_vector_word(apic, LAPIC_ISR, vector) &= ~(u32)BIT(vector % 32);
	effects->what |= LAPIC_EFFECT_INTERRUPT;
	effects->what |= lapic_test_vector(apic, LAPIC_TMR, vector) ?
		LAPIC_EFFECT_EOI : LAPIC_EFFECT_EDGE_EOI;
	effects->eoi_vector = vector;
}

/**
 * lapic_ends_unheard() - the interrupt whose end is of no use to any other
 * @apic: the local APIC
 * @level: it is level-triggered: an I/O APIC may mind
 *
 * Return: the vector that the next EOI ends, if then nothing waits here, whatever
 * its priority; else -1
 */
int lapic_ends_unheard(const struct lapic *apic, bool *level)
{
	int vector = lapic_highest_vector(apic->regs, LAPIC_ISR);

	if (vector < 0 || lapic_highest_irr(apic) >= 0 ||
	    !lapic_is_enabled(apic) || !lapic_software_enabled(apic))
		return -1;
	*level = lapic_test_vector(apic, LAPIC_TMR, vector);
	return vector;
}

/**
 * lapic_accept() - a fixed or lowest-priority interrupt arrives
 * @apic: the local APIC
 * @vector: its vector; below 16 it will wait for ever, as on KVM
 * @level: it is level-triggered
 *
 * If the same vector waits already, they become one.
 *
 * Return: 1: accepted, 0: the local APIC is disabled
 */
int lapic_accept(struct lapic *apic, u8 vector, bool level)
{
	if (!lapic_is_enabled(apic) || !lapic_software_enabled(apic))
		return 0;
	if (level)
		*lapic_vector_word(apic, LAPIC_TMR, vector) |= BIT(vector % 32);
	else
		*lapic_vector_word(apic, LAPIC_TMR, vector) &=
			~(u32)BIT(vector % 32);
	*lapic_vector_word(apic, LAPIC_IRR, vector) |= BIT(vector % 32);
	return 1;
}

/**
 * lapic_lend() - the processor itself takes interrupts from here on
 * @apic: the local APIC
 * @page: its virtual-APIC page: registers at the same offsets
 *
 * Until lapic_take_back() what waits is in @page alone, and what is in service
 * and the task priority are right there alone. What is accepted meanwhile waits
 * here until the next time.
 */
void lapic_lend(struct lapic *apic, u32 *page)
{
	unsigned int i;

	page[LAPIC_TPR / 4] = lapic_reg(apic, LAPIC_TPR) & 0xff;
	for (i = 0; i < 8 * 4; i += 4) {
		page[LAPIC_ISR / 4 + i] = apic->regs[LAPIC_ISR / 4 + i];
		page[LAPIC_TMR / 4 + i] = apic->regs[LAPIC_TMR / 4 + i];
		page[LAPIC_IRR / 4 + i] = apic->regs[LAPIC_IRR / 4 + i];
		apic->regs[LAPIC_IRR / 4 + i] = 0;
	}
}

/**
 * lapic_take_back() - undo lapic_lend()
 * @apic: the local APIC
 * @page: what the processor has made of it
 */
void lapic_take_back(struct lapic *apic, const u32 *page)
{
	unsigned int i;

	lapic_set_reg(apic, LAPIC_TPR, page[LAPIC_TPR / 4] & 0xff);
	for (i = 0; i < 8 * 4; i += 4) {
		apic->regs[LAPIC_ISR / 4 + i] = page[LAPIC_ISR / 4 + i];
		apic->regs[LAPIC_IRR / 4 + i] |= page[LAPIC_IRR / 4 + i];
	}
}

/* CR8 is the class of the task priority. */
u8 lapic_cr8(const struct lapic *apic)
{
	return (lapic_reg(apic, LAPIC_TPR) & 0xf0) >> 4;
}

void lapic_set_cr8(struct lapic *apic, u8 cr8, struct lapic_effects *effects)
{
	lapic_set_reg(apic, LAPIC_TPR, (cr8 & 0xf) << 4);
	effects->what |= LAPIC_EFFECT_INTERRUPT;
}

static bool matches_physical(const struct lapic *apic, u32 destination)
{
	/*
	 * An id above 255 can only be meant as an x2APIC's, even where the
	 * guest has not switched that one over yet.
	 */
	if (lapic_is_x2apic(apic) || destination > 0xff)
		return destination == apic->id;
	return destination == lapic_reg(apic, LAPIC_ID) >> 24;
}

static bool matches_logical(const struct lapic *apic, u32 destination)
{
	u32 own = lapic_reg(apic, LAPIC_LDR);

	if (lapic_is_x2apic(apic))
		return own >> 16 == destination >> 16 &&
			(own & destination & 0xffff);
	own >>= 24;
	switch (lapic_reg(apic, LAPIC_DFR)) {
	case DFR_FLAT:
		return own & destination;
	case DFR_CLUSTER:
		return own >> 4 == destination >> 4 &&
			(own & destination & 0xf);
	default:
		return false;
	}
}

/**
 * lapic_matches() - is a message for this local APIC?
 * @apic: the local APIC
 * @message: the message; if it has a shorthand, who sent it decides, which the
 *           caller knows: the answer is for all
 *
 * A device cannot say all 32 bits of a broadcast to x2APICs, so its 0xff is
 * one, unless the owner has said that it can (no_broadcast_quirk).
 */
bool lapic_matches(const struct lapic *apic, const struct irq_message *message)
{
	u32 destination = message->destination;
	bool x2apic = lapic_is_x2apic(apic);

	if (!lapic_is_enabled(apic))
		return false;
	if (message->shorthand != IRQ_TO_DESTINATION)
		return true;
	if (destination == XAPIC_BROADCAST && x2apic && !message->ipi &&
	    !apic->no_broadcast_quirk)
		return true;
	if (destination == (x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST))
		return true;
	return message->logical ? matches_logical(apic, destination) :
				  matches_physical(apic, destination);
}

static u32 lvt_mode(u32 entry)
{
	return (entry & LVT_MODE) >> 8;
}

/* Does this CPU take the PIC's interrupts? */
bool lapic_takes_pic(const struct lapic *apic)
{
	u32 lint0 = lapic_reg(apic, LAPIC_LVT_LINT0);

	return !lapic_is_enabled(apic) ||
		(!(lint0 & LVT_MASKED) && lvt_mode(lint0) == IRQ_EXTINT);
}

/* Does the NMI line, LINT1, bring it an NMI? */
bool lapic_lint1_is_nmi(const struct lapic *apic)
{
	u32 lint1 = lapic_reg(apic, LAPIC_LVT_LINT1);

	return !lapic_is_enabled(apic) ||
		(!(lint1 & LVT_MASKED) && lvt_mode(lint1) == IRQ_NMI);
}
