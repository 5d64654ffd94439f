/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine to emulate instructions on: 32 pages of linear addresses, each of
 * which is RAM, ROM, MMIO or not mapped; and checks of what the emulator asks
 * user space for, one step at a time:
 *
 *	machine_init(&m, 64);
 *	machine_page(&m, MMIO / PAGE, MACHINE_MMIO);
 *	machine_code(&m, "8b 03");		mov (%rbx), %eax
 *	m.e.regs[X86_RBX] = MMIO;
 *	expect_read(&m, MMIO, 4, 0x12345678);
 *	expect_done(&m);
 *	EXPECT_EQ(0x12345678, m.e.regs[X86_RAX]);
 *
 * Every step checks too that registers and RIP change only at expect_done().
 */
#ifndef UNIT_MACHINE_H
#define UNIT_MACHINE_H

#include "emulate.h"
#include "ktap.h"

#define PAGE		4096u
#define MACHINE_PAGES	32
#define MACHINE_SIZE	(MACHINE_PAGES * PAGE)

/* What the tests agree on. */
#define CODE		0x1000u		/* where machine_code() puts it */
#define RAM		0x4000u		/* three pages, then a page of MMIO, */
#define MMIO		0x8000u		/* and a page of MMIO, then RAM */

/* Where pages are in guest-physical memory: not at their linear address. */
#define GPA(linear)	((linear) + 0x100000000ull)

enum machine_page {
	MACHINE_RAM,
	MACHINE_ROM,		/* writing is MMIO */
	MACHINE_MMIO,
	MACHINE_HOLE,		/* not mapped */
	MACHINE_READ_ONLY,	/* RAM, mapped without the right to write */
	MACHINE_LOST,		/* a table on the way to it is not in RAM */
};

struct machine {
	struct x86_emulator e;
	struct x86_segment segments[6];
	enum machine_page page[MACHINE_PAGES];
	u8 memory[MACHINE_SIZE];
	u8 pio_data[X86_PIO_DATA_SIZE];
	unsigned int segment_calls, reads, writes, exchanges;
	void (*before_exchange)(struct machine *m);
	/* After each access to RAM. */
	void (*accessed)(struct machine *m, u64 gpa, unsigned int len, bool write);
	/* as they were before the instruction */
	u64 regs[16], rip, rflags;
};

void machine_init(struct machine *m, unsigned int mode);
void machine_page(struct machine *m, unsigned int page, enum machine_page kind);

/* Put an instruction, in hexadecimal, at @address or at CODE; RIP is there. */
void machine_code_at(struct machine *m, u64 address, const char *hex);
void machine_code(struct machine *m, const char *hex);

/* Read a number from hexadecimal text, as bytes; how many they are. */
unsigned int parse_hex(const char *hex, u8 *bytes, unsigned int max);

/* The number of @size bytes in memory at this linear address. */
u64 machine_peek(const struct machine *m, u64 address, unsigned int size);
void machine_poke(struct machine *m, u64 address, unsigned int size, u64 value);

/* One call of x86_emulate(); what it must answer. */
void expect_result(struct machine *m, int result);
void expect_read(struct machine *m, u64 linear, unsigned int size, u64 value);
void expect_write(struct machine *m, u64 linear, unsigned int size, u64 value);
void expect_in(struct machine *m, u16 port, unsigned int size, u32 count);
void expect_out(struct machine *m, u16 port, unsigned int size, u32 count);
void expect_fault(struct machine *m, u8 vector, u32 error);

/* The instruction is through, or has iterations left. */
void expect_done(struct machine *m);
void expect_more(struct machine *m);

#endif
