// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MP table: processors and interrupts, for kernels without ACPI (or with
 * acpi=off). A floating pointer, found by its signature in the BIOS's area,
 * leads to it.
 *
 * Intel: MultiProcessor Specification 1.4, "MP Configuration Table".
 */
#include <string.h>

#include "boot.h"
#include "platform.h"

#define PACKED			ATTRIBUTE(__packed__)

struct pointer {
	char signature[4];
	__u32 table;
	__u8 length;		/* in 16 bytes */
	__u8 revision;
	__u8 checksum;
	__u8 features[5];
} PACKED;

struct header {
	char signature[4];
	__u16 length;
	__u8 revision;
	__u8 checksum;
	char oem[8];
	char product[12];
	__u32 oem_table;
	__u16 oem_size;
	__u16 entries;
	__u32 local_apic;
	__u16 extended_length;
	__u8 extended_checksum;
	__u8 reserved;
} PACKED;

struct processor {
	__u8 type;
	__u8 id;
	__u8 version;
	__u8 flags;
	__u32 signature;
	__u32 features;
	__u32 reserved[2];
} PACKED;

struct bus {
	__u8 type;
	__u8 id;
	char name[6];
} PACKED;

struct io_apic {
	__u8 type;
	__u8 id;
	__u8 version;
	__u8 flags;
	__u32 address;
} PACKED;

/* From a pin of the bus to one of an APIC. */
struct interrupt {
	__u8 type;
	__u8 kind;
	__u16 flags;
	__u8 bus;
	__u8 bus_irq;
	__u8 apic;
	__u8 pin;
} PACKED;

enum { PROCESSOR, BUS, IO_APIC, IO_INTERRUPT, LOCAL_INTERRUPT };

#define REVISION_1_4		4
#define LOCAL_APIC_VERSION	0x14
#define ENABLED			1
#define BOOT_PROCESSOR		2
#define CPU_SIGNATURE		0x600	/* family 6 */
#define CPU_FEATURES		0x201	/* FPU and APIC */
#define KIND_INT		0
#define KIND_NMI		1
#define KIND_EXTINT		3
#define ALL_APICS		0xff
#define LEVEL_HIGH		0x000d

static void put(__u8 **at, const void *entry, __u64 size)
{
	memcpy(*at, entry, size);
	*at += size;
}

static void put_processors(__u8 **at, unsigned int cpus)
{
	unsigned int i;

	for (i = 0; i < cpus; i++) {
		struct processor cpu = {
			.type = PROCESSOR,
			.id = (__u8)i,
			.version = LOCAL_APIC_VERSION,
			.flags = ENABLED | (i ? 0 : BOOT_PROCESSOR),
			.signature = CPU_SIGNATURE,
			.features = CPU_FEATURES,
		};

		put(at, &cpu, sizeof(cpu));
	}
}

static void put_interrupts(__u8 **at)
{
	struct interrupt local[] = {
		{ LOCAL_INTERRUPT, KIND_EXTINT, 0, 0, 0, ALL_APICS, 0 },
		{ LOCAL_INTERRUPT, KIND_NMI, 0, 0, 0, ALL_APICS, 1 },
	};
	__u8 irq;

	for (irq = 0; irq < ISA_IRQS; irq++) {
		struct interrupt isa = {
			IO_INTERRUPT, KIND_INT, irq == SCI_IRQ ? LEVEL_HIGH : 0,
			0, irq, IO_APIC_ID, irq,
		};

		put(at, &isa, sizeof(isa));
	}
	put(at, local, sizeof(local));
}

void boot_write_mp(__u8 *memory, unsigned int cpus)
{
	struct pointer pointer = {
		.signature = { '_', 'M', 'P', '_' },
		.table = BOOT_MP_GPA + sizeof(pointer),
		.length = 1,
		.revision = REVISION_1_4,
	};
	struct header header = {
		.signature = { 'P', 'C', 'M', 'P' },
		.revision = REVISION_1_4,
		.oem = { 'M', 'I', 'N', 'I', 'V', 'M', 'M', ' ' },
		.product = { 'M', 'I', 'N', 'I', 'V', 'M', 'M' },
		.entries = (__u16)(cpus + 2 + ISA_IRQS + 2),
		.local_apic = LOCAL_APIC_GPA,
	};
	struct bus bus = { BUS, 0, { 'I', 'S', 'A', ' ', ' ', ' ' } };
	struct io_apic io_apic = {
		IO_APIC, IO_APIC_ID, IO_APIC_VERSION, ENABLED, IO_APIC_GPA,
	};
	__u8 *table = memory + pointer.table, *at = table + sizeof(header);

	put_processors(&at, cpus);
	put(&at, &bus, sizeof(bus));
	put(&at, &io_apic, sizeof(io_apic));
	put_interrupts(&at);
	header.length = (__u16)(at - table);
	memcpy(table, &header, sizeof(header));
	header.checksum = boot_checksum(table, header.length);
	memcpy(table, &header, sizeof(header));
	pointer.checksum = boot_checksum(&pointer, sizeof(pointer));
	memcpy(memory + BOOT_MP_GPA, &pointer, sizeof(pointer));
}
