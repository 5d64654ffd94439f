// SPDX-License-Identifier: GPL-2.0-only
/*
 * The launcher's bus and devices by themselves: registers of the serial port
 * as the PC16550D's data sheet has them, the bus's splitting of accesses, the
 * test device. No hypervisor is needed.
 */
#include "ktap.h"

#include "../../userspace/run/bus.c"
#include "../../userspace/run/serial.c"
#include "../../userspace/run/exit_port.c"
#include "../../userspace/run/test_device.c"

static struct serial port;
static struct bus bus;
static char sent[64];
static int sent_count, room_count;

static void output(void *context, unsigned char byte)
{
	(void)context;
	sent[sent_count++ % sizeof(sent)] = byte;
}

static void room(void *context)
{
	(void)context;
	room_count++;
}

static void plug_in(void)
{
	serial_init(&port, output, room, NULL);
	bus_add(&bus, &port.device);
}

static unsigned char in(unsigned int offset)
{
	unsigned char value = 0x5a;

	EXPECT_TRUE(bus_read(&bus, BUS_PORT, SERIAL_PORT + offset, &value, 1));
	return value;
}

static void out(unsigned int offset, unsigned char value)
{
	EXPECT_TRUE(bus_write(&bus, BUS_PORT, SERIAL_PORT + offset, &value, 1));
}

/* The port takes input once the guest has looked for some. */
static void listen_with_fifo(void)
{
	plug_in();
	out(IIR_FCR, FCR_ENABLE);
	in(LSR);
}

static size_t type(const char *keys)
{
	return serial_input(&port, (const unsigned char *)keys, strlen(keys));
}

TEST(idle_line_status_is_0x60)
{
	plug_in();
	EXPECT_EQ(0x60, in(LSR));
	out(DATA, 'x');
	EXPECT_EQ(0x60, in(LSR));
}

TEST(what_is_written_is_sent)
{
	plug_in();
	out(DATA, 'h');
	out(DATA, 'i');
	EXPECT_EQ(2, sent_count);
	EXPECT_TRUE(!memcmp(sent, "hi", 2));
}

TEST(data_ready_until_all_is_read)
{
	listen_with_fifo();
	EXPECT_EQ(2, type("ab"));
	EXPECT_EQ(0x61, in(LSR));
	EXPECT_EQ('a', in(DATA));
	EXPECT_EQ(0x61, in(LSR));
	EXPECT_EQ('b', in(DATA));
	EXPECT_EQ(0x60, in(LSR));
}

TEST(fifo_holds_16_bytes)
{
	int i;

	listen_with_fifo();
	EXPECT_EQ(16, type("0123456789abcdefgh"));
	for (i = 0; i < 16; i++)
		EXPECT_EQ("0123456789abcdef"[i], in(DATA));
	/* Around the ring's end, too. */
	EXPECT_EQ(16, type("ABCDEFGHIJKLMNOPQR"));
	for (i = 0; i < 16; i++)
		EXPECT_EQ('A' + i, in(DATA));
}

TEST(one_byte_without_fifo)
{
	plug_in();
	in(LSR);
	EXPECT_EQ(1, type("ab"));
	EXPECT_EQ(0, type("b"));
	EXPECT_EQ('a', in(DATA));
	EXPECT_EQ(1, type("b"));
}

TEST(room_is_told_when_the_fifo_is_empty)
{
	listen_with_fifo();
	type("ab");
	room_count = 0;
	in(DATA);
	EXPECT_EQ(0, room_count);
	in(DATA);
	EXPECT_EQ(1, room_count);
	in(DATA);
	EXPECT_EQ(1, room_count);
}

/* A guest that clears the FIFO when it starts must not lose what was piped in. */
TEST(input_waits_for_the_guest)
{
	plug_in();
	EXPECT_EQ(0, type("ab"));
	out(IIR_FCR, FCR_ENABLE | FCR_CLEAR_RECEIVE);
	EXPECT_EQ(0, type("ab"));
	room_count = 0;
	EXPECT_EQ(0x60, in(LSR));
	EXPECT_EQ(1, room_count);
	EXPECT_EQ(2, type("ab"));
}

TEST(clearing_the_fifo_empties_it)
{
	listen_with_fifo();
	type("abc");
	out(IIR_FCR, FCR_ENABLE | FCR_CLEAR_RECEIVE);
	EXPECT_EQ(0x60, in(LSR));
	EXPECT_EQ(1, type("d"));
	EXPECT_EQ('d', in(DATA));
}

TEST(dlab_shows_the_divisor)
{
	plug_in();
	out(IER, 0x05);
	out(LCR, LCR_DLAB | 0x03);
	out(DATA, 0x34);
	out(IER, 0x12);
	EXPECT_EQ(0x34, in(DATA));
	EXPECT_EQ(0x12, in(IER));
	EXPECT_EQ(0, sent_count);
	out(LCR, 0x03);
	EXPECT_EQ(0x03, in(LCR));
	EXPECT_EQ(0x05, in(IER));
	out(LCR, LCR_DLAB);
	EXPECT_EQ(0x34, in(DATA));
}

TEST(scratch_remembers)
{
	plug_in();
	out(SCRATCH, 0xa5);
	EXPECT_EQ(0xa5, in(SCRATCH));
	out(SCRATCH, 0x5a);
	EXPECT_EQ(0x5a, in(SCRATCH));
}

/* How drivers find out that it is a 16550A. */
TEST(identification_register_tells_of_fifos)
{
	plug_in();
	EXPECT_EQ(0x01, in(IIR_FCR));
	out(IIR_FCR, FCR_ENABLE);
	EXPECT_EQ(0xc1, in(IIR_FCR));
	out(IIR_FCR, 0);
	EXPECT_EQ(0x01, in(IIR_FCR));
}

TEST(identification_register_tells_the_cause)
{
	listen_with_fifo();
	EXPECT_EQ(0xc1, in(IIR_FCR));
	out(IER, IER_THR_EMPTY);
	EXPECT_EQ(0xc2, in(IIR_FCR));
	EXPECT_EQ(0xc1, in(IIR_FCR));
	out(DATA, 'x');
	EXPECT_EQ(0xc2, in(IIR_FCR));
	type("a");
	EXPECT_EQ(0xc1, in(IIR_FCR));
	out(IER, IER_RECEIVED);
	EXPECT_EQ(0xc4, in(IIR_FCR));
	in(DATA);
	EXPECT_EQ(0xc1, in(IIR_FCR));
}

TEST(interrupt_enable_has_four_bits)
{
	plug_in();
	out(IER, 0xff);
	EXPECT_EQ(0x0f, in(IER));
}

TEST(loop_back)
{
	listen_with_fifo();
	out(MCR, MCR_LOOP | MCR_RTS | MCR_OUT2);
	EXPECT_EQ(MSR_CTS | MSR_CARRIER, in(MSR));
	out(MCR, MCR_LOOP | MCR_DTR | MCR_OUT1);
	EXPECT_EQ(MSR_DSR | MSR_RING, in(MSR));
	out(DATA, 'x');
	EXPECT_EQ(0, sent_count);
	EXPECT_EQ(0, type("a"));
	EXPECT_EQ(0x61, in(LSR));
	EXPECT_EQ('x', in(DATA));
	room_count = 0;
	out(MCR, 0);
	EXPECT_EQ(1, room_count);
	EXPECT_EQ(1, type("a"));
}

TEST(overrun_in_loop_back_is_told_once)
{
	plug_in();
	in(LSR);
	out(MCR, MCR_LOOP);
	out(DATA, 'x');
	out(DATA, 'y');
	EXPECT_EQ(0x63, in(LSR));
	EXPECT_EQ(0x61, in(LSR));
	EXPECT_EQ('x', in(DATA));
}

TEST(modem_is_there_and_hangs_up)
{
	listen_with_fifo();
	EXPECT_EQ(0xb0, in(MSR));
	type("a");
	serial_hang_up(&port);
	/* Not before the last byte was read. */
	EXPECT_EQ(0xb0, in(MSR));
	EXPECT_EQ('a', in(DATA));
	EXPECT_EQ(0x38, in(MSR));
	EXPECT_EQ(0x30, in(MSR));
	serial_hang_up(&port);
	EXPECT_EQ(0x30, in(MSR));
}

TEST(status_registers_cannot_be_written)
{
	plug_in();
	out(LSR, 0xff);
	out(MSR, 0xff);
	EXPECT_EQ(0x60, in(LSR));
	EXPECT_EQ(0xb0, in(MSR));
	EXPECT_EQ(0, sent_count);
}

TEST(wide_access_to_the_port_is_split)
{
	unsigned char both[2] = { 'x', 0x03 };

	plug_in();
	EXPECT_TRUE(bus_write(&bus, BUS_PORT, SERIAL_PORT, both, 2));
	EXPECT_EQ(1, sent_count);
	EXPECT_EQ('x', sent[0]);
	EXPECT_EQ(0x03, in(IER));
}

TEST(access_over_the_ports_end_is_half_answered)
{
	unsigned char two[2] = { 0, 0 };

	plug_in();
	out(SCRATCH, 0x77);
	EXPECT_TRUE(!bus_read(&bus, BUS_PORT, SERIAL_PORT + SCRATCH, two, 2));
	EXPECT_EQ(0x77, two[0]);
	EXPECT_EQ(0xff, two[1]);
}

TEST(nothing_answers_elsewhere)
{
	__u64 value = 0;

	plug_in();
	EXPECT_TRUE(!bus_read(&bus, BUS_PORT, SERIAL_PORT - 1, &value, 1));
	EXPECT_EQ(0xff, value);
	value = 0;
	EXPECT_TRUE(!bus_read(&bus, BUS_PORT, 0x1000, &value, 8));
	EXPECT_EQ(~0ULL, value);
	/* The same number in the other address space is another address. */
	EXPECT_TRUE(!bus_read(&bus, BUS_MMIO, SERIAL_PORT, &value, 1));
	EXPECT_TRUE(!bus_write(&bus, BUS_MMIO, SERIAL_PORT, &value, 1));
	EXPECT_EQ(0, sent_count);
	/* The last address of all. */
	EXPECT_TRUE(!bus_read(&bus, BUS_MMIO, ~0ULL, &value, 1));
	EXPECT_TRUE(!bus_read(&bus, BUS_MMIO, ~0ULL - 3, &value, 8));
}

static __u64 ended_with = ~0ULL;

static void ended(void *context, __u64 value)
{
	(void)context;
	ended_with = value;
}

TEST(exit_port)
{
	struct exit_port exit_port;
	__u32 value = 0x12345;

	exit_port_init(&exit_port, ended, NULL);
	bus_add(&bus, &exit_port.device);
	EXPECT_TRUE(!bus_read(&bus, BUS_PORT, EXIT_PORT, &value, 1));
	EXPECT_TRUE(!bus_write(&bus, BUS_PORT, EXIT_PORT + 1, &value, 1));
	EXPECT_EQ(~0ULL, ended_with);
	value = 0x12345;
	EXPECT_TRUE(bus_write(&bus, BUS_PORT, EXIT_PORT, &value, 4));
	EXPECT_EQ(0x12345, ended_with);
}

static bool test_in(__u64 offset, void *data, unsigned int len)
{
	return bus_read(&bus, BUS_MMIO, TEST_DEVICE_GPA + offset, data, len);
}

static bool test_out(__u64 offset, const void *data, unsigned int len)
{
	return bus_write(&bus, BUS_MMIO, TEST_DEVICE_GPA + offset, data, len);
}

TEST(test_device)
{
	struct test_device test;
	__u64 value = 0, eight = 0x1122334455667788ULL;
	__u32 count = 7;

	test_device_init(&test);
	bus_add(&bus, &test.device);
	EXPECT_TRUE(test_in(ID, &value, 4));
	EXPECT_TRUE(!memcmp(&value, "mvmt", 4));
	EXPECT_TRUE(!test_in(ID, &value, 2));
	EXPECT_TRUE(!test_out(ID, &value, 4));
	EXPECT_TRUE(test_out(COUNTER, &count, 4));
	EXPECT_TRUE(test_in(COUNTER, &count, 4));
	EXPECT_EQ(8, count);
	EXPECT_TRUE(test_in(COUNTER, &count, 4));
	EXPECT_EQ(9, count);
	EXPECT_TRUE(!test_in(COUNTER, &count, 2));
	EXPECT_TRUE(!test_in(0x08, &count, 4));

	EXPECT_TRUE(test_out(BYTES + 3, &eight, 8));
	value = 0;
	EXPECT_TRUE(test_in(BYTES + 5, &value, 2));
	EXPECT_EQ(0x5566, value);
	/* Up to its last byte and not beyond. */
	EXPECT_TRUE(test_out(BYTES + 56, &eight, 8));
	EXPECT_TRUE(!test_in(BYTES + 57, &value, 8));
	EXPECT_EQ(0xff11223344556677ULL, value);
}
