// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmio: drives the test device, which is in physical memory at 0xd0000000.
 *
 *   minivmm-run mmio.bin
 *
 * The device's registers are described in run/test_device.c. There is no
 * memory behind these addresses, so each access leaves the guest. Exit status
 * 0 when the device behaves as described, else 1.
 */
#include "guest.h"

#define DEVICE		0xd0000000UL
#define ID		(DEVICE + 0x00)
#define COUNTER		(DEVICE + 0x04)
#define BYTES		(DEVICE + 0x40)

/* In assembly, so that each is one instruction of the width it says. */
static unsigned int read4(unsigned long address)
{
	unsigned int value;

	asm volatile("movl (%1), %0" : "=r"(value) : "r"(address));
	return value;
}

static void write4(unsigned long address, unsigned int value)
{
	asm volatile("movl %0, (%1)" : : "r"(value), "r"(address));
}

static unsigned char read1(unsigned long address)
{
	unsigned char value;

	asm volatile("movb (%1), %0" : "=q"(value) : "r"(address));
	return value;
}

static unsigned long read8(unsigned long address)
{
	unsigned long value;

	asm volatile("movq (%1), %0" : "=r"(value) : "r"(address));
	return value;
}

static void write8(unsigned long address, unsigned long value)
{
	asm volatile("movq %0, (%1)" : : "r"(value), "r"(address));
}

static int expect(const char *what, int right)
{
	put_string(what);
	put_string(right ? ": ok\n" : ": WRONG\n");
	return !right;
}

int main(unsigned int cpu, unsigned int cpus, unsigned int memory)
{
	unsigned int first, second;
	int wrong = 0;

	(void)cpus;
	(void)memory;
	if (cpu)
		halt();
	wrong |= expect("identification", read4(ID) == 0x746d766d);
	write4(COUNTER, 10);
	first = read4(COUNTER);
	second = read4(COUNTER);
	wrong |= expect("counter", first == 11 && second == 12);
	write8(BYTES + 8, 0x1122334455667788UL);
	wrong |= expect("8 bytes",
			read8(BYTES + 8) == 0x1122334455667788UL);
	wrong |= expect("lowest byte first",
			read1(BYTES + 8) == 0x88 && read1(BYTES + 15) == 0x11);
	return wrong;
}
