// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two 8259s, the I/O APIC and the 8254: any sequence of what a guest, its
 * devices and a caller that sets states do to them.
 *
 * What must hold: the PIC's output says whether an interrupt is there that may
 * interrupt what is served; no line of the I/O APIC is forgotten or made up, and
 * it asks for the EOI of each vector that it waits for; the 8254's ticks are not
 * faster than they may be, and what goes out as a state comes in again.
 */
#include "fuzz.h"
#include "irqchip/ioapic.h"
#include "irqchip/pic.h"
#include "irqchip/pit.h"
#include "pic_wants.h"

#define SHORTEST_PERIOD	200000

static struct pic pic;
static struct ioapic ioapic;
static struct pit pit;
static u32 lines;		/* of the I/O APIC, as they were set last */
static s64 now;
static int answer;
static bool lower;		/* devices lower their lines at the end */

static void on_output(struct pic *p, bool level)
{
	MUST(p == &pic && level == p->output);
}

static void on_pic_eoi(struct pic *p, unsigned int line)
{
	MUST(line < PIC_LINES);
	if (lower)
		pic_set_line(p, line, false);
}

static void on_pic_unmasked(struct pic *p, unsigned int line)
{
	MUST(line < PIC_LINES && !(p->chips[line / 8].imr & 1 << line % 8));
}

static int on_deliver(struct ioapic *i, const struct irq_message *message)
{
	MUST(i == &ioapic && message->assert && message->mode < 8);
	if (message->level)
		MUST(i->level_vectors[message->vector / 64] >> message->vector % 64 & 1);
	return answer;
}

static void on_ioapic_eoi(struct ioapic *i, unsigned int pin)
{
	MUST(pin < MINIVMM_IOAPIC_NUM_PINS);
	if (!lower)
		return;
	ioapic_set_line(i, pin, false);
	lines &= ~(1u << pin);
}

static void create(void)
{
	pic.set_output = on_output;
	pic.eoi = on_pic_eoi;
	pic.unmasked = on_pic_unmasked;
	pic_init(&pic);
	ioapic.deliver = on_deliver;
	ioapic.eoi = on_ioapic_eoi;
	ioapic.unmasked = NULL;
	ioapic_init(&ioapic);
	lines = 0;
	now = 1;
	pit_init(&pit, true, now);
}

static u16 take_port(struct input *in)
{
	static const u16 ports[] = {
		0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61,
	};

	return ports[take(in, 1) % ARRAY_SIZE(ports)];
}

static void access_port(struct input *in, bool write)
{
	u16 port = take_port(in);

	if (pic_owns_port(port) && write)
		pic_write(&pic, port, take(in, 1));
	else if (pic_owns_port(port))
		pic_read(&pic, port);
	else if (write)
		MUST(!pit_write(&pit, port, take(in, 1), now) || port == 0x40);
	else
		pit_read(&pit, port, now);
}

static void access_ioapic(struct input *in)
{
	u8 how = take(in, 1);
	u32 reg = take(in, 1);

	ioapic_write(&ioapic, 0, reg);
	MUST(ioapic_read(&ioapic, 0) == reg);
	if (how & 1)
		ioapic_write(&ioapic, 0x10, take(in, 4));
	else
		ioapic_read(&ioapic, how & 2 ? 0x10 : how);
}

static void set_state(struct input *in)
{
	struct minivmm_ioapic_state ioapic_state;
	struct minivmm_pit_state2 pit_state;
	struct minivmm_pic_state pic_state;
	u8 which = take(in, 1) % 4;

	if (which < 2) {
		take_bytes(in, &pic_state, sizeof(pic_state));
		pic_set_state(&pic, which, &pic_state);
		MUST(pic.output == pic_wants(&pic.chips[0]));
	} else if (which == 2) {
		take_bytes(in, &ioapic_state, sizeof(ioapic_state));
		ioapic_set_state(&ioapic, &ioapic_state);
		lines = ioapic_state.irr & 0xffffff;
	} else {
		take_bytes(in, &pit_state, sizeof(pit_state));
		pit_set_state(&pit, &pit_state, now);
		pit_get_state(&pit, &pit_state);
		MUST(!memcmp(pit_state.channels, pit.state.channels,
			     sizeof(pit_state.channels)));
	}
}

static void check(void)
{
	const struct minivmm_ioapic_state *state = &ioapic.state;
	struct pit_timer timer;
	unsigned int i;

	MUST((state->irr | ioapic.delivered) == lines);
	MUST(!(state->irr & ioapic.delivered));
	for (i = 0; i < MINIVMM_IOAPIC_NUM_PINS; i++) {
		u8 vector = state->redirtbl[i].fields.vector;

		MUST(!state->redirtbl[i].fields.trig_mode ||
		     ioapic.level_vectors[vector / 64] >> vector % 64 & 1);
	}
	pit_timer(&pit, now, &timer);
	MUST(timer.first >= 0);
	MUST(!timer.period ||
	     (timer.period >= SHORTEST_PERIOD && timer.first >= now));
	for (i = 0; i < 3; i++)
		MUST(pit.state.channels[i].count);
}

static void set_line(struct input *in)
{
	unsigned int pin = take(in, 1) % 40;
	bool level = take(in, 1) & 1;

	if (pin < PIC_LINES) {
		pic_set_line(&pic, pin, level);
		MUST(pic.output == pic_wants(&pic.chips[0]));
		return;
	}
	pin -= PIC_LINES;
	lines = (lines & ~(1u << pin)) | (u32)level << pin;
	ioapic_set_line(&ioapic, pin, level);
}

static void step(struct input *in)
{
	u8 what = take(in, 1);
	int vector;

	lower = what & 0x80;
	answer = (what >> 4 & 3) - 1;
	switch (what & 7) {
	case 0:
	case 1:
		access_port(in, what & 1);
		break;
	case 2:
		access_ioapic(in);
		break;
	case 3:
		set_line(in);
		break;
	case 4:
		vector = pic_acknowledge(&pic);
		MUST(vector >= 0 && vector < 256 && pic.output == pic_wants(&pic.chips[0]));
		break;
	case 5:
		ioapic_end_of_interrupt(&ioapic, take(in, 1), what & 0x40);
		ioapic_refresh(&ioapic, ~0U);
		break;
	case 6:
		set_state(in);
		break;
	case 7:
		now += take(in, 5);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	create();
	while (in.left) {
		step(&in);
		check();
	}
	return 0;
}
