// SPDX-License-Identifier: GPL-2.0-only
/* The decoder on any bytes: a mode, then the instruction. */
#include "decode.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 modes[] = { 16, 32, 64, 64 };
	struct input in = { data, size };
	u8 mode = modes[take(&in, 1) & 3];
	u8 bytes[X86_INSN_MAX], longer[X86_INSN_MAX];
	unsigned int count = min_t(unsigned int, in.left, X86_INSN_MAX);
	struct x86_insn insn, again;
	unsigned int have;
	int ret;

	take_bytes(&in, bytes, count);
	ret = x86_decode(&insn, mode, bytes, count);
	MUST(ret >= X86_DECODE_OK && ret <= X86_DECODE_UNKNOWN);
	MUST(!memcmp(insn.bytes, bytes, count));
	if (ret != X86_DECODE_OK) {
		MUST(insn.len == count);
		return 0;
	}
	MUST(insn.len > 0 && insn.len <= count);
	MUST(insn.op != X86_OP_UNKNOWN && insn.mode == mode);
	MUST(insn.operand_size && !(insn.operand_size & (insn.operand_size - 1)));
	MUST(insn.dst.kind == X86_OPERAND_IMM || insn.dst.reg < 16);
	MUST(insn.mem.base < 16 || insn.mem.base >= X86_REG_RIP);
	MUST(insn.mem.index < 16 || insn.mem.index == X86_REG_NONE);
	MUST(insn.mem.seg < X86_SEG_COUNT);

	/* A part of it is too short, whatever follows it does not matter. */
	for (have = 0; have < insn.len; have++)
		MUST(x86_decode(&again, mode, bytes, have) == X86_DECODE_SHORT);
	memset(longer, 0xcc, sizeof(longer));
	memcpy(longer, bytes, insn.len);
	MUST(x86_decode(&again, mode, longer, sizeof(longer)) == X86_DECODE_OK);
	MUST(again.len == insn.len && again.op == insn.op);
	MUST(again.mem.seg == insn.mem.seg && again.mem.base == insn.mem.base);
	MUST(again.mem.index == insn.mem.index && again.mem.scale == insn.mem.scale);
	MUST(again.mem.disp == insn.mem.disp && again.imm == insn.imm);
	return 0;
}
