/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest written in C needs, for 32- and 64-bit mode: ports, the serial
 * port, an end. There is no libc and no operating system below it: main() is
 * called by start32.S or start64.S, which are the first bytes of the binary.
 *
 *   int main(unsigned int cpu, unsigned int cpus, unsigned int memory);
 *
 * runs on each vCPU, with its number, the number of vCPUs, and the bytes of
 * memory. What it returns becomes the exit status of minivmm-run.
 */
#ifndef GUEST_H
#define GUEST_H

#define EXIT_PORT	0xf4
#define SERIAL		0x3f8
#define SERIAL_LSR	(SERIAL + 5)	/* line status register */
#define SERIAL_MSR	(SERIAL + 6)	/* modem status register */
#define LSR_DATA_READY	0x01
#define LSR_THR_EMPTY	0x20
#define MSR_CARRIER	0x80

static inline void outb(unsigned short port, unsigned char value)
{
	asm volatile("out %0, %1" : : "a"(value), "Nd"(port));
}

static inline unsigned char inb(unsigned short port)
{
	unsigned char value;

	asm volatile("in %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* Ends this vCPU; when all have halted, the run is over. */
static inline void halt(void)
{
	for (;;)
		asm volatile("hlt");
}

static inline void put_char(char c)
{
	while (!(inb(SERIAL_LSR) & LSR_THR_EMPTY))
		;
	outb(SERIAL, c);
}

static inline void put_string(const char *s)
{
	while (*s)
		put_char(*s++);
}

static inline void put_number(unsigned int n)
{
	char digits[10];
	int i = 0;

	do {
		digits[i++] = '0' + n % 10;
		n /= 10;
	} while (n);
	while (i)
		put_char(digits[--i]);
}

#endif /* GUEST_H */
