// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware's ACPI tables: which processors and which I/O APIC there are,
 * and how to switch the machine off or reset it.
 *
 * RSDP -> XSDT -> FADT (registers of power management) -> DSDT (the devices in
 * AML) and FACS; XSDT -> MADT (interrupt controllers). All lie one after the
 * other from BOOT_ACPI_GPA on.
 *
 * ACPI 4.0: "ACPI Software Programming Model" (tables), "ACPI Machine Language
 * Specification" (AML). The DSDT was written by hand; the comments beside the
 * bytes are what iasl -d makes of it.
 * Read next: mp.c, the same for kernels that know no ACPI.
 */
#include <stddef.h>
#include <string.h>

#include "boot.h"
#include "platform.h"

#define PACKED			ATTRIBUTE(__packed__)

#define ALIGNMENT		64

struct table {
	char signature[4];
	__u32 length;
	__u8 revision;
	__u8 checksum;
	char oem[6];
	char oem_table[8];
	__u32 oem_revision;
	char creator[4];
	__u32 creator_revision;
} PACKED;

struct rsdp {
	char signature[8];
	__u8 checksum;
	char oem[6];
	__u8 revision;
	__u32 rsdt;
	__u32 length;
	__u64 xsdt;
	__u8 extended_checksum;
	__u8 reserved[3];
} PACKED;

struct xsdt {
	struct table header;
	__u64 tables[2];
} PACKED;

/* A register anywhere: here always in I/O space. */
struct gas {
	__u8 space;
	__u8 bits;
	__u8 offset;
	__u8 access;
	__u64 address;
} PACKED;

struct fadt {
	struct table header;
	__u32 facs;
	__u32 dsdt;
	__u8 reserved1;
	__u8 profile;
	__u16 sci;
	__u32 smi_command;
	__u8 acpi_enable, acpi_disable, s4bios, pstate;
	__u32 pm1a_event, pm1b_event;
	__u32 pm1a_control, pm1b_control;
	__u32 pm2_control, pm_timer;
	__u32 gpe0, gpe1;
	__u8 pm1_event_len, pm1_control_len, pm2_control_len, pm_timer_len;
	__u8 gpe0_len, gpe1_len, gpe1_base, cst;
	__u16 c2_latency, c3_latency;
	__u16 flush_size, flush_stride;
	__u8 duty_offset, duty_width;
	__u8 day_alarm, month_alarm, century;
	__u16 boot_flags;
	__u8 reserved2;
	__u32 flags;
	struct gas reset;
	__u8 reset_value;
	__u8 reserved3[3];
	__u64 x_facs;
	__u64 x_dsdt;
	struct gas x_pm1a_event, x_pm1b_event;
	struct gas x_pm1a_control, x_pm1b_control;
	struct gas x_pm2_control, x_pm_timer;
	struct gas x_gpe0, x_gpe1;
} PACKED;

/* fadt.boot_flags: there are ISA devices; no VGA; (not set: no 8042) */
#define BOOT_LEGACY_DEVICES	0x0001
#define BOOT_NO_VGA		0x0004
/*
 * fadt.flags: WBINVD and C1 work; no power and no sleep button; the RTC does
 * not wake; the PM timer has 32 bits; the reset register works.
 */
#define FADT_FLAGS		(1 << 0 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 | \
				 1 << 8 | 1 << 10)
/* Latencies above these say that there is no C2 and no C3. */
#define NO_C2			101
#define NO_C3			1001

struct facs {
	char signature[4];
	__u32 length;
	__u32 hardware_signature;
	__u32 waking_vector;
	__u32 global_lock;
	__u32 flags;
	__u64 x_waking_vector;
	__u8 version;
	__u8 reserved[31];
} PACKED;

struct madt {
	struct table header;
	__u32 local_apic;
	__u32 flags;
} PACKED;

struct madt_local_apic {
	__u8 type, length;
	__u8 uid;
	__u8 id;
	__u32 flags;
} PACKED;

struct madt_io_apic {
	__u8 type, length;
	__u8 id;
	__u8 reserved;
	__u32 address;
	__u32 first_gsi;
} PACKED;

struct madt_override {
	__u8 type, length;
	__u8 bus;
	__u8 irq;
	__u32 gsi;
	__u16 flags;
} PACKED;

struct madt_nmi {
	__u8 type, length;
	__u8 uid;
	__u16 flags;
	__u8 lint;
} PACKED;

#define MADT_HAS_8259		1
#define MADT_ENABLED		1
/* Polarity active high, trigger mode level. */
#define MADT_LEVEL_HIGH		0x000d
#define MADT_ALL_CPUS		0xff

/* Everything in AML is a byte code; a package's length counts its own byte. */
static const __u8 aml[] = {
	/* Name (_S5, Package (0x04) { 0x05, 0x05, Zero, Zero }) */
	0x08, '_', 'S', '5', '_',
	0x12, 0x08, 0x04, 0x0a, SLEEP_TYPE_OFF, 0x0a, SLEEP_TYPE_OFF, 0x00, 0x00,
	/* Scope (\_SB) */
	0x10, 0x41, 0x06, '\\', '_', 'S', 'B', '_',
	/* Device (COM1) */
	0x5b, 0x82, 0x2b, 'C', 'O', 'M', '1',
	/* Name (_HID, EisaId ("PNP0501")) */
	0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x05, 0x01,
	/* Name (_UID, One) */
	0x08, '_', 'U', 'I', 'D', 0x01,
	/* Name (_CRS, ResourceTemplate () { */
	0x08, '_', 'C', 'R', 'S', 0x11, 0x10, 0x0a, 0x0d,
	/* IO (Decode16, 0x03F8, 0x03F8, 0x00, 0x08) */
	0x47, 0x01, 0xf8, 0x03, 0xf8, 0x03, 0x00, 0x08,
	/* IRQNoFlags () {4} }) */
	0x22, 1 << SERIAL_IRQ, 0x00, 0x79, 0x00,
	/* Device (RTC) */
	0x5b, 0x82, 0x2b, 'R', 'T', 'C', '_',
	/* Name (_HID, EisaId ("PNP0B00")) */
	0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x0b, 0x00,
	/* Name (_UID, Zero) */
	0x08, '_', 'U', 'I', 'D', 0x00,
	/* Name (_CRS, ResourceTemplate () { */
	0x08, '_', 'C', 'R', 'S', 0x11, 0x10, 0x0a, 0x0d,
	/* IO (Decode16, 0x0070, 0x0070, 0x01, 0x02) */
	0x47, 0x01, 0x70, 0x00, 0x70, 0x00, 0x01, 0x02,
	/* IRQNoFlags () {8} }) */
	0x22, 0x00, 1 << (RTC_IRQ - 8), 0x79, 0x00,
};

/* Where the next table goes. */
struct writer {
	__u8 *memory;
	__u64 gpa;
};

static struct table table_header(const char *signature, __u8 revision)
{
	struct table header = { .revision = revision };

	memcpy(header.signature, signature, sizeof(header.signature));
	memcpy(header.oem, "MINIVM", sizeof(header.oem));
	memcpy(header.oem_table, "MINIVMM ", sizeof(header.oem_table));
	memcpy(header.creator, "MVMM", sizeof(header.creator));
	return header;
}

static void skip(struct writer *w, __u64 size)
{
	w->gpa = (w->gpa + size + ALIGNMENT - 1) & ~(ALIGNMENT - 1ULL);
}

/* @end: where in memory the table, which starts at w->gpa, ends */
static __u32 finish_table(struct writer *w, __u64 end)
{
	struct table *table = (struct table *)(w->memory + w->gpa);
	__u64 gpa = w->gpa;

	table->length = (__u32)(end - gpa);
	table->checksum = boot_checksum(table, table->length);
	skip(w, table->length);
	return (__u32)gpa;
}

static void put(struct writer *w, __u64 *at, const void *data, __u64 size)
{
	memcpy(w->memory + *at, data, size);
	*at += size;
}

static __u32 write_dsdt(struct writer *w)
{
	struct table header = table_header("DSDT", 2);
	__u64 at = w->gpa;

	put(w, &at, &header, sizeof(header));
	put(w, &at, aml, sizeof(aml));
	return finish_table(w, at);
}

static __u32 write_facs(struct writer *w)
{
	struct facs facs = {
		.signature = { 'F', 'A', 'C', 'S' },
		.length = sizeof(facs),
		.version = 1,
	};
	__u64 at = w->gpa;

	/* The one table without a checksum. */
	put(w, &at, &facs, sizeof(facs));
	at = w->gpa;
	skip(w, sizeof(facs));
	return (__u32)at;
}

static struct gas io_register(__u16 port, __u8 bytes)
{
	return (struct gas){ .space = 1, .bits = bytes * 8, .address = port };
}

static __u32 write_fadt(struct writer *w, __u32 facs, __u32 dsdt)
{
	struct fadt fadt = {
		.header = table_header("FACP", 4),
		.facs = facs,
		.dsdt = dsdt,
		.sci = SCI_IRQ,
		.pm1a_event = PM_PORT + PM1_EVENT,
		.pm1a_control = PM_PORT + PM1_CONTROL,
		.pm_timer = PM_PORT + PM_TIMER,
		.pm1_event_len = 4,
		.pm1_control_len = 2,
		.pm_timer_len = 4,
		.c2_latency = NO_C2,
		.c3_latency = NO_C3,
		.century = CMOS_CENTURY,
		.boot_flags = BOOT_LEGACY_DEVICES | BOOT_NO_VGA,
		.flags = FADT_FLAGS,
		.reset = io_register(RESET_PORT, 1),
		.reset_value = RESET_HARD,
		.x_facs = facs,
		.x_dsdt = dsdt,
		.x_pm1a_event = io_register(PM_PORT + PM1_EVENT, 4),
		.x_pm1a_control = io_register(PM_PORT + PM1_CONTROL, 2),
		.x_pm_timer = io_register(PM_PORT + PM_TIMER, 4),
	};
	__u64 at = w->gpa;

	put(w, &at, &fadt, sizeof(fadt));
	return finish_table(w, at);
}

static __u32 write_madt(struct writer *w, unsigned int cpus)
{
	struct madt madt = {
		table_header("APIC", 3), LOCAL_APIC_GPA, MADT_HAS_8259,
	};
	struct madt_io_apic io_apic = {
		1, sizeof(io_apic), IO_APIC_ID, 0, IO_APIC_GPA, 0,
	};
	struct madt_override sci = {
		2, sizeof(sci), 0, SCI_IRQ, SCI_IRQ, MADT_LEVEL_HIGH,
	};
	struct madt_nmi nmi = { 4, sizeof(nmi), MADT_ALL_CPUS, 0, 1 };
	struct madt_local_apic cpu = { 0, sizeof(cpu), 0, 0, MADT_ENABLED };
	__u64 at = w->gpa;
	unsigned int i;

	put(w, &at, &madt, sizeof(madt));
	for (i = 0; i < cpus; i++) {
		cpu.uid = (__u8)i;
		cpu.id = (__u8)i;
		put(w, &at, &cpu, sizeof(cpu));
	}
	put(w, &at, &io_apic, sizeof(io_apic));
	put(w, &at, &sci, sizeof(sci));
	put(w, &at, &nmi, sizeof(nmi));
	return finish_table(w, at);
}

__u64 boot_write_acpi(__u8 *memory, unsigned int cpus)
{
	struct writer w = { memory, BOOT_ACPI_GPA };
	struct rsdp rsdp = {
		.signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
		.oem = { 'M', 'I', 'N', 'I', 'V', 'M' },
		.revision = 2,
		.length = sizeof(rsdp),
	};
	struct xsdt xsdt = { .header = table_header("XSDT", 1) };
	__u32 facs, dsdt;
	__u64 at;

	skip(&w, sizeof(rsdp));
	facs = write_facs(&w);
	dsdt = write_dsdt(&w);
	xsdt.tables[0] = write_fadt(&w, facs, dsdt);
	xsdt.tables[1] = write_madt(&w, cpus);
	at = w.gpa;
	put(&w, &at, &xsdt, sizeof(xsdt));
	rsdp.xsdt = finish_table(&w, at);
	/* The first checksum is over what ACPI 1.0 had of it. */
	rsdp.checksum = boot_checksum(&rsdp, offsetof(struct rsdp, length));
	rsdp.extended_checksum = boot_checksum(&rsdp, sizeof(rsdp));
	memcpy(memory + BOOT_ACPI_GPA, &rsdp, sizeof(rsdp));
	return BOOT_ACPI_GPA;
}
