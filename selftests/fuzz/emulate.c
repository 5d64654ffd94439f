// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator on any instruction, registers, segments and pages, with a user
 * space that answers anything, and changes registers and pages in between.
 */
#include "fuzz.h"
#include "machine.h"
#include "state.h"

static struct machine m;

static void check_io(const struct x86_io *io)
{
	MUST(io->kind == X86_IO_MMIO || io->kind == X86_IO_PIO);
	if (io->kind == X86_IO_MMIO) {
		MUST(io->size >= 1 && io->size <= 8 && io->count == 1);
		MUST(io->gpa % PAGE + io->size <= PAGE);
		return;
	}
	MUST(io->size == 1 || io->size == 2 || io->size == 4);
	MUST(io->count >= 1 && io->count * io->size <= X86_PIO_DATA_SIZE);
	MUST(m.e.pio_data);
}

static void check_fault(const struct x86_fault *fault)
{
	MUST(fault->vector == X86_VECTOR_UD || fault->vector == X86_VECTOR_SS ||
	     fault->vector == X86_VECTOR_GP || fault->vector == X86_VECTOR_PF ||
	     fault->vector == X86_VECTOR_AC);
	if (fault->vector != X86_VECTOR_PF)
		MUST(!fault->error && !fault->has_cr2);
}

/*
 * One call ends soon, whatever the guest has put in rCX: a string instruction
 * makes 256 iterations, of two operands that may be on two pages each. Fetching
 * takes two accesses.
 */
static void check_accesses(void)
{
	bool string = m.e.insn.op >= X86_OP_MOVS;

	MUST(m.reads + m.writes + m.exchanges <= 2 + (string ? 256 * 4 : 8));
}

/* User space answers, and does as it likes. */
static void serve(struct input *in)
{
	u8 what = take(in, 1);

	take_bytes(in, m.e.io.data, sizeof(m.e.io.data));
	if (m.e.io.kind == X86_IO_PIO)
		take_bytes(in, m.pio_data, 64);
	if (what & 1)
		m.page[take(in, 1) % 16] = take(in, 1) % 6;
	if (what & 2)
		m.e.regs[take(in, 1) % 16] = take(in, 8);
	if (what & 4)
		m.e.rflags = take(in, 3);
	if (what & 8)
		x86_emulate_reset(&m.e);
	else
		x86_emulate_complete(&m.e);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	u64 regs[16], rip, rflags;
	unsigned int step;
	int ret;

	take_machine(&m, &in);
	for (step = 0; step < 40; step++) {
		memcpy(regs, m.e.regs, sizeof(regs));
		rip = m.e.rip;
		rflags = m.e.rflags;
		m.reads = 0;
		m.writes = 0;
		m.exchanges = 0;
		ret = x86_emulate(&m.e);
		check_accesses();
		MUST(ret >= X86_EMUL_DONE && ret <= X86_EMUL_UNHANDLED);
		MUST(m.e.insn.len <= X86_INSN_MAX);
		if (ret != X86_EMUL_DONE)
			MUST(!memcmp(regs, m.e.regs, sizeof(regs)) &&
			     rip == m.e.rip && rflags == m.e.rflags);
		if (ret == X86_EMUL_FAULT)
			check_fault(&m.e.fault);
		if (ret == X86_EMUL_FAULT || ret == X86_EMUL_UNHANDLED)
			break;
		if (ret == X86_EMUL_DONE && m.e.rip != rip)
			break;
		if (ret == X86_EMUL_DONE)
			continue;
		check_io(&m.e.io);
		serve(&in);
	}
	return 0;
}
