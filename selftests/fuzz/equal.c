// SPDX-License-Identifier: GPL-2.0-only
/*
 * An instruction does the same to RAM as to a device that is like RAM: on any
 * instruction, registers, segments and pages, once with all of memory as RAM,
 * once with some of it served by user space, access by access.
 *
 * Registers, flags, memory, what went to the port and the exception must be the
 * same in the end; and of an instruction that is not repeated also each access
 * that the device saw: none left out, none made twice.
 */
#include "fuzz.h"
#include "machine.h"
#include "state.h"

#define MAX_STEPS	3000
#define MAX_COUNT	300	/* of a REP instruction */
#define MAX_ACCESSES	16

struct access {
	u64 gpa;
	unsigned int len;
	bool write;
};

/* A machine, and what has happened to it from outside. */
struct side {
	struct machine m;
	int result;
	u32 port_at;		/* elements that went through the port */
	u64 port_hash;
	unsigned int accesses;
	struct access access[MAX_ACCESSES];
};

static struct side ram, device;
static bool is_device[MACHINE_PAGES];
static u8 contents[MACHINE_SIZE];

static void note_access(struct side *side, u64 gpa, unsigned int len, bool write)
{
	if (side->accesses < MAX_ACCESSES)
		side->access[side->accesses] = (struct access){ gpa, len, write };
	side->accesses++;
}

/* RAM that is a device in the other machine. */
static void accessed_ram(struct machine *m, u64 gpa, unsigned int len, bool write)
{
	if (is_device[(gpa - GPA(0)) / PAGE])
		note_access((struct side *)m, gpa, len, write);
}

/* The port gives one element after the other, whatever the batches are. */
static void serve_port(struct side *side)
{
	struct x86_emulator *e = &side->m.e;
	u8 *data = side->m.pio_data;
	unsigned int i, j;

	for (i = 0; i < e->io.count; i++) {
		for (j = 0; j < e->io.size; j++, data++) {
			if (!e->io.write)
				*data = side->port_at * 7 + j;
			side->port_hash = side->port_hash * 31 + *data;
		}
		side->port_at++;
	}
}

/* A device that remembers; a write to ROM arrives here on both sides. */
static void serve_mmio(struct side *side)
{
	struct x86_io *io = &side->m.e.io;
	u64 at = io->gpa - GPA(0);
	u64 rest = 0;

	if (is_device[at / PAGE])
		note_access(side, io->gpa, io->size, io->write);
	if (io->write) {
		memcpy(side->m.memory + at, io->data, io->size);
		memcpy(&rest, io->data, sizeof(rest));
		MUST(io->size == 8 || !(rest >> io->size * 8));
	} else {
		memset(io->data, 0xee, sizeof(io->data));
		memcpy(io->data, side->m.memory + at, io->size);
	}
}

/* Until it is through. */
static void run(struct side *side)
{
	struct x86_emulator *e = &side->m.e;
	u64 rip = e->rip;
	unsigned int step;

	for (step = 0; step < MAX_STEPS; step++) {
		side->result = x86_emulate(e);
		if (side->result == X86_EMUL_IO) {
			if (e->io.kind == X86_IO_PIO)
				serve_port(side);
			else
				serve_mmio(side);
			x86_emulate_complete(e);
		} else if (side->result != X86_EMUL_DONE || e->rip != rip) {
			return;
		}
	}
	MUST(!"it ends");
}

static bool is_repeated(const struct machine *m)
{
	struct x86_insn insn;

	return x86_decode(&insn, m->e.mode, m->memory + m->e.rip, X86_INSN_MAX) ==
	       X86_DECODE_OK && insn.rep;
}

static void reset_notes(struct side *side)
{
	side->accesses = 0;
	side->port_at = 0;
	side->port_hash = 0;
}

static void prepare(struct input *in)
{
	struct machine *m = &device.m;
	unsigned int i;
	u8 code[X86_INSN_MAX];

	take_machine(m, in);
	memcpy(code, m->memory + m->e.rip, sizeof(code));
	if (!contents[1])
		for (i = 0; i < sizeof(contents); i++)
			contents[i] = i * 37 + i / 256 * 11 + 1;
	memcpy(m->memory, contents, sizeof(contents));
	memcpy(m->memory + m->e.rip, code, sizeof(code));
	/* Code is fetched from RAM; in the middle of a REP again: it may not change. */
	m->segments[X86_CS].base = 0;
	m->segments[X86_CS].limit = ~0u;
	machine_page(m, CODE / PAGE, MACHINE_READ_ONLY);
	machine_page(m, CODE / PAGE + 1, MACHINE_READ_ONLY);
	if (is_repeated(m))
		m->e.regs[X86_RCX] %= MAX_COUNT;

	memcpy(&ram.m, m, sizeof(*m));
	ram.m.e.ctx = &ram.m;
	if (ram.m.e.pio_data)
		ram.m.e.pio_data = ram.m.pio_data;
	ram.m.accessed = accessed_ram;
	for (i = 0; i < MACHINE_PAGES; i++) {
		is_device[i] = m->page[i] == MACHINE_MMIO;
		if (is_device[i])
			machine_page(&ram.m, i, MACHINE_RAM);
	}
	reset_notes(&ram);
	reset_notes(&device);
}

static void compare_accesses(void)
{
	unsigned int i;

	MUST(ram.accesses == device.accesses && ram.accesses <= X86_LOG_MAX);
	for (i = 0; i < ram.accesses; i++) {
		MUST(ram.access[i].gpa == device.access[i].gpa);
		MUST(ram.access[i].len == device.access[i].len);
		MUST(ram.access[i].write == device.access[i].write);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	prepare(&in);
	run(&ram);
	run(&device);
	MUST(ram.result == device.result);
	MUST(!memcmp(ram.m.e.regs, device.m.e.regs, sizeof(ram.m.e.regs)));
	MUST(ram.m.e.rip == device.m.e.rip && ram.m.e.rflags == device.m.e.rflags);
	MUST(!memcmp(ram.m.memory, device.m.memory, sizeof(ram.m.memory)));
	MUST(ram.port_at == device.port_at && ram.port_hash == device.port_hash);
	if (ram.result == X86_EMUL_FAULT) {
		MUST(ram.m.e.fault.vector == device.m.e.fault.vector);
		MUST(ram.m.e.fault.error == device.m.e.fault.error);
		MUST(ram.m.e.fault.cr2 == device.m.e.fault.cr2);
	}
	if (ram.m.e.insn.op < X86_OP_MOVS)
		compare_accesses();
	return 0;
}
