// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel finds on the machine, each part by itself: the serial port's
 * interrupt, the clock, the ways to switch off and to reset, the firmware's
 * tables, CPUID's topology. No hypervisor is needed.
 */
#include "ktap.h"

#include "../../userspace/run/bus.c"
#include "../../userspace/run/serial.c"
#include "../../userspace/run/power.c"
#include "../../userspace/boot/acpi.c"
#include "../../userspace/run/cmos.h"
#include "../../userspace/lib/cpuid.c"

static struct bus bus;
static struct serial port;
static struct cmos cmos;
static struct power power;
static int line = -1, offs, resets, rises;
static long long now;

static void output(void *context, unsigned char byte)
{
	(void)context;
	(void)byte;
}

static void room(void *context)
{
	(void)context;
}

static void interrupt(void *context, bool level)
{
	(void)context;
	rises += level;
	line = level;
}

static void asked(void *context, enum power_event event)
{
	(void)context;
	if (event == POWER_OFF)
		offs++;
	else
		resets++;
}

static long long seconds(void)
{
	return now;
}

static __u64 nanoseconds(void)
{
	return now * 1000000000;
}

static void plug_in(void)
{
	serial_init(&port, output, room, NULL);
	port.interrupt = interrupt;
	bus_add(&bus, &port.device);
	cmos_init(&cmos, 256 << 20, seconds);
	bus_add(&bus, &cmos.device);
	power_init(&power, asked, nanoseconds, NULL);
	power_add(&power, &bus);
}

static __u32 in(unsigned int address, unsigned int len)
{
	__u32 value = 0;

	bus_read(&bus, BUS_PORT, address, &value, len);
	return value;
}

static void out(unsigned int address, __u32 value, unsigned int len)
{
	bus_write(&bus, BUS_PORT, address, &value, len);
}

static __u8 cmos_in(__u8 index)
{
	out(0x70, index, 1);
	return in(0x71, 1);
}

static void cmos_out(__u8 index, __u8 value)
{
	out(0x70, index, 1);
	out(0x71, value, 1);
}

static void open_line(void)
{
	out(SERIAL_PORT + IIR_FCR, FCR_ENABLE, 1);
	out(SERIAL_PORT + MCR, MCR_OUT2, 1);
}

TEST(input_raises_the_interrupt_until_it_is_read)
{
	plug_in();
	open_line();
	out(SERIAL_PORT + IER, IER_RECEIVED, 1);
	EXPECT_EQ(-1, line);
	EXPECT_EQ(2, serial_input(&port, (const unsigned char *)"ab", 2));
	EXPECT_EQ(1, line);
	in(SERIAL_PORT, 1);
	EXPECT_EQ(1, line);
	in(SERIAL_PORT, 1);
	EXPECT_EQ(0, line);
	EXPECT_EQ(1, rises);
}

/* With interrupts a kernel looks at the port long before it wants input. */
TEST(input_waits_until_the_guest_wants_to_be_told)
{
	plug_in();
	open_line();
	in(SERIAL_PORT + LSR, 1);
	EXPECT_EQ(0, serial_input(&port, (const unsigned char *)"a", 1));
	out(SERIAL_PORT + IER, IER_RECEIVED, 1);
	EXPECT_EQ(1, serial_input(&port, (const unsigned char *)"a", 1));
}

TEST(sent_raises_the_interrupt_until_iir_is_read)
{
	plug_in();
	open_line();
	out(SERIAL_PORT + IER, IER_THR_EMPTY, 1);
	EXPECT_EQ(1, line);
	EXPECT_EQ(0xc2, in(SERIAL_PORT + IIR_FCR, 1));
	EXPECT_EQ(0, line);
	out(SERIAL_PORT, 'x', 1);
	EXPECT_EQ(1, line);
}

TEST(out2_shut_or_loop_back_keeps_the_interrupt_low)
{
	plug_in();
	out(SERIAL_PORT + IER, IER_THR_EMPTY, 1);
	EXPECT_EQ(-1, line);
	out(SERIAL_PORT + MCR, MCR_OUT2, 1);
	EXPECT_EQ(1, line);
	out(SERIAL_PORT + MCR, MCR_OUT2 | MCR_LOOP, 1);
	EXPECT_EQ(0, line);
}

/* 2026-11-23 13:05:09 UTC, a Monday. */
#define MONDAY	1795439109LL

TEST(clock_tells_the_time_in_bcd)
{
	plug_in();
	now = MONDAY;
	EXPECT_EQ(0x09, cmos_in(0x00));
	EXPECT_EQ(0x05, cmos_in(0x02));
	EXPECT_EQ(0x13, cmos_in(0x04));
	EXPECT_EQ(0x02, cmos_in(0x06));
	EXPECT_EQ(0x23, cmos_in(0x07));
	EXPECT_EQ(0x11, cmos_in(0x08));
	EXPECT_EQ(0x26, cmos_in(0x09));
	EXPECT_EQ(0x20, cmos_in(0x32));
	EXPECT_EQ(0x80, cmos_in(0x0d));
	EXPECT_EQ(0, cmos_in(0x0a) & 0x80);
}

TEST(clock_tells_the_time_in_binary_and_with_12_hours)
{
	plug_in();
	now = MONDAY;
	cmos_out(0x0b, 0x04);
	EXPECT_EQ(13 - 12 + 0x80, cmos_in(0x04));
	EXPECT_EQ(26, cmos_in(0x09));
}

TEST(clock_can_be_set_and_goes_on)
{
	plug_in();
	now = MONDAY;
	cmos_out(0x0b, 0x82);
	cmos_out(0x04, 0x22);
	cmos_out(0x02, 0x59);
	cmos_out(0x00, 0x58);
	now += 100;
	EXPECT_EQ(0x58, cmos_in(0x00));
	cmos_out(0x0b, 0x02);
	EXPECT_EQ(0x58, cmos_in(0x00));
	now += 3;
	EXPECT_EQ(0x01, cmos_in(0x00));
	EXPECT_EQ(0x00, cmos_in(0x02));
	EXPECT_EQ(0x23, cmos_in(0x04));
	EXPECT_EQ(0x23, cmos_in(0x07));
}

/* Found by fuzzing: a month 0 in the year 0 is a year earlier. */
TEST(clock_can_be_set_to_nonsense)
{
	plug_in();
	now = MONDAY;
	cmos_out(0x0b, 0x82);
	cmos_out(0x32, 0);
	cmos_out(0x09, 0);
	cmos_out(0x08, 0);
	cmos_out(0x0b, 0x02);
	EXPECT_EQ(0x00, cmos_in(0x32));
	EXPECT_EQ(0x00, cmos_in(0x09));
	EXPECT_EQ(0x12, cmos_in(0x08));
}

TEST(cmos_tells_memory_and_remembers)
{
	plug_in();
	EXPECT_EQ(640, cmos_in(0x15) | cmos_in(0x16) << 8);
	EXPECT_EQ(0xffff, cmos_in(0x17) | cmos_in(0x18) << 8);
	EXPECT_EQ(240 << 4, cmos_in(0x34) | cmos_in(0x35) << 8);
	cmos_out(0x0f, 0x0a);
	EXPECT_EQ(0x0a, cmos_in(0x0f));
	EXPECT_EQ(0xff, in(0x70, 1));
}

TEST(s5_switches_off_and_nothing_else_does)
{
	plug_in();
	EXPECT_EQ(1, in(PM_PORT + PM1_CONTROL, 2));
	out(PM_PORT + PM1_CONTROL, 5 << 10, 2);
	out(PM_PORT + PM1_CONTROL, 1 << 13 | 3 << 10, 2);
	EXPECT_EQ(0, offs);
	/* The register keeps the type, not the bit that acts. */
	EXPECT_EQ(1 | 3 << 10, in(PM_PORT + PM1_CONTROL, 2));
	out(PM_PORT + PM1_CONTROL, 1 << 13 | 5 << 10, 2);
	EXPECT_EQ(1, offs);
	EXPECT_EQ(0, resets);
}

TEST(pm_timer_counts_at_3579545_hz)
{
	plug_in();
	now = 2;
	EXPECT_EQ(2 * 3579545, in(PM_PORT + PM_TIMER, 4));
	/* No status, and what was enabled. */
	out(PM_PORT + PM1_EVENT + 2, 0x0100, 2);
	EXPECT_EQ(0x01000000, in(PM_PORT + PM1_EVENT, 4));
}

TEST(two_ports_reset)
{
	plug_in();
	out(0xcf9, 0x02, 1);
	EXPECT_EQ(0, resets);
	out(0xcf9, 0x06, 1);
	EXPECT_EQ(1, resets);
	EXPECT_EQ(0, in(0x64, 1));
	out(0x64, 0xfe, 1);
	EXPECT_EQ(2, resets);
	out(0x64, 0xd1, 1);
	EXPECT_EQ(2, resets);
}

/* An address of PCI's configuration whose second byte would reset. */
TEST(pci_configuration_is_not_there_and_does_not_reset)
{
	plug_in();
	out(0xcf8, 0x80000400, 4);
	EXPECT_EQ(0, resets);
	EXPECT_EQ(0xffffffff, in(0xcf8, 4));
	EXPECT_EQ(0xffffffff, in(0xcfc, 4));
}

TEST(port_0x80_takes_anything)
{
	__u8 value = 1;

	plug_in();
	EXPECT_TRUE(bus_write(&bus, BUS_PORT, 0x80, &value, 1));
}

__u8 boot_checksum(const void *data, __u64 size)
{
	const __u8 *byte = data;
	__u8 sum = 0;

	while (size--)
		sum += *byte++;
	return -sum;
}

static const struct table *table_at(const __u8 *memory, __u64 gpa,
				    const char *signature)
{
	const struct table *table = (const void *)(memory + gpa);

	EXPECT(!memcmp(table->signature, signature, 4), "%.4s", table->signature);
	EXPECT_EQ(0, boot_checksum(table, table->length));
	return table;
}

TEST(acpi_tables_lead_to_each_other)
{
	static __u8 memory[1 << 20];
	const struct rsdp *rsdp = (const void *)(memory + 0xe0000);
	const struct xsdt *xsdt;
	const struct fadt *fadt;
	const struct table *madt;

	EXPECT_EQ(0xe0000, boot_write_acpi(memory, 254));
	EXPECT_TRUE(!memcmp(rsdp->signature, "RSD PTR ", 8));
	EXPECT_EQ(0, boot_checksum(rsdp, 20));
	EXPECT_EQ(0, boot_checksum(rsdp, sizeof(*rsdp)));
	xsdt = (const void *)table_at(memory, rsdp->xsdt, "XSDT");
	fadt = (const void *)table_at(memory, xsdt->tables[0], "FACP");
	EXPECT_EQ(244, fadt->header.length);
	table_at(memory, fadt->dsdt, "DSDT");
	EXPECT_TRUE(!memcmp(memory + fadt->facs, "FACS", 4));
	EXPECT_EQ(0, fadt->facs % 64);
	madt = table_at(memory, xsdt->tables[1], "APIC");
	EXPECT_EQ(sizeof(struct madt) + 254 * 8 + 12 + 10 + 6, madt->length);
	EXPECT_TRUE(rsdp->xsdt + xsdt->header.length < 0xf0000);
}

static struct {
	struct minivmm_cpuid2 head;
	struct minivmm_cpuid_entry2 entries[8];
} table;

static const struct minivmm_cpuid_entry2 *leaf(__u32 function, __u32 index)
{
	unsigned int i;

	for (i = 0; i < table.head.nent; i++)
		if (table.entries[i].function == function &&
		    table.entries[i].index == index)
			return &table.entries[i];
	ktap_fail(__FILE__, __LINE__, "no entry 0x%x, %u", function, index);
	return &table.entries[7];
}

static void make_cpuid(unsigned int id, unsigned int cpus, bool deadline)
{
	static const struct minivmm_cpuid_entry2 supported[] = {
		{ .function = 1, .ebx = 0x7f7f0800, .ecx = 1 << 24 },
		{ .function = 4, .index = 0, .eax = 0xfc004121 },
		{ .function = 4, .index = 3, .eax = 0xfc1fc163 },
		{ .function = 0xb, .edx = 77 },
	};

	memset(&table, 0, sizeof(table));
	memcpy(table.head.entries, supported, sizeof(supported));
	table.head.nent = ARRAY_SIZE(supported);
	vmm_cpuid_for_vcpu(&table.head, id, cpus, deadline);
}

TEST(cpuid_has_one_core_for_each_vcpu)
{
	make_cpuid(2, 3, true);
	EXPECT_EQ(5, table.head.nent);
	EXPECT_EQ(2 << 24 | 4 << 16 | 0x0800, leaf(1, 0)->ebx);
	EXPECT_EQ(1U << 31 | 1 << 24, leaf(1, 0)->ecx);
	EXPECT_EQ(1 << 28, leaf(1, 0)->edx);
	/* Four ids of cores; the first cache is one's own, the last all share. */
	EXPECT_EQ(3 << 26 | 0x121, leaf(4, 0)->eax);
	EXPECT_EQ(3 << 26 | 3 << 14 | 0x163, leaf(4, 3)->eax);
	EXPECT_EQ(0, leaf(0xb, 0)->eax);
	EXPECT_EQ(1, leaf(0xb, 0)->ebx);
	EXPECT_EQ(0x100, leaf(0xb, 0)->ecx);
	EXPECT_EQ(2, leaf(0xb, 0)->edx);
	EXPECT_EQ(2, leaf(0xb, 1)->eax);
	EXPECT_EQ(3, leaf(0xb, 1)->ebx);
	EXPECT_EQ(0x201, leaf(0xb, 1)->ecx);
	EXPECT_EQ(2, leaf(0xb, 1)->edx);
}

TEST(cpuid_of_a_single_vcpu)
{
	make_cpuid(0, 1, false);
	EXPECT_EQ(1 << 16 | 0x0800, leaf(1, 0)->ebx);
	EXPECT_EQ(1U << 31, leaf(1, 0)->ecx);
	EXPECT_EQ(0, leaf(1, 0)->edx);
	EXPECT_EQ(0x163, leaf(4, 3)->eax);
	EXPECT_EQ(0, leaf(0xb, 1)->eax);
}
