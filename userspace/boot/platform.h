/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is where on the machine: the firmware's tables say it to the kernel,
 * the launcher's devices and the hypervisor's interrupt controllers make it so.
 */
#ifndef BOOT_PLATFORM_H
#define BOOT_PLATFORM_H

#define LOCAL_APIC_GPA		0xfee00000
#define IO_APIC_GPA		0xfec00000
#define IO_APIC_ID		0
#define IO_APIC_VERSION		0x11

/* Interrupts; each is the same pin of the 8259s and of the I/O APIC. */
#define SERIAL_IRQ		4
#define RTC_IRQ			8
#define SCI_IRQ			9
#define ISA_IRQS		16

/* ACPI's fixed registers, in ports from PM_PORT on. */
#define PM_PORT			0x600
#define PM1_EVENT		0
#define PM1_CONTROL		4
#define PM_TIMER		8
#define PM_PORTS		12
/* What _S5 says is to be written to PM1_CONTROL to switch off. */
#define SLEEP_TYPE_OFF		5

/* A write of RESET_HARD resets, as in Intel's chipsets. */
#define RESET_PORT		0xcf9
#define RESET_HARD		0x06

/* The index in the CMOS of the year's first two digits. */
#define CMOS_CENTURY		0x32

#endif /* BOOT_PLATFORM_H */
