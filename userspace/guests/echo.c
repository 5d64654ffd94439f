// SPDX-License-Identifier: GPL-2.0-only
/*
 * echo: sends back what it receives, until the input ends or Ctrl-D.
 *
 *   minivmm-run --mode 32 echo.bin
 *   printf 'abc\n' | minivmm-run --mode 32 echo.bin
 *
 * When standard input ends, the serial port's carrier detect falls, as if a
 * modem had hung up. The exit status is 0, or 1 after Ctrl-D.
 */
#include "guest.h"

#define CTRL_D	0x04

int main(unsigned int cpu, unsigned int cpus, unsigned int memory)
{
	char c;

	(void)cpus;
	(void)memory;
	if (cpu)
		halt();
	/* 16 bytes may arrive before we look: switch the FIFO on. */
	outb(SERIAL + 2, 0x01);
	for (;;) {
		if (inb(SERIAL_LSR) & LSR_DATA_READY) {
			c = inb(SERIAL);
			if (c == CTRL_D)
				return 1;
			put_char(c);
			/* The Enter key sends a carriage return. */
			if (c == '\r')
				put_char('\n');
		} else if (!(inb(SERIAL_MSR) & MSR_CARRIER)) {
			return 0;
		}
	}
}
