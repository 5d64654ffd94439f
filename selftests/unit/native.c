// SPDX-License-Identifier: GPL-2.0-only
/* See native.h. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "native.h"

/* Where ljmpl in native_entry.S goes. */
struct far_pointer {
	u32 offset;
	u16 selector;
} __attribute__((packed, aligned(8)));

struct native_cpu native_cpu;
struct far_pointer native_target;
u64 native_rsp;

extern const char native_exit[], native_abort[];
void native_enter(void);

_Static_assert(offsetof(struct native_cpu, rflags) == 16 * 8, "native_entry.S");
_Static_assert(offsetof(struct native_cpu, selector) == 17 * 8, "native_entry.S");

static const struct user_desc ldt[LDT_COUNT] = {
	[LDT_CODE32] = {
		.limit = 0xfffff, .limit_in_pages = 1, .seg_32bit = 1,
		.contents = MODIFY_LDT_CONTENTS_CODE,
	},
	[LDT_CODE32_NO_READ] = {
		.limit = 0xfffff, .limit_in_pages = 1, .seg_32bit = 1,
		.contents = MODIFY_LDT_CONTENTS_CODE, .read_exec_only = 1,
	},
	[LDT_CODE16] = {
		.base_addr = ARENA, .limit = 0xffff,
		.contents = MODIFY_LDT_CONTENTS_CODE,
	},
	[LDT_DATA32] = {
		.base_addr = DATA, .limit = 0x37fa, .seg_32bit = 1,
	},
	[LDT_DATA_READ_ONLY] = {
		.base_addr = ARENA, .limit = 0xffff, .seg_32bit = 1,
		.read_exec_only = 1,
	},
	[LDT_DATA_DOWN32] = {
		.limit = (DATA >> 12), .limit_in_pages = 1, .seg_32bit = 1,
		.contents = MODIFY_LDT_CONTENTS_STACK,
	},
	[LDT_DATA_DOWN16] = {
		.base_addr = ARENA, .limit = DATA - ARENA + 0x7ff,
		.contents = MODIFY_LDT_CONTENTS_STACK,
	},
	[LDT_DATA16] = {
		.base_addr = ARENA, .limit = 0xffff,
	},
};

enum page_kind native_page(u64 address)
{
	static const enum page_kind kind[ARENA_PAGES] = {
		PAGE_CODE, PAGE_CODE, PAGE_HOLE, PAGE_HOLE,
		PAGE_WRITABLE, PAGE_WRITABLE, PAGE_WRITABLE, PAGE_WRITABLE,
		PAGE_HOLE, PAGE_WRITABLE, PAGE_WRITABLE, PAGE_READ_ONLY,
		PAGE_WRITABLE, PAGE_HOLE, PAGE_HOLE, PAGE_HOLE,
	};

	if (address < ARENA || address >= ARENA_END)
		return PAGE_HOLE;
	return kind[(address - ARENA) / PAGE];
}

/* The instruction took an exception: note everything, leave by native_abort. */
static void on_signal(int number, siginfo_t *info, void *context)
{
	static const int order[16] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
		REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
		REG_R14, REG_R15,
	};
	ucontext_t *uc = context;
	greg_t *gregs = uc->uc_mcontext.gregs;
	unsigned int i;

	(void)info;
	if (!native_rsp) {	/* not ours: die of it */
		signal(number, SIG_DFL);
		return;
	}
	for (i = 0; i < 16; i++)
		native_cpu.regs[i] = gregs[order[i]];
	native_cpu.rflags = gregs[REG_EFL];
	native_cpu.rip = gregs[REG_RIP];
	native_cpu.vector = gregs[REG_TRAPNO];
	native_cpu.error = gregs[REG_ERR];
	native_cpu.cr2 = gregs[REG_CR2];

	gregs[REG_RIP] = (greg_t)native_abort;
	gregs[REG_RSP] = native_rsp;
	gregs[REG_EFL] = 0x202;
	gregs[REG_CSGSFS] = USER_CS64 | (u64)USER_DS << 48;
}

static bool map_arena(void)
{
	unsigned int i;

	for (i = 0; i < ARENA_PAGES; i++) {
		enum page_kind kind = native_page(ARENA + i * PAGE);
		int prot = PROT_READ;

		if (kind == PAGE_HOLE)
			prot = PROT_NONE;
		if (kind == PAGE_CODE || kind == PAGE_WRITABLE)
			prot |= PROT_WRITE;
		if (kind == PAGE_CODE)
			prot |= PROT_EXEC;
		if (mmap((void *)(ARENA + i * PAGE), PAGE, prot,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE |
			 MAP_POPULATE, -1, 0) != (void *)(ARENA + i * PAGE))
			return false;
	}
	return true;
}

bool native_setup(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	stack_t alternate = { .ss_size = 65536 };
	struct user_desc desc;
	unsigned int i;

	for (i = 1; i < LDT_COUNT; i++) {
		desc = ldt[i];
		desc.entry_number = i;
		if (syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)))
			return false;
	}
	sigfillset(&action.sa_mask);
	/*
	 * Above 4 GiB: an instruction whose stack pointer is within it by chance
	 * would have its signal there, and perhaps no room for it.
	 */
	alternate.ss_sp = mmap(NULL, alternate.ss_size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (alternate.ss_sp == MAP_FAILED ||
	    (unsigned long)alternate.ss_sp < BIT_ULL(32))
		return false;
	if (sigaltstack(&alternate, NULL))
		return false;
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &action, NULL))
			return false;
	return map_arena();
}

void native_segment(u16 selector, struct x86_segment *segment)
{
	static const struct user_desc flat_data = {
		.limit = 0xfffff, .limit_in_pages = 1, .seg_32bit = 1,
	};
	const struct user_desc *desc = &flat_data;

	if (selector == USER_CS32)
		desc = &ldt[LDT_CODE32];
	else if (selector & 4)
		desc = &ldt[selector >> 3];
	segment->selector = selector;
	segment->base = desc->base_addr;
	segment->limit = desc->limit;
	if (desc->limit_in_pages)
		segment->limit = desc->limit << 12 | 0xfff;
	segment->ar = X86_AR_P | X86_AR_S | 3 << X86_AR_DPL_SHIFT | 1;
	segment->ar |= desc->contents << 2;
	if (!desc->read_exec_only)
		segment->ar |= X86_AR_WRITABLE;
	if (desc->seg_32bit)
		segment->ar |= X86_AR_DB;
	if (desc->limit_in_pages)
		segment->ar |= X86_AR_G;
}

void native_set_gs_base(u64 base)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

/* The jump that follows the instruction: near in 64-bit mode, else far. */
static void put_exit(unsigned int mode, u64 address, u8 *code)
{
	u32 target = (u64)native_exit;
	u16 selector = USER_CS64;

	if (mode == 64) {
		target -= address + 5;
		*code++ = 0xe9;
		memcpy(code, &target, sizeof(target));
		return;
	}
	if (mode == 16)
		*code++ = 0x66;
	*code++ = 0xea;
	memcpy(code, &target, sizeof(target));
	memcpy(code + sizeof(target), &selector, sizeof(selector));
}

void native_run(unsigned int mode, u64 address, const u8 *bytes,
		unsigned int len)
{
	u64 base = mode == 16 ? ARENA : 0;

	memcpy((void *)address, bytes, len);
	put_exit(mode, address + len, (u8 *)address + len);
	native_target.offset = address - base;
	native_target.selector = native_cpu.selector[X86_CS];
	native_cpu.vector = -1;
	native_cpu.rip = address - base + len;
	native_enter();
	native_rsp = 0;
}
