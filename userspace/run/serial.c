// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550A serial port at 0x3f8, the PC's COM1.
 *
 * Sending takes no time: the line status register always says that the
 * transmitter is empty, so that a guest never waits. Where the machine has no
 * interrupt controller no interrupt is raised; the interrupt identification
 * register still tells what would have raised one.
 *
 * Input that was there before the guest would be lost when the guest clears
 * the FIFO at its start: it waits outside until the guest first looks for
 * some or, on a machine with interrupts, first wants to be told of it. When the
 * input ends, the port behaves as when a modem's line is cut: carrier detect
 * falls.
 *
 * Data sheet: National Semiconductor PC16550D.
 * Read next: exit_port.c, the smallest device.
 */
#include <string.h>

#include "serial.h"

/* Registers; with DLAB set, the first two are the divisor. */
enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCRATCH, REGISTERS };

#define IER_MASK		0x0f
#define IER_RECEIVED		0x01
#define IER_THR_EMPTY		0x02
#define IER_LINE		0x04
#define IER_MODEM		0x08

#define IIR_NONE		0x01
#define IIR_THR_EMPTY		0x02
#define IIR_RECEIVED		0x04
#define IIR_LINE		0x06
#define IIR_MODEM		0x00
#define IIR_FIFOS		0xc0

#define FCR_ENABLE		0x01
#define FCR_CLEAR_RECEIVE	0x02

#define LCR_DLAB		0x80

#define MCR_MASK		0x1f
#define MCR_DTR			0x01
#define MCR_RTS			0x02
#define MCR_OUT1		0x04
#define MCR_OUT2		0x08
#define MCR_LOOP		0x10

#define LSR_DATA_READY		0x01
#define LSR_OVERRUN		0x02
#define LSR_EMPTY		0x60

#define MSR_CARRIER_CHANGED	0x08
#define MSR_CTS			0x10
#define MSR_DSR			0x20
#define MSR_RING		0x40
#define MSR_CARRIER		0x80

/* Without its FIFO the chip holds one byte, as the 16450 did. */
static unsigned int capacity(const struct serial *s)
{
	return s->fcr & FCR_ENABLE ? SERIAL_FIFO_SIZE : 1;
}

static bool receive(struct serial *s, unsigned char byte)
{
	if (s->count >= capacity(s))
		return false;
	s->fifo[(s->head + s->count++) % SERIAL_FIFO_SIZE] = byte;
	return true;
}

static unsigned char take(struct serial *s)
{
	unsigned char byte = s->fifo[s->head];

	if (!s->count)
		return 0;
	s->head = (s->head + 1) % SERIAL_FIFO_SIZE;
	s->count--;
	return byte;
}

static unsigned char line_status(struct serial *s)
{
	return LSR_EMPTY | (s->count ? LSR_DATA_READY : 0) |
	       (s->overrun ? LSR_OVERRUN : 0);
}

/* Carrier falls only after the last byte was read: nothing sent is lost. */
static bool carrier(const struct serial *s)
{
	return !s->hung_up || s->count;
}

static unsigned char modem_status(struct serial *s)
{
	/* In loop-back the modem's inputs are tied to the outputs. */
	if (s->mcr & MCR_LOOP)
		return (s->mcr & MCR_RTS ? MSR_CTS : 0) |
		       (s->mcr & MCR_DTR ? MSR_DSR : 0) |
		       (s->mcr & MCR_OUT1 ? MSR_RING : 0) |
		       (s->mcr & MCR_OUT2 ? MSR_CARRIER : 0);
	if (carrier(s))
		return MSR_CTS | MSR_DSR | MSR_CARRIER;
	return MSR_CTS | MSR_DSR |
	       (s->carrier_fell ? MSR_CARRIER_CHANGED : 0);
}

/* The order is the chip's priority. */
static unsigned char interrupt_cause(const struct serial *s)
{
	if (s->ier & IER_LINE && s->overrun)
		return IIR_LINE;
	if (s->ier & IER_RECEIVED && s->count)
		return IIR_RECEIVED;
	if (s->ier & IER_THR_EMPTY && s->thr_pending)
		return IIR_THR_EMPTY;
	if (s->ier & IER_MODEM && !(s->mcr & MCR_LOOP) && !carrier(s) &&
	    s->carrier_fell)
		return IIR_MODEM;
	return IIR_NONE;
}

static unsigned char interrupt_id(struct serial *s)
{
	unsigned char cause = interrupt_cause(s);

	/* To be told of it is what ends this one. */
	if (cause == IIR_THR_EMPTY)
		s->thr_pending = false;
	return cause | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

/* On a PC the line goes through a gate that OUT2 opens; loop-back shuts it. */
static void update_line(struct serial *s)
{
	bool level = interrupt_cause(s) != IIR_NONE && s->mcr & MCR_OUT2 &&
		     !(s->mcr & MCR_LOOP);

	if (!s->interrupt || level == s->line)
		return;
	s->line = level;
	s->interrupt(s->context, level);
}

static unsigned char read_register(struct serial *s, __u64 offset)
{
	bool dlab = s->lcr & LCR_DLAB;
	unsigned char value;

	switch (offset) {
	case DATA:
		return dlab ? (unsigned char)s->divisor : take(s);
	case IER:
		return dlab ? (unsigned char)(s->divisor >> 8) : s->ier;
	case IIR_FCR:
		return interrupt_id(s);
	case LCR:
		return s->lcr;
	case MCR:
		return s->mcr;
	case LSR:
		value = line_status(s);
		s->overrun = false;
		return value;
	case MSR:
		value = modem_status(s);
		if (!carrier(s) && !(s->mcr & MCR_LOOP))
			s->carrier_fell = false;
		return value;
	default:
		return s->scratch;
	}
}

static void write_fcr(struct serial *s, unsigned char value)
{
	/* Switching the FIFO on or off empties it. */
	if (value & FCR_CLEAR_RECEIVE || (value ^ s->fcr) & FCR_ENABLE)
		s->count = 0;
	s->fcr = value & FCR_ENABLE;
}

/* Returns whether @value leaves by the line. */
static bool write_register(struct serial *s, __u64 offset, unsigned char value)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (offset) {
	case DATA:
		if (dlab) {
			s->divisor = (s->divisor & 0xff00) | value;
			return false;
		}
		s->thr_pending = true;
		if (!(s->mcr & MCR_LOOP))
			return true;
		s->overrun |= !receive(s, value);
		return false;
	case IER:
		if (dlab) {
			s->divisor = (unsigned short)((s->divisor & 0x00ff) |
						      value << 8);
			return false;
		}
		if (value & ~s->ier & IER_THR_EMPTY)
			s->thr_pending = true;
		s->ier = value & IER_MASK;
		return false;
	case IIR_FCR:
		write_fcr(s, value);
		return false;
	case LCR:
		s->lcr = value;
		return false;
	case MCR:
		s->mcr = value & MCR_MASK;
		return false;
	case SCRATCH:
		s->scratch = value;
		return false;
	default:
		/* The status registers cannot be written. */
		return false;
	}
}

static bool looks_for_input(const struct serial *s, __u64 offset)
{
	return offset == LSR || offset == IIR_FCR ||
	       (offset == DATA && !(s->lcr & LCR_DLAB));
}

static bool serial_read(struct bus_device *device, __u64 offset, __u64 *value,
			unsigned int len)
{
	struct serial *s = (struct serial *)device;
	bool had_input, has_room = false;

	(void)len;
	pthread_mutex_lock(&s->lock);
	if (!s->interrupt && !s->listening && looks_for_input(s, offset)) {
		s->listening = true;
		has_room = true;
	}
	had_input = s->count;
	*value = read_register(s, offset);
	if (had_input && !s->count)
		has_room = true;
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	if (has_room)
		s->room(s->context);
	return true;
}

static bool serial_write(struct bus_device *device, __u64 offset, __u64 value,
			 unsigned int len)
{
	struct serial *s = (struct serial *)device;
	unsigned char byte = (unsigned char)value;	/* the bus keeps to our width */
	bool sent, may_have_room;

	(void)len;
	pthread_mutex_lock(&s->lock);
	sent = write_register(s, offset, byte);
	if (s->interrupt && s->ier & IER_RECEIVED)
		s->listening = true;
	/*
	 * The FIFO was cleared, or loop-back ended, or the guest began to
	 * listen: waiting input may come.
	 */
	may_have_room = (offset == IIR_FCR || offset == MCR || offset == IER) &&
			!s->count;
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	/* Output may block; other vCPUs and input go on meanwhile. */
	if (sent)
		s->output(s->context, byte);
	if (may_have_room)
		s->room(s->context);
	return true;
}

size_t serial_input(struct serial *serial, const unsigned char *data,
		    size_t size)
{
	size_t n = 0;

	pthread_mutex_lock(&serial->lock);
	/* In loop-back the line's input is cut off: it waits outside. */
	if (serial->listening && !(serial->mcr & MCR_LOOP))
		while (n < size && receive(serial, data[n]))
			n++;
	update_line(serial);
	pthread_mutex_unlock(&serial->lock);
	return n;
}

void serial_hang_up(struct serial *serial)
{
	pthread_mutex_lock(&serial->lock);
	if (!serial->hung_up)
		serial->carrier_fell = true;
	serial->hung_up = true;
	update_line(serial);
	pthread_mutex_unlock(&serial->lock);
}

void serial_init(struct serial *serial,
		 void (*output)(void *context, unsigned char byte),
		 void (*room)(void *context), void *context)
{
	memset(serial, 0, sizeof(*serial));
	serial->device.space = BUS_PORT;
	serial->device.base = SERIAL_PORT;
	serial->device.size = REGISTERS;
	serial->device.width = 1;
	serial->device.read = serial_read;
	serial->device.write = serial_write;
	pthread_mutex_init(&serial->lock, NULL);
	serial->divisor = 12;
	serial->lcr = 0x03;
	serial->output = output;
	serial->room = room;
	serial->context = context;
}

void serial_restore(struct serial *serial, const struct serial *saved)
{
	memcpy(serial->fifo, saved->fifo, sizeof(serial->fifo));
	serial->head = saved->head % SERIAL_FIFO_SIZE;
	serial->count = saved->count <= SERIAL_FIFO_SIZE ? saved->count : 0;
	serial->listening = saved->listening;
	serial->thr_pending = saved->thr_pending;
	serial->overrun = saved->overrun;
	serial->ier = saved->ier & IER_MASK;
	serial->fcr = saved->fcr & FCR_ENABLE;
	serial->lcr = saved->lcr;
	serial->mcr = saved->mcr & MCR_MASK;
	serial->scratch = saved->scratch;
	serial->divisor = saved->divisor;
	/* The interrupt controllers were saved with the line as it was. */
	serial->line = saved->line;
	pthread_mutex_lock(&serial->lock);
	update_line(serial);
	pthread_mutex_unlock(&serial->lock);
}
