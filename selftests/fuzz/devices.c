// SPDX-License-Identifier: GPL-2.0-only
/*
 * The launcher's bus and its devices: accesses of any size anywhere, input that
 * arrives in between, and a line that is cut.
 *
 * What must hold: what no device answers reads as all ones; the interrupt line
 * is told of changes only; and the serial port gives the guest what arrived, in
 * order and nothing else, as long as the guest neither clears the FIFO nor loops
 * its output back.
 */
#include "fuzz.h"
#include "boot/platform.h"
#include "run/bus.h"
#include "run/cmos.h"
#include "run/exit_port.h"
#include "run/power.h"
#include "run/serial.h"
#include "run/test_device.h"

#define SERIAL_DLAB	0x80

static struct {
	struct bus bus;
	struct serial *serial;		/* each for itself: a stray access is noticed */
	struct exit_port *exit_port;
	struct test_device *test_device;
	struct cmos *cmos;
	struct power *power;
	unsigned int sent, exits;
	bool line;
	u8 arrived, read;	/* how many bytes: each is its own number */
	bool in_order;
} m;

static void serial_output(void *context, unsigned char byte)
{
	MUST(context == &m);
	(void)byte;
	m.sent++;
}

static void serial_room(void *context)
{
	MUST(context == &m);
}

static void exit_written(void *context, __u64 value)
{
	MUST(context == &m);
	(void)value;
	m.exits++;
}

static void interrupt(void *context, bool level)
{
	MUST(context == &m && level != m.line);
	m.line = level;
}

static void asked(void *context, enum power_event event)
{
	MUST(context == &m && (event == POWER_OFF || event == POWER_RESET));
}

/* Days pass between two looks at the clock, and any year may be. */
static long long seconds(void)
{
	static long long now;

	now = (now + 1234567) % 253402300800;
	return now;
}

static u64 nanoseconds(void)
{
	return (u64)seconds() * 1000000000;
}

static void create_platform(bool interrupts)
{
	m.cmos = malloc(sizeof(*m.cmos));
	m.power = malloc(sizeof(*m.power));
	MUST(m.cmos && m.power);
	if (interrupts)
		m.serial->interrupt = interrupt;
	cmos_init(m.cmos, 1 << 30, seconds);
	bus_add(&m.bus, &m.cmos->device);
	power_init(m.power, asked, nanoseconds, &m);
	power_add(m.power, &m.bus);
}

static void create(bool interrupts)
{
	memset(&m, 0, sizeof(m));
	m.in_order = true;
	m.serial = malloc(sizeof(*m.serial));
	m.exit_port = malloc(sizeof(*m.exit_port));
	m.test_device = malloc(sizeof(*m.test_device));
	MUST(m.serial && m.exit_port && m.test_device);
	serial_init(m.serial, serial_output, serial_room, &m);
	bus_add(&m.bus, &m.serial->device);
	exit_port_init(m.exit_port, exit_written, &m);
	bus_add(&m.bus, &m.exit_port->device);
	test_device_init(m.test_device);
	bus_add(&m.bus, &m.test_device->device);
	create_platform(interrupts);
}

/* Mostly where a device is, or at its edge. */
static u64 take_address(struct input *in, enum bus_space space)
{
	static const u16 others[] = {
		CMOS_PORT, CMOS_PORT, CMOS_PORT + 1, PM_PORT, PM_PORT + 4,
		PM_PORT + 8, RESET_PORT, 0x64, 0x80,
	};
	u8 what = take(in, 1);
	u64 at = take(in, 1);

	if (space == BUS_MMIO)
		return what & 1 ? take(in, 8) : TEST_DEVICE_GPA - 4 + at % 140;
	if ((what & 7) == 7)
		return others[at % ARRAY_SIZE(others)] + (what >> 3) % 4 - 1;
	if (what & 1)
		return (what & 2 ? EXIT_PORT : take(in, 2)) + at % 3 - 1;
	return SERIAL_PORT + at % 10 - 1;
}

static bool touches(u64 address, unsigned int len, u64 port)
{
	return address <= port && port - address < len;
}

static void read_bus(struct input *in, enum bus_space space)
{
	u64 address = take_address(in, space);
	unsigned int len = 1 + take(in, 1) % 8;
	bool gives_data = m.in_order && m.serial->count && space == BUS_PORT &&
			  !(m.serial->lcr & SERIAL_DLAB) &&
			  touches(address, len, SERIAL_PORT);
	u8 *data = malloc(len);

	MUST(data);
	memset(data, 0x5a, len);
	if (!bus_read(&m.bus, space, address, data, len) && len == 1)
		MUST(data[0] == 0xff);
	if (gives_data)
		MUST(data[SERIAL_PORT - address] == m.read++);
	free(data);
}

static void write_bus(struct input *in, enum bus_space space)
{
	u64 address = take_address(in, space);
	unsigned int len = 1 + take(in, 1) % 8;
	u8 *data = malloc(len);

	MUST(data);
	take_bytes(in, data, len);
	bus_write(&m.bus, space, address, data, len);
	if (space == BUS_PORT && (touches(address, len, SERIAL_PORT + 2) ||
				  touches(address, len, SERIAL_PORT + 4)))
		m.in_order = false;
	free(data);
}

static void arrive(struct input *in)
{
	u8 bytes[20];
	unsigned int i, len = take(in, 1) % sizeof(bytes);
	size_t taken;

	for (i = 0; i < len; i++)
		bytes[i] = m.arrived + i;
	taken = serial_input(m.serial, bytes, len);
	MUST(taken <= len);
	m.arrived += taken;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	/* Half of the machines have an interrupt controller. */
	create(size % 2);
	while (in.left) {
		switch (take(&in, 1) % 6) {
		case 0:
			read_bus(&in, BUS_PORT);
			break;
		case 1:
			write_bus(&in, BUS_PORT);
			break;
		case 2:
			read_bus(&in, BUS_MMIO);
			break;
		case 3:
			write_bus(&in, BUS_MMIO);
			break;
		case 4:
			arrive(&in);
			break;
		case 5:
			serial_hang_up(m.serial);
			break;
		}
		MUST(m.serial->count <= SERIAL_FIFO_SIZE);
	}
	free(m.serial);
	free(m.exit_port);
	free(m.test_device);
	free(m.cmos);
	free(m.power);
	return 0;
}
