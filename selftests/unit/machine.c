// SPDX-License-Identifier: GPL-2.0-only
/* See machine.h. */
#include <stdlib.h>

#include "machine.h"

static void op_segment(void *ctx, enum x86_seg seg, struct x86_segment *out)
{
	struct machine *m = ctx;

	m->segment_calls++;
	*out = m->segments[seg];
}

static int op_translate(void *ctx, u64 gva, unsigned int access, u64 *gpa,
			struct x86_fault *fault)
{
	struct machine *m = ctx;
	enum machine_page kind = MACHINE_HOLE;

	if (gva < MACHINE_SIZE)
		kind = m->page[gva / PAGE];
	*gpa = GPA(gva);
	if (kind == MACHINE_LOST)
		return X86_EMUL_UNHANDLED;
	if (kind != MACHINE_HOLE &&
	    (kind != MACHINE_READ_ONLY || !(access & X86_ACCESS_WRITE)))
		return X86_EMUL_DONE;
	*fault = (struct x86_fault){
		.vector = X86_VECTOR_PF,
		.has_error = true,
		.error = (kind == MACHINE_READ_ONLY ? X86_PF_P : 0) |
			 (access & X86_ACCESS_WRITE ? X86_PF_WRITE : 0) |
			 (access & X86_ACCESS_USER ? X86_PF_USER : 0) |
			 (access & X86_ACCESS_FETCH ? X86_PF_FETCH : 0),
		.has_cr2 = true,
		.cr2 = gva,
	};
	return X86_EMUL_FAULT;
}

static void tell(struct machine *m, u64 gpa, unsigned int len, bool write)
{
	if (m->accessed)
		m->accessed(m, gpa, len, write);
}

/* Where the page is, if it is RAM that may be accessed so. */
static u8 *find(struct machine *m, u64 gpa, unsigned int len, bool write)
{
	u64 at = gpa - GPA(0);
	enum machine_page kind;

	ASSERT(at < MACHINE_SIZE, "access to gpa %#llx, which nothing maps", gpa);
	ASSERT(at % PAGE + len <= PAGE, "access at %#llx crosses a page", gpa);
	kind = m->page[at / PAGE];
	if (kind == MACHINE_MMIO || (write && kind == MACHINE_ROM))
		return NULL;
	return m->memory + at;
}

static int op_read(void *ctx, u64 gpa, void *data, unsigned int len)
{
	struct machine *m = ctx;
	const u8 *from = find(m, gpa, len, false);

	if (!from)
		return 1;
	memcpy(data, from, len);
	m->reads++;
	tell(m, gpa, len, false);
	return 0;
}

static int op_write(void *ctx, u64 gpa, const void *data, unsigned int len)
{
	struct machine *m = ctx;
	u8 *to = find(m, gpa, len, true);

	if (!to)
		return 1;
	memcpy(to, data, len);
	m->writes++;
	tell(m, gpa, len, true);
	return 0;
}

static int op_cmpxchg(void *ctx, u64 gpa, u64 *old, u64 new, unsigned int len)
{
	struct machine *m = ctx;
	u8 *at = find(m, gpa, len, true);
	u64 found = 0;

	if (!at)
		return 1;
	if (m->before_exchange)
		m->before_exchange(m);
	memcpy(&found, at, len);
	if (found == *old)
		memcpy(at, &new, len);
	*old = found;
	m->exchanges++;
	tell(m, gpa, len, true);
	return 0;
}

static const struct x86_emulator_ops ops = {
	.segment = op_segment,
	.translate = op_translate,
	.read = op_read,
	.write = op_write,
	.compare_exchange = op_cmpxchg,
};

void machine_init(struct machine *m, unsigned int mode)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->e.ops = &ops;
	m->e.ctx = m;
	m->e.pio_data = m->pio_data;
	m->e.mode = mode;
	m->e.cr0 = CPU_CR0_PE | CPU_CR0_PG;
	m->e.rflags = 2;
	for (i = 0; i < 6; i++) {
		m->segments[i].limit = 0xffffffff;
		m->segments[i].selector = 8 * (i + 1);
		m->segments[i].ar = X86_AR_P | X86_AR_S | X86_AR_WRITABLE | 1 |
				    (mode == 16 ? 0 : X86_AR_DB);
	}
	m->segments[X86_CS].ar |= X86_AR_CODE;
	machine_page(m, MMIO / PAGE - 1, MACHINE_MMIO);
	machine_page(m, MMIO / PAGE, MACHINE_MMIO);
	x86_emulate_reset(&m->e);
}

void machine_page(struct machine *m, unsigned int page, enum machine_page kind)
{
	m->page[page] = kind;
}

unsigned int parse_hex(const char *hex, u8 *bytes, unsigned int max)
{
	unsigned int len = 0;
	char *end;

	for (;;) {
		unsigned long byte = strtoul(hex, &end, 16);

		if (end == hex)
			break;
		ASSERT(len < max && byte < 256, "bad bytes: %s", hex);
		bytes[len++] = byte;
		hex = end;
	}
	ASSERT(!*hex, "bad bytes: %s", hex);
	return len;
}

void machine_code_at(struct machine *m, u64 address, const char *hex)
{
	parse_hex(hex, m->memory + address, X86_INSN_MAX + 1);
	m->e.rip = address;
}

void machine_code(struct machine *m, const char *hex)
{
	machine_code_at(m, CODE, hex);
}

u64 machine_peek(const struct machine *m, u64 address, unsigned int size)
{
	u64 value = 0;

	memcpy(&value, m->memory + address, size);
	return value;
}

void machine_poke(struct machine *m, u64 address, unsigned int size, u64 value)
{
	memcpy(m->memory + address, &value, size);
}

static const char *result_name(int result)
{
	static const char * const names[] = { "DONE", "IO", "FAULT", "UNHANDLED" };

	return result >= 0 && result <= 3 ? names[result] : "no valid result";
}

/* Call it; registers change only if it is done. */
static void call(struct machine *m, int result)
{
	struct x86_emulator *e = &m->e;
	int got;

	memcpy(m->regs, e->regs, sizeof(m->regs));
	m->rip = e->rip;
	m->rflags = e->rflags;
	got = x86_emulate(e);
	ASSERT(got == result, "x86_emulate answers %s (vector %u), expected %s",
	       result_name(got), e->fault.vector, result_name(result));
	if (result == X86_EMUL_DONE)
		return;
	EXPECT(!memcmp(m->regs, e->regs, sizeof(m->regs)),
	       "registers changed before the instruction was done");
	EXPECT_EQ(m->rip, e->rip);
	EXPECT_EQ(m->rflags, e->rflags);
}

void expect_result(struct machine *m, int result)
{
	call(m, result);
}

static void expect_mmio(struct machine *m, bool write, u64 linear,
			unsigned int size)
{
	call(m, X86_EMUL_IO);
	EXPECT_EQ(X86_IO_MMIO, m->e.io.kind);
	EXPECT_EQ(write, m->e.io.write);
	EXPECT_EQ(GPA(linear), m->e.io.gpa);
	EXPECT_EQ(size, m->e.io.size);
	EXPECT_EQ(1, m->e.io.count);
}

void expect_read(struct machine *m, u64 linear, unsigned int size, u64 value)
{
	expect_mmio(m, false, linear, size);
	memcpy(m->e.io.data, &value, size);
	x86_emulate_complete(&m->e);
}

void expect_write(struct machine *m, u64 linear, unsigned int size, u64 value)
{
	u64 written = 0;

	expect_mmio(m, true, linear, size);
	memcpy(&written, m->e.io.data, size);
	EXPECT_EQ(value, written);
	x86_emulate_complete(&m->e);
}

static void expect_pio(struct machine *m, bool write, u16 port,
		       unsigned int size, u32 count)
{
	call(m, X86_EMUL_IO);
	EXPECT_EQ(X86_IO_PIO, m->e.io.kind);
	EXPECT_EQ(write, m->e.io.write);
	EXPECT_EQ(port, m->e.io.port);
	EXPECT_EQ(size, m->e.io.size);
	ASSERT_EQ(count, m->e.io.count);
}

/* The test has filled in pio_data, or looks at it after the call. */
void expect_in(struct machine *m, u16 port, unsigned int size, u32 count)
{
	expect_pio(m, false, port, size, count);
	x86_emulate_complete(&m->e);
}

void expect_out(struct machine *m, u16 port, unsigned int size, u32 count)
{
	expect_pio(m, true, port, size, count);
	x86_emulate_complete(&m->e);
}

void expect_fault(struct machine *m, u8 vector, u32 error)
{
	call(m, X86_EMUL_FAULT);
	EXPECT_EQ(vector, m->e.fault.vector);
	EXPECT_EQ(error, m->e.fault.error);
	EXPECT_EQ(vector == X86_VECTOR_PF, m->e.fault.has_cr2);
}

void expect_done(struct machine *m)
{
	call(m, X86_EMUL_DONE);
	EXPECT_EQ(m->rip + m->e.insn.len, m->e.rip);
}

void expect_more(struct machine *m)
{
	call(m, X86_EMUL_DONE);
	EXPECT_EQ(m->rip, m->e.rip);
}
