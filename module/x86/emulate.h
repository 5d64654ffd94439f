/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interface of the emulator: one instruction of the guest carried out in
 * software, because it touches memory that is not RAM (MMIO) or because it is
 * string I/O.
 *
 * The emulator cannot wait for user space in the middle of an instruction, so
 * it replays: x86_emulate() works on a private copy of the registers and keeps
 * a log of the accesses that the instruction has made so far. When it meets an
 * access that user space must serve and that the log does not hold, it
 * describes the access in e->io and returns X86_EMUL_IO. The caller has it
 * served, adds it to the log with x86_emulate_complete() and calls
 * x86_emulate() again, which comes by there again and finds the answer. Only
 * when the instruction is done do the registers in e change. Most instructions
 * make one such access and are then as good as done: e->last says so, and the
 * second call does not go through them again.
 *
 *	*e = all zeros
 *	x86_emulate_reset(e);		once, and to give up an instruction
 *	again:
 *	e->regs, rip, rflags, ... = the vCPU's
 *	switch (x86_emulate(e)) {
 *	case X86_EMUL_DONE:		the vCPU's = e->regs, rip, rflags
 *	case X86_EMUL_FAULT:		inject e->fault
 *	case X86_EMUL_UNHANDLED:	INTERNAL_ERROR with e->insn.bytes, .len
 *	case X86_EMUL_IO:		serve e->io (a read: fill in its data)
 *					x86_emulate_complete(e); goto again;
 *	}
 *
 * The chapters: emulate.c (fetch, the order of things, plain instructions),
 * emulate_memory.c (segments, translation, the log), emulate_alu.c (results
 * and flags), emulate_string.c (string instructions, INS and OUTS).
 */
#ifndef MINIVMM_X86_EMULATE_H
#define MINIVMM_X86_EMULATE_H

#include "decode.h"
#include "types.h"
#include "walk.h"

struct x86_emulator;

/**
 * struct x86_emulator_ops - what the emulator asks of the vCPU it works for
 * @segment: reads a segment register; called only for one that matters (64-bit
 *           mode: FS and GS if they are used)
 * @translate: linear to guest-physical address; answers like x86_walk()
 * @read: reads guest RAM; 1: this is not RAM. Never crosses a page
 * @write: writes guest RAM; 1: this is not RAM, or read-only. Never crosses a
 *         page
 * @compare_exchange: like that of struct x86_paging, with 1, 2, 4 or 8 bytes, for
 *           locked instructions in RAM; may be NULL: they read, then write
 */
struct x86_emulator_ops {
	void (*segment)(void *ctx, enum x86_seg seg, struct x86_segment *out);
	int (*translate)(void *ctx, u64 gva, unsigned int access, u64 *gpa,
			 struct x86_fault *fault);
	int (*read)(void *ctx, u64 gpa, void *data, unsigned int len);
	int (*write)(void *ctx, u64 gpa, const void *data, unsigned int len);
	int (*compare_exchange)(void *ctx, u64 gpa, u64 *old, u64 new, unsigned int len);
};

enum x86_io_kind {
	X86_IO_MMIO,
	X86_IO_PIO,
};

/**
 * struct x86_io - an access that user space must serve
 * @kind: enum x86_io_kind
 * @write: the guest writes
 * @size: MMIO: 1 to 8 bytes, not across a page; PIO: of one element: 1, 2, 4
 * @count: PIO: how many elements; MMIO: 1
 * @gpa: MMIO: where
 * @port: PIO: where
 * @data: MMIO: the bytes written, then zeros; or room for those read. PIO: the
 *        elements are in the emulator's @pio_data
 */
struct x86_io {
	u8 kind;
	bool write;
	u8 size;
	u32 count;
	u64 gpa;
	u16 port;
	u8 data[8];
};

/* Two operands in memory, each read and written, each across a page. */
#define X86_LOG_MAX	8

#define X86_PIO_DATA_SIZE	4096

/**
 * struct x86_access_log - the accesses that one instruction has made, in order
 * @count: how many
 * @next: the one that a replay has to come to next
 * @mmio: one of them was not RAM
 * @entry: each; its value is what was read
 */
struct x86_access_log {
	u8 count;
	u8 next;
	bool mmio;
	struct {
		u64 gpa;
		u8 size;
		bool write;
		u64 value;
	} entry[X86_LOG_MAX];
};

/**
 * struct x86_emulator - one vCPU's emulator
 * @ops: see there
 * @ctx: passed to @ops
 * @pio_data: X86_PIO_DATA_SIZE bytes for INS and OUTS, supplied by the caller;
 *            NULL: INS and OUTS are not handled
 * @regs: general registers, in encoding order; new state after X86_EMUL_DONE
 * @changed: after X86_EMUL_DONE: which of them may be new (a bit for each)
 * @rip: of the instruction; new state after X86_EMUL_DONE (unchanged as long as
 *       a REP instruction has iterations left)
 * @rflags: likewise
 * @cr0: PE, AM are looked at
 * @cr4: LA57 is looked at
 * @efer: for the caller's own use
 * @cpl: current privilege level (3 in virtual-8086 mode)
 * @mode: 64 if EFER.LMA and CS.L; else 32 if CS.D; else 16
 * @insn: the instruction; bytes and len are right after every result
 * @fault: after X86_EMUL_FAULT
 * @io: after X86_EMUL_IO
 * @last: after X86_EMUL_IO: the instruction has nothing left to do but this
 *        access. The next call only brings it to its end, with the registers
 *        as they were, and has no use for new ones. If they must count, clear
 *        this before x86_emulate_complete()
 *
 * After X86_EMUL_DONE the interrupt shadow of STI and MOV SS ends, and if
 * RFLAGS.TF was set a single-step trap is due: both are the caller's.
 */
struct x86_emulator {
	const struct x86_emulator_ops *ops;
	void *ctx;
	void *pio_data;

	u64 regs[16];
	u64 rip;
	u64 rflags;
	u64 cr0;
	u64 cr4;
	u64 efer;
	u8 cpl;
	u8 mode;
	u16 changed;

	struct x86_insn insn;
	struct x86_fault fault;
	struct x86_io io;
	bool last;

	/* private: the instruction at work */
	bool insn_valid;	/* insn is an instruction, this or an earlier one */
	bool decoded;		/* it is this one */
	bool pio_done;		/* user space has served the port */
	u32 pio_count;		/* of so many elements */
	u32 pio_stored;		/* INS: elements stored since */
	u64 new_regs[16];	/* those in @changed */
	u64 new_rip;
	u64 new_rflags;
	struct x86_access_log log;
};

/**
 * x86_emulate_reset - forget the instruction that was at work
 * @e: the emulator
 *
 * To be called before the first use, and when an instruction is given up after
 * X86_EMUL_IO (user space has set the registers, for example).
 */
void x86_emulate_reset(struct x86_emulator *e);

/**
 * x86_emulate - carry out the instruction at the guest's RIP
 * @e: the emulator
 *
 * A REP instruction does some of its iterations (one if it is MMIO) and leaves
 * RIP where it is until it is through.
 *
 * Return: enum x86_emul_result.
 */
int x86_emulate(struct x86_emulator *e);

/**
 * x86_emulate_complete - say that user space has served e->io
 * @e: the emulator; for a read, io.data or pio_data hold what was read
 */
void x86_emulate_complete(struct x86_emulator *e);

#endif
