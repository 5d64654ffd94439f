// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 timer: three counters of 1.19 MHz, of which the first interrupts, and
 * port 0x61, at which the third can be started and its output be read.
 *
 * Intel's data sheet of the 8254: "Programming the 8254", "Read Operations",
 * "Mode Definitions".
 *
 * Nothing counts here. What a counter holds is computed from the time since it
 * was loaded; when the first one's output rises, the caller is told in advance
 * (pit_timer()).
 *
 * As KVM has it: BCD is noted but counting is binary; a control word does not
 * stop a counter, a new count does; a gate that is low does not stop one either,
 * but a rising one starts it anew in the modes that say so; the first counter's
 * output rises when the count has run out in mode 4 as in mode 0 and in mode 3
 * as in mode 2; in mode 5 it never does. A periodic timer does not go faster than
 * 5 kHz, or a guest could keep the host busy with it.
 *
 * Read next: pit_timer.c.
 */
#include "pit.h"

#define NS_PER_SEC	1000000000LL
#define MIN_PERIOD	200000	/* ns */

#define CHANNELS	3
#define PORT_CONTROL	3	/* from 0x40, as the channels are */
#define PORT_SPEAKER	0x61
#define MODE_OFF	0xff	/* no control word yet */

/* Which bytes are accessed; the third: both, and then which is next. */
enum {
	ACCESS_LATCH,
	ACCESS_LOW,
	ACCESS_HIGH,
	ACCESS_BOTH_LOW,
	ACCESS_BOTH_HIGH,
};

/* Read-back command; the bits that latch are inverted. */
#define READ_BACK_NO_STATUS	BIT(4)
#define READ_BACK_NO_COUNT	BIT(5)
#define READ_BACK_CHANNEL(n)	(BIT(1) << (n))

#define SPEAKER_GATE	BIT(0)
#define SPEAKER_DATA	BIT(1)

/* How many ticks a channel has made since it was loaded. */
static u64 ticks(const struct pit *pit, unsigned int n, s64 now)
{
	s64 ns = now - pit->state.channels[n].count_load_time;

	if (n == 0 && !pit->started)
		return 0;
	/* In step with the interrupts, whose period is one of whole ns. */
	if (n == 0 && pit->timer.period)
		ns %= pit->timer.period;
	if (ns < 0)
		return 0;
	return ns / NS_PER_SEC * PIT_HZ + ns % NS_PER_SEC * PIT_HZ / NS_PER_SEC;
}

static u16 count(const struct pit *pit, unsigned int n, s64 now)
{
	const struct minivmm_pit_channel_state *channel = &pit->state.channels[n];
	u64 passed = ticks(pit, n, now);

	switch (channel->mode) {
	case 0:
	case 1:
	case 4:
	case 5:
		return channel->count - passed;
	case 3:
		return channel->count - 2 * passed % channel->count;
	default:
		return channel->count - passed % channel->count;
	}
}

static bool output(const struct pit *pit, unsigned int n, s64 now)
{
	const struct minivmm_pit_channel_state *channel = &pit->state.channels[n];
	u64 passed = ticks(pit, n, now);

	switch (channel->mode) {
	case 1:
		return passed < channel->count;
	case 2:
		return passed && passed % channel->count == 0;
	case 3:
		return passed % channel->count < ((u64)channel->count + 1) / 2;
	case 4:
	case 5:
		return passed == channel->count;
	default:
		return passed >= channel->count;
	}
}

/* When channel 0 interrupts, as of now that it has been loaded. */
static void start_timer(struct pit *pit, s64 now)
{
	s64 ns = pit->state.channels[0].count * NS_PER_SEC / PIT_HZ;

	memset(&pit->timer, 0, sizeof(pit->timer));
	if (pit->state.flags & MINIVMM_PIT_FLAGS_HPET_LEGACY)
		return;
	switch (pit->state.channels[0].mode) {
	case 2:
	case 3:
		pit->timer.period = ns > MIN_PERIOD ? ns : MIN_PERIOD;
		fallthrough;
	case 0:
	case 1:
	case 4:
		pit->timer.first = now + ns;
		pit->started = true;
		break;
	}
}

/* Return: channel 0's timer is another now. */
static bool load(struct pit *pit, unsigned int n, u32 value, s64 now)
{
	pit->state.channels[n].count = value ? value : 0x10000;
	pit->state.channels[n].count_load_time = now;
	if (n != 0)
		return false;
	start_timer(pit, now);
	return true;
}

static void latch_count(struct pit *pit, unsigned int n, s64 now)
{
	struct minivmm_pit_channel_state *channel = &pit->state.channels[n];

	if (channel->count_latched)
		return;
	channel->latched_count = count(pit, n, now);
	channel->count_latched = channel->rw_mode;
}

static void latch_status(struct pit *pit, unsigned int n, s64 now)
{
	struct minivmm_pit_channel_state *channel = &pit->state.channels[n];

	if (channel->status_latched)
		return;
	channel->status = output(pit, n, now) << 7 | channel->rw_mode << 4 |
			  channel->mode << 1 | channel->bcd;
	channel->status_latched = 1;
}

static void read_back(struct pit *pit, u8 command, s64 now)
{
	unsigned int n;

	for (n = 0; n < CHANNELS; n++) {
		if (!(command & READ_BACK_CHANNEL(n)))
			continue;
		if (!(command & READ_BACK_NO_COUNT))
			latch_count(pit, n, now);
		if (!(command & READ_BACK_NO_STATUS))
			latch_status(pit, n, now);
	}
}

static void write_control(struct pit *pit, u8 word, s64 now)
{
	unsigned int n = word >> 6, access = (word >> 4) & 3;
	struct minivmm_pit_channel_state *channel;

	if (n == CHANNELS) {
		read_back(pit, word, now);
		return;
	}
	if (access == ACCESS_LATCH) {
		latch_count(pit, n, now);
		return;
	}
	channel = &pit->state.channels[n];
	channel->rw_mode = access;
	channel->read_state = access;
	channel->write_state = access;
	channel->mode = (word >> 1) & 7;
	if (channel->mode > 5)	/* 6 and 7 are other names of 2 and 3 */
		channel->mode -= 4;
	channel->bcd = word & 1;
}

static bool write_count(struct pit *pit, unsigned int n, u8 value, s64 now)
{
	struct minivmm_pit_channel_state *channel = &pit->state.channels[n];

	switch (channel->write_state) {
	case ACCESS_BOTH_LOW:
		channel->write_latch = value;
		channel->write_state = ACCESS_BOTH_HIGH;
		return false;
	case ACCESS_BOTH_HIGH:
		channel->write_state = ACCESS_BOTH_LOW;
		return load(pit, n, channel->write_latch | value << 8, now);
	case ACCESS_HIGH:
		return load(pit, n, value << 8, now);
	default:
		return load(pit, n, value, now);
	}
}

static u8 read_latched_count(struct minivmm_pit_channel_state *channel)
{
	u8 access = channel->count_latched;

	channel->count_latched = access == ACCESS_BOTH_LOW ? ACCESS_HIGH : 0;
	return access == ACCESS_HIGH ? channel->latched_count >> 8 :
				       channel->latched_count;
}

static u8 read_count(struct pit *pit, unsigned int n, s64 now)
{
	struct minivmm_pit_channel_state *channel = &pit->state.channels[n];
	u16 value = count(pit, n, now);

	switch (channel->read_state) {
	case ACCESS_BOTH_LOW:
		channel->read_state = ACCESS_BOTH_HIGH;
		return value;
	case ACCESS_BOTH_HIGH:
		channel->read_state = ACCESS_BOTH_LOW;
		return value >> 8;
	case ACCESS_HIGH:
		return value >> 8;
	default:
		return value;
	}
}

/* Port 0x61: the gate of channel 2, whose rise may start it anew. */
static void write_speaker(struct pit *pit, u8 value, s64 now)
{
	struct minivmm_pit_channel_state *channel = &pit->state.channels[2];
	u8 gate = value & SPEAKER_GATE;

	if (value & SPEAKER_DATA)
		pit->state.flags |= MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON;
	else
		pit->state.flags &= ~MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (gate > channel->gate && (channel->mode == 1 || channel->mode == 2 ||
				     channel->mode == 3 || channel->mode == 5))
		channel->count_load_time = now;
	channel->gate = gate;
}

/* Bit 4 is the DRAM's refresh, which toggles about every 15 us: 2^14 ns here. */
static u8 read_speaker(const struct pit *pit, s64 now)
{
	bool data = pit->state.flags & MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON;

	return pit->state.channels[2].gate | data << 1 | (now >> 14 & 1) << 4 |
	       output(pit, 2, now) << 5;
}

/**
 * pit_init() - as after power-on: nothing is programmed
 * @pit: the timer
 * @speaker: port 0x61 is its too
 * @now: the time
 */
void pit_init(struct pit *pit, bool speaker, s64 now)
{
	unsigned int n;

	memset(pit, 0, sizeof(*pit));
	pit->speaker = speaker;
	for (n = 0; n < CHANNELS; n++) {
		pit->state.channels[n].mode = MODE_OFF;
		pit->state.channels[n].gate = n != 2;
		load(pit, n, 0, now);
	}
}

/**
 * pit_owns_port() - is a port the timer's?
 * @pit: the timer
 * @port: the port
 */
bool pit_owns_port(const struct pit *pit, u16 port)
{
	return (port & ~3) == 0x40 || (pit->speaker && port == PORT_SPEAKER);
}

/**
 * pit_write() - the guest writes a byte to a port
 * @pit: the timer
 * @port: one of those that pit_owns_port() names
 * @value: the byte
 * @now: the time
 *
 * Return: channel 0 was loaded: ask pit_timer().
 */
bool pit_write(struct pit *pit, u16 port, u8 value, s64 now)
{
	if (port == PORT_SPEAKER)
		write_speaker(pit, value, now);
	else if ((port & 3) == PORT_CONTROL)
		write_control(pit, value, now);
	else
		return write_count(pit, array_index_nospec(port & 3, CHANNELS),
				   value, now);
	return false;
}

/**
 * pit_read() - the guest reads a byte from a port
 * @pit: the timer
 * @port: one of those that pit_owns_port() names
 * @now: the time
 *
 * Return: the byte; of the control word's port 0.
 */
u8 pit_read(struct pit *pit, u16 port, s64 now)
{
	struct minivmm_pit_channel_state *channel;
	unsigned int n = port & 3;

	if (port == PORT_SPEAKER)
		return read_speaker(pit, now);
	if (n == PORT_CONTROL)
		return 0;
	n = array_index_nospec(n, CHANNELS);
	channel = &pit->state.channels[n];
	if (channel->status_latched) {
		channel->status_latched = 0;
		return channel->status;
	}
	if (channel->count_latched)
		return read_latched_count(channel);
	return read_count(pit, n, now);
}

/**
 * pit_timer() - when channel 0's output rises
 * @pit: the timer
 * @now: the time
 * @timer: filled in. Of a periodic timer @first is the next rise; of a one-shot
 *	   timer it may be past
 */
void pit_timer(const struct pit *pit, s64 now, struct pit_timer *timer)
{
	*timer = pit->timer;
	if (timer->period && timer->first < now)
		timer->first = now + timer->period -
			       (now - timer->first) % timer->period;
}

/**
 * pit_get_state() - the whole state, for a caller
 * @pit: the timer
 * @state: filled in
 */
void pit_get_state(const struct pit *pit, struct minivmm_pit_state2 *state)
{
	*state = pit->state;
	memset(state->reserved, 0, sizeof(state->reserved));
}

/**
 * pit_set_state() - a caller sets the whole state
 * @pit: the timer
 * @state: any bytes; the counters start anew, whatever its count_load_time
 * @now: the time
 *
 * Return: as pit_write().
 */
bool pit_set_state(struct pit *pit, const struct minivmm_pit_state2 *state,
		   s64 now)
{
	unsigned int n;

	pit->state = *state;
	for (n = 0; n < CHANNELS; n++)
		load(pit, n, state->channels[n].count, now);
	return true;
}
