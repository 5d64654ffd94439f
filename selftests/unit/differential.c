// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against this machine's processor: random instructions with
 * random operands are carried out by both; registers, flags, memory and
 * exceptions (vector, error code, CR2, and what an instruction has done before
 * it) must be the same.
 *
 * 64-bit mode; 32- and 16-bit code segments, where segments have limits. Port
 * instructions need privileges, so they are not compared here (port.c).
 *
 * UNIT_SEED and UNIT_COUNT in the environment change which and how many.
 */
#include "emulate.h"
#include "ktap.h"
#include "native.h"
#include "random.h"

#define STATUS_FLAGS	(CPU_FLAG_CF | CPU_FLAG_PF | CPU_FLAG_AF | \
			 CPU_FLAG_ZF | CPU_FLAG_SF | CPU_FLAG_OF)
#define COMPARED_FLAGS	(STATUS_FLAGS | CPU_FLAG_DF | CPU_FLAG_AC)
#define EFLAGS_IF	0x200
#define EFLAGS_ALWAYS	0x2

/* Where user space ends: there, an address is canonical but not mapped. */
#define LAST_USER_PAGE	0x7ffffffff000ULL

/* One trial: the CPU before, the emulator and its own copy of the arena. */
struct trial {
	unsigned int mode;
	u64 code;			/* linear address of the instruction */
	u8 bytes[X86_INSN_MAX];
	struct native_cpu before;
	u64 gs_base;
	bool elsewhere;			/* it accesses what is not the arena */
	struct x86_emulator e;
	int result;
};

static struct trial trial;
static u8 *memory;			/* the copy */
static bool one_in(unsigned int n)
{
	return below(n) == 0;
}

/* Numbers at which flags change, and others. */
static u64 random_value(void)
{
	static const u64 edges[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffffULL,
		0x8000000000000000ULL, ~0ULL, 0x0f, 0x10,
	};

	return one_in(3) ? edges[below(ARRAY_SIZE(edges))] : random64();
}

/* An address in the arena's data, often near the end of a page. */
static u64 random_address(void)
{
	u64 page = DATA + PAGE * (below(20) ? below(4) : below(9));

	if (one_in(4))
		return page + PAGE - 10 + below(20);
	return page + below(PAGE);
}

/* The emulator's view of the machine. */

static void op_segment(void *ctx, enum x86_seg seg, struct x86_segment *out)
{
	struct trial *t = ctx;

	if (t->mode == 64)
		*out = (struct x86_segment){
			.base = t->gs_base,
			.selector = t->before.selector[seg],
		};
	else
		native_segment(t->before.selector[seg], out);
}

static int op_translate(void *ctx, u64 gva, unsigned int access, u64 *gpa,
			struct x86_fault *fault)
{
	enum page_kind kind = native_page(gva);
	/* Linux never tells user space that one of its addresses is not. */
	bool present = kind == PAGE_READ_ONLY || gva >= LAST_USER_PAGE;
	struct trial *t = ctx;

	*gpa = gva;
	if (kind == PAGE_WRITABLE ||
	    (kind == PAGE_CODE && (access & X86_ACCESS_FETCH)) ||
	    (kind == PAGE_READ_ONLY && !(access & X86_ACCESS_WRITE)))
		return X86_EMUL_DONE;
	/* Elsewhere the processor might find memory: not to be tried out. */
	if (kind == PAGE_CODE ||
	    ((gva < ARENA || gva >= ARENA_END) && gva / PAGE &&
	     (gva & ~(PAGE - 1)) != LAST_USER_PAGE)) {
		t->elsewhere = true;
		return X86_EMUL_UNHANDLED;
	}
	*fault = (struct x86_fault){
		.vector = X86_VECTOR_PF,
		.has_error = true,
		.error = X86_PF_USER | (present ? X86_PF_P : 0) |
			 (access & X86_ACCESS_WRITE ? X86_PF_WRITE : 0),
		.has_cr2 = true,
		.cr2 = gva,
	};
	return X86_EMUL_FAULT;
}

static int op_read(void *ctx, u64 gpa, void *data, unsigned int len)
{
	(void)ctx;
	memcpy(data, memory + (gpa - ARENA), len);
	return 0;
}

static int op_write(void *ctx, u64 gpa, const void *data, unsigned int len)
{
	(void)ctx;
	memcpy(memory + (gpa - ARENA), data, len);
	return 0;
}

static const struct x86_emulator_ops ops = {
	.segment = op_segment,
	.translate = op_translate,
	.read = op_read,
	.write = op_write,
};

/* Generating an instruction. */

static const char * const opcodes[] = {
	"\x00", "\x01", "\x02", "\x03", "\x04", "\x05", "\x08", "\x09", "\x0a",
	"\x0b", "\x0c", "\x0d", "\x10", "\x11", "\x12", "\x13", "\x14", "\x15",
	"\x18", "\x19", "\x1a", "\x1b", "\x1c", "\x1d", "\x20", "\x21", "\x22",
	"\x23", "\x24", "\x25", "\x28", "\x29", "\x2a", "\x2b", "\x2c", "\x2d",
	"\x30", "\x31", "\x32", "\x33", "\x34", "\x35", "\x38", "\x39", "\x3a",
	"\x3b", "\x3c", "\x3d", "\x63", "\x80", "\x81", "\x82", "\x83", "\x84", "\x85",
	"\x86", "\x87", "\x88", "\x89", "\x8a", "\x8b", "\x8c", "\x8f", "\xa0",
	"\xa1", "\xa2", "\xa3", "\xa4", "\xa5", "\xa6", "\xa7", "\xa8", "\xa9",
	"\xaa", "\xab", "\xac", "\xad", "\xae", "\xaf", "\xc6", "\xc7", "\xf6",
	"\xf7", "\xfe", "\xff", "\x0f\xa3", "\x0f\xab", "\x0f\xb0", "\x0f\xb1",
	"\x0f\xb3", "\x0f\xb6", "\x0f\xb7", "\x0f\xba", "\x0f\xbb", "\x0f\xbe",
	"\x0f\xbf", "\x0f\xc0", "\x0f\xc1", "\x0f\xc3", "\x0f\x38\xf0",
	"\x0f\x38\xf1",
};

/* Bytes; those that follow the opcode are random. Returns the prefixes' end. */
static unsigned int generate_bytes(struct trial *t)
{
	static const u8 prefixes[] = {
		0x66, 0x66, 0x67, 0xf2, 0xf3, 0xf3, 0xf0, 0x65, 0x65, 0x26,
		0x2e, 0x36, 0x3e,
	};
	unsigned int i, len = 0, opcode = below(ARRAY_SIZE(opcodes));
	const char *text = opcodes[opcode];

	for (i = 0; i < sizeof(t->bytes); i++)
		t->bytes[i] = random64() >> 40;
	while (one_in(2) && len < 4)
		t->bytes[len++] = prefixes[below(sizeof(prefixes))];
	if (t->mode == 64 && one_in(2))
		t->bytes[len++] = 0x40 | below(16);
	/* An ADD's opcode is 0: the first byte counts even so. */
	do
		t->bytes[len++] = *text++;
	while (*text);
	if ((u8)text[-1] == 0x8f || (u8)text[-1] == 0xc6 || (u8)text[-1] == 0xc7)
		t->bytes[len] &= 0xc7;
	return len;
}

/* What must be added to the memory operand's offset to reach its segment. */
static u64 segment_base(const struct trial *t, u8 seg)
{
	struct x86_segment segment;

	if (t->mode == 64)
		return seg == X86_GS ? t->gs_base : 0;
	native_segment(t->before.selector[seg], &segment);
	return segment.base;
}

/* No register is in the address: it is in the instruction. Where? */
static void aim_displacement(struct trial *t, const struct x86_insn *insn,
			     unsigned int opcode_end, u64 offset)
{
	u8 modrm = t->bytes[opcode_end];
	unsigned int size = insn->address_size, at = opcode_end;

	if (insn->mem.base == X86_REG_RIP)
		offset -= t->code + insn->len;
	if ((t->bytes[opcode_end - 1] & 0xfc) != 0xa0 ||
	    (opcode_end > 1 && t->bytes[opcode_end - 2] == 0x0f)) {
		at += insn->address_size > 2 && (modrm & 7) == 4 ? 2 : 1;
		size = min_t(unsigned int, size, 4);
	}
	memcpy(t->bytes + at, &offset, size);
}

/* Choose registers so that the memory operand is in the arena. */
static void aim(struct trial *t, const struct x86_insn *insn,
		unsigned int opcode_end)
{
	u64 offset = random_address() - segment_base(t, insn->mem.seg);
	u8 base = insn->mem.base, index = insn->mem.index;
	u64 *regs = t->before.regs;

	if (insn->src.kind == X86_OPERAND_REG && insn->op >= X86_OP_BT &&
	    insn->op <= X86_OP_BTC && one_in(2))
		regs[insn->src.reg] = (s64)below(60000) - 30000;
	if (index != X86_REG_NONE && one_in(2))
		regs[index] = below(2000);
	if (base < 16 && base == index)
		regs[base] = (offset - insn->mem.disp) / (1 + insn->mem.scale);
	else if (base < 16)
		regs[base] = offset - insn->mem.disp -
			     (index < 16 ? regs[index] * insn->mem.scale : 0);
	else if (index < 16)
		regs[index] = (offset - insn->mem.disp) / insn->mem.scale;
	else
		aim_displacement(t, insn, opcode_end, offset);

	if (t->mode == 64 && base < 16 && base != index && one_in(40))
		regs[base] += 0x800000000000ULL - 4 - offset;
}

/* String instructions: both pointers in the arena, a count that is not huge. */
static void aim_string(struct trial *t, const struct x86_insn *insn)
{
	u64 *regs = t->before.regs;
	u64 garbage = insn->address_size == 8 ? 0 : random64();

	garbage &= ~((1ULL << (insn->address_size * 4) << (insn->address_size * 4)) - 1);
	regs[X86_RSI] = random_address() - segment_base(t, insn->mem.seg);
	regs[X86_RDI] = random_address() - segment_base(t, X86_ES);
	if (one_in(2))
		regs[X86_RDI] = regs[X86_RSI] + below(16) - 8;
	regs[X86_RCX] = one_in(10) ? below(5000) : below(40);
	/* With nothing to do, some processors clear the upper halves all the same. */
	if (!regs[X86_RCX])
		garbage = 0;
	regs[X86_RSI] |= garbage & random64();
	regs[X86_RDI] |= garbage & random64();
	regs[X86_RCX] |= garbage;
	if (one_in(2))	/* so that REPE goes on for a while */
		memset(memory + (DATA - ARENA), 0, 2048);
}

static void random_segments(struct trial *t)
{
	static const u16 data[] = {
		USER_DS, USER_DS, LDT(LDT_DATA32), LDT(LDT_DATA_READ_ONLY),
		LDT(LDT_DATA_DOWN32), LDT(LDT_DATA_DOWN16), LDT(LDT_DATA16),
	};
	static const u16 stack[] = {
		USER_DS, USER_DS, LDT(LDT_DATA32), LDT(LDT_DATA_DOWN32),
		LDT(LDT_DATA_DOWN16), LDT(LDT_DATA16),
	};
	static const u16 code32[] = {
		USER_CS32, LDT(LDT_CODE32), LDT(LDT_CODE32_NO_READ),
	};
	u16 *selector = t->before.selector;

	memset(selector, 0, sizeof(t->before.selector));
	selector[X86_SS] = USER_DS;
	selector[X86_CS] = USER_CS64;
	if (t->mode == 64)
		return;
	selector[X86_DS] = data[below(ARRAY_SIZE(data))];
	selector[X86_ES] = data[below(ARRAY_SIZE(data))];
	selector[X86_SS] = stack[below(ARRAY_SIZE(stack))];
	selector[X86_CS] = t->mode == 16 ? LDT(LDT_CODE16) :
					   code32[below(ARRAY_SIZE(code32))];
}

/* True if there is an instruction to try out. */
static bool generate(struct trial *t)
{
	unsigned int i, opcode_end;
	struct x86_insn insn;

	random_segments(t);
	opcode_end = generate_bytes(t);
	for (i = 0; i < 16; i++) {
		t->before.regs[i] = random_value();
		if (t->mode != 64)
			t->before.regs[i] = (u32)t->before.regs[i];
		if (i >= 8 && t->mode != 64)
			t->before.regs[i] = 0;
	}
	t->before.rflags = EFLAGS_IF | EFLAGS_ALWAYS |
			   (random64() & (STATUS_FLAGS | CPU_FLAG_DF));
	if (one_in(8))
		t->before.rflags |= CPU_FLAG_AC;
	t->code = ARENA + 16 + below(PAGE);
	if (x86_decode(&insn, t->mode, t->bytes, sizeof(t->bytes)) !=
	    X86_DECODE_OK || insn.mem.seg == X86_FS)
		return insn.len && one_in(4);
	/*
	 * A CMPXCHG that finds its destination register to differ clears its
	 * upper half, or does not, as processors go.
	 */
	if (insn.op == X86_OP_CMPXCHG && insn.operand_size == 4 &&
	    insn.dst.kind == X86_OPERAND_REG)
		return false;
	if (insn.op >= X86_OP_INS ||
	    (t->mode != 64 && insn.mem.seg == X86_GS))
		return false;
	if (insn.op >= X86_OP_MOVS)
		aim_string(t, &insn);
	else
		aim(t, &insn, opcode_end);
	if (insn.op == X86_OP_PUSH || insn.op == X86_OP_POP)
		t->before.regs[X86_RSP] = random_address() -
					  segment_base(t, X86_SS);
	if (t->mode != 64)
		for (i = 0; i < 8; i++)
			t->before.regs[i] = (u32)t->before.regs[i];
	return true;
}

/* Both ways. */

static void run_emulator(struct trial *t)
{
	u64 base = t->mode == 16 ? ARENA : 0;
	struct x86_emulator *e = &t->e;
	unsigned int calls;

	memcpy(memory + (t->code - ARENA), t->bytes, sizeof(t->bytes));
	memset(e, 0, sizeof(*e));
	e->ops = &ops;
	e->ctx = t;
	memcpy(e->regs, t->before.regs, sizeof(e->regs));
	e->rip = t->code - base;
	e->rflags = t->before.rflags;
	e->cr0 = CPU_CR0_PE | CPU_CR0_PG | CPU_CR0_AM | CPU_CR0_WP;
	e->cr4 = CPU_CR4_PAE;
	e->efer = CPU_EFER_LMA;
	e->cpl = 3;
	e->mode = t->mode;
	t->elsewhere = false;
	x86_emulate_reset(e);
	for (calls = 0; calls < 10000; calls++) {
		t->result = x86_emulate(e);
		if (t->result || e->rip != t->code - base)
			break;
	}
}

static const char *describe(const struct trial *t)
{
	static char text[200];
	unsigned int i, at;

	at = snprintf(text, sizeof(text), "mode %u, bytes", t->mode);
	for (i = 0; i < t->e.insn.len; i++)
		at += snprintf(text + at, sizeof(text) - at, " %02x",
			       t->e.insn.bytes[i]);
	snprintf(text + at, sizeof(text) - at, " (seed %#llx)", seed);
	return text;
}

/*
 * Of two exceptions that are both due, processors do not all take the same one:
 * CMPS has two operands, and #AC is checked sooner or later.
 */
static bool order_is_free(const struct trial *t)
{
	return t->result == X86_EMUL_FAULT && native_cpu.vector >= 0 &&
	       (t->e.insn.op == X86_OP_CMPS ||
		t->e.fault.vector == X86_VECTOR_AC ||
		native_cpu.vector == X86_VECTOR_AC);
}

static void compare_exception(const struct trial *t)
{
	const struct native_cpu *n = &native_cpu;
	const struct x86_fault *f = &t->e.fault;

	if (t->result == X86_EMUL_DONE) {
		EXPECT(n->vector == -1, "%s: the processor raises %d (%#x)",
		       describe(t), n->vector, n->error);
		return;
	}
	if (order_is_free(t))
		return;
	EXPECT(n->vector == f->vector,
	       "%s: the processor raises %d, the emulator %d", describe(t),
	       n->vector, f->vector);
	if (n->vector != f->vector)
		return;
	EXPECT(n->error == f->error, "%s: error code %#x, the emulator's %#x",
	       describe(t), n->error, f->error);
	if (f->has_cr2)
		EXPECT(n->cr2 == f->cr2, "%s: CR2 %#llx, the emulator's %#llx",
		       describe(t), n->cr2, f->cr2);
}

static void compare(const struct trial *t)
{
	static const char names[16][4] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",
		"r9", "r10", "r11", "r12", "r13", "r14", "r15",
	};
	const struct native_cpu *n = &native_cpu;
	u64 mask = t->mode == 64 ? ~0ULL : 0xffffffff;
	unsigned int i;

	compare_exception(t);
	for (i = 0; i < (t->mode == 64 ? 16 : 8); i++)
		EXPECT((n->regs[i] & mask) == (t->e.regs[i] & mask),
		       "%s: %s %#llx, the emulator's %#llx, before %#llx",
		       describe(t), names[i], n->regs[i], t->e.regs[i],
		       t->before.regs[i]);
	EXPECT(n->rip == t->e.rip, "%s: rip %#llx, the emulator's %#llx",
	       describe(t), n->rip, t->e.rip);
	EXPECT(!((n->rflags ^ t->e.rflags) & COMPARED_FLAGS),
	       "%s: rflags %#llx, the emulator's %#llx, before %#llx",
	       describe(t), n->rflags & COMPARED_FLAGS,
	       t->e.rflags & COMPARED_FLAGS, t->before.rflags);
}

static bool same_memory(void)
{
	u64 page;

	for (page = ARENA + CODE_PAGES * PAGE; page < ARENA_END; page += PAGE)
		if (native_page(page) != PAGE_HOLE &&
		    memcmp((void *)page, memory + (page - ARENA), PAGE))
			return false;
	return true;
}

/* The arena gets what the emulator is to find there. */
static void copy_arena(void)
{
	u64 page;

	for (page = ARENA + CODE_PAGES * PAGE; page < ARENA_END; page += PAGE)
		if (native_page(page) == PAGE_WRITABLE)
			memcpy((void *)page, memory + (page - ARENA), PAGE);
		else
			memset(memory + (page - ARENA), 0, PAGE);
}

/* What was tried out, so that a test that tries nothing is noticed. */
struct tally {
	u64 done, faults, vector[32], unhandled;
};

static void try_one(struct trial *t, struct tally *tally)
{
	u64 i;

	if (!generate(t))
		return;
	for (i = 0; i < 64; i++) {
		u64 word = random_value(), at = DATA - ARENA + below(8 * PAGE - 8);

		memcpy(memory + at, &word, sizeof(word));
	}
	copy_arena();
	run_emulator(t);
	if (t->result == X86_EMUL_UNHANDLED) {
		tally->unhandled += !t->elsewhere;
		return;
	}
	if (t->result == X86_EMUL_FAULT && t->elsewhere)
		return;
	native_cpu = t->before;
	native_run(t->mode, t->code, t->bytes, t->e.insn.len);
	compare(t);
	EXPECT(same_memory(), "%s: memory differs", describe(t));
	tally->done += t->result == X86_EMUL_DONE;
	tally->faults += t->result == X86_EMUL_FAULT;
	if (t->result == X86_EMUL_FAULT)
		tally->vector[t->e.fault.vector & 31]++;
}

static void try_many(unsigned int mode)
{
	u64 i, count = from_environment("UNIT_COUNT", 100000);
	struct tally tally = { 0 };

	if (!native_setup())
		SKIP("this machine lets no program write an LDT");
	memory = calloc(ARENA_PAGES, PAGE);
	ASSERT_TRUE(memory);
	seed = from_environment("UNIT_SEED", 0x1234567890abcdefULL + mode);
	trial.mode = mode;
	trial.gs_base = ARENA + 0x123;
	if (mode == 64)
		native_set_gs_base(trial.gs_base);
	for (i = 0; i < count; i++)
		try_one(&trial, &tally);
	ktap_note("%llu carried out, %llu exceptions", tally.done, tally.faults);
	ktap_note("#UD %llu, #SS %llu, #GP %llu, #PF %llu, #AC %llu",
		  tally.vector[6], tally.vector[12], tally.vector[13],
		  tally.vector[14], tally.vector[17]);
	EXPECT(tally.done > count / 4, "only %llu of %llu carried out",
	       tally.done, count);
}

TEST(instructions_of_64_bit_mode)
{
	try_many(64);
}

TEST(instructions_of_32_bit_mode)
{
	try_many(32);
}

TEST(instructions_of_16_bit_mode)
{
	try_many(16);
}
