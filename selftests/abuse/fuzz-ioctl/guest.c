// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's state and its code: what is right, with a few things wrong, and
 * what is wrong altogether.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "fuzz.h"

static struct minivmm_sregs sregs_of[NR_MODES];
static struct minivmm_cpuid2 *cpuid;

#define MAX_ENTRIES	256

void setup_guest(struct vcpu *vcpu)
{
	for (unsigned int mode = 0; mode < NR_MODES; mode++) {
		vcpu_set_mode(vcpu, mode);
		sregs_of[mode] = vcpu_sregs(vcpu);
	}
	cpuid = device_cpuid();
}

void spoil_words(struct worker *w, void *at, size_t size, unsigned int limit)
{
	uint64_t *words = at;

	for (uint64_t n = below(&w->rng, limit); n; n--) {
		uint64_t *word = &words[below(&w->rng, size / 8)];

		if (below(&w->rng, 2))
			*word ^= 1ULL << below(&w->rng, 64);
		else
			*word = number(&w->rng);
	}
}

uint64_t guest_address(struct worker *w)
{
	static const uint64_t bases[] = {
		0, GUEST_GDT, GUEST_IDT, GUEST_STACK, GUEST_CODE, GUEST_TABLES, GUEST_FREE,
		0x3ff000, 0x400000, 0x90000000, 0xfee00000, 0xfffff000,
	};

	if (!below(&w->rng, 8))
		return number(&w->rng);
	return pick(&w->rng, bases) + below(&w->rng, below(&w->rng, 2) ? 16 : 2 * PAGE);
}

void *make_regs(struct worker *w)
{
	struct minivmm_regs *regs = (struct minivmm_regs *)w->scratch;
	uint64_t *value = (uint64_t *)regs;

	if (below(&w->rng, 2))
		call(w, w->fd, MINIVMM_GET_REGS, regs);
	else
		for (unsigned int i = 0; i < sizeof(*regs) / 8; i++)
			value[i] = guest_address(w);
	regs->rip = GUEST_CODE + below(&w->rng, PAGE);
	regs->rcx = below(&w->rng, 2) ? regs->rcx : below(&w->rng, 64);
	regs->rflags &= below(&w->rng, 4) ? 0xed7 : ~0ULL;
	spoil_words(w, regs, sizeof(*regs), 3);
	return regs;
}

void *make_sregs(struct worker *w)
{
	struct minivmm_sregs *sregs = (struct minivmm_sregs *)w->scratch;

	if (below(&w->rng, 4))
		*sregs = pick(&w->rng, sregs_of);
	else
		call(w, w->fd, MINIVMM_GET_SREGS, sregs);
	spoil_words(w, sregs, sizeof(*sregs), 4);
	/* The control registers are where most is to be got wrong. */
	if (!below(&w->rng, 3))
		spoil_words(w, &sregs->cr0, 5 * 8, 3);
	if (below(&w->rng, 8))
		sregs->apic_base = sregs_of[0].apic_base;
	if (below(&w->rng, 8))
		memset(sregs->interrupt_bitmap, 0, sizeof(sregs->interrupt_bitmap));
	return sregs;
}

void *make_msrs(struct worker *w)
{
	static const uint32_t indices[] = {
		0x10, 0x17, 0x1b, 0x3a, 0x3b, 0x8b, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x17b,
		0x1a0, 0x1d9, 0x200, 0x201, 0x20f, 0x250, 0x258, 0x268, 0x26f, 0x277, 0x2ff, 0x400,
		0x480, 0x48f, 0x6e0, 0x802, 0x808, 0x80b, 0x80d, 0x80f, 0x830, 0x832, 0x838, 0x83e,
		0x83f, 0xd90, 0xda0, 0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03,
		0x4b564d04, 0x4b564d05, 0x4b564d06, 0x4b564d07, 0xc0000080, 0xc0000081, 0xc0000082,
		0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
	};
	struct minivmm_msrs *msrs = (struct minivmm_msrs *)w->scratch;

	msrs->nmsrs = below(&w->rng, 16) ? below(&w->rng, 20) : number(&w->rng);
	for (unsigned int i = 0; i < 20; i++) {
		msrs->entries[i].index = below(&w->rng, 8) ? pick(&w->rng, indices) :
							     number(&w->rng);
		msrs->entries[i].data = below(&w->rng, 2) ? number(&w->rng) :
					/* a page shared with the paravirtual clock */
					guest_address(w) | 1;
	}
	return msrs;
}

void *make_cpuid(struct worker *w)
{
	struct minivmm_cpuid2 *table = (struct minivmm_cpuid2 *)w->scratch;
	uint32_t count = cpuid->nent;

	memcpy(table, cpuid, sizeof(*cpuid) + count * sizeof(cpuid->entries[0]));
	for (uint64_t n = below(&w->rng, 6); n; n--) {
		struct minivmm_cpuid_entry2 *entry = &table->entries[below(&w->rng, count)];
		uint32_t *word = (uint32_t *)entry;

		word[below(&w->rng, sizeof(*entry) / 4)] = number(&w->rng);
	}
	if (!below(&w->rng, 3)) {
		/* Widths of addresses, of which much else follows. */
		struct minivmm_cpuid_entry2 *entry = cpuid_entry(table, 0x80000008, 0);

		if (entry)
			entry->eax = below(&w->rng, 2) ? 0x3000 + below(&w->rng, 256) :
							 number(&w->rng);
	}
	if (!below(&w->rng, 8))
		table->nent = number(&w->rng);
	else if (!below(&w->rng, 8))
		table->nent = below(&w->rng, count + 1);
	return table;
}

void *make_fpu(struct worker *w)
{
	uint64_t *words = (uint64_t *)w->scratch;

	for (unsigned int i = 0; i < sizeof(struct minivmm_fpu) / 8; i++)
		words[i] = rnd(&w->rng);
	return words;
}

/*
 * Instructions that exit, change the mode, raise exceptions or reach memory, in
 * any mode; what they mean differs, and there are random bytes among them.
 */
static const char *const soup[] = {
	"\x0f\xa2", "\xe4\x42", "\xe6\x42", "\xed", "\xef", "\xf4", "\x0f\x32", "\x0f\x30",
	"\x0f\x22\xc0", "\x0f\x22\xd8", "\x0f\x22\xe0", "\x44\x0f\x22\xc0", "\x0f\x20\xc0",
	"\x0f\x20\xe0", "\x44\x0f\x20\xc0", "\x0f\x23\xf8", "\x0f\x23\xc0", "\x0f\x21\xf0",
	"\x0f\x01\xc1", "\xcd\x80", "\xcc", "\xf1", "\xcf", "\x48\xcf", "\x0f\x05", "\x0f\x07",
	"\x0f\x34", "\x0f\x35", "\x0f\x01\xd1", "\x0f\x01\xd0", "\x0f\x08", "\x0f\x09", "\x0f\x06",
	"\x0f\x01\x10", "\x0f\x01\x18", "\x0f\x01\x38", "\x0f\x01\xf0", "\xf3\x6c", "\xf3\x6e",
	"\xf3\x6d", "\xf3\x6f", "\xf3\xa4", "\xf3\xab", "\xf3\xa6", "\xf2\xae", "\x8b\x03",
	"\x89\x03", "\x87\x03", "\xf0\x0f\xb1\x0b", "\xf0\xff\x03", "\x0f\xc7\x0b", "\x0f\xc1\x03",
	"\x01\x03", "\xa4", "\xaa", "\xeb\xfe", "\xe2\xfe", "\x90", "\xfb", "\xfa", "\x9d", "\x9c",
	"\x8e\xd8", "\x8e\xd0", "\x8e\xe0", "\x0f\x01\xc8", "\x0f\x01\xc9", "\xf3\x90", "\x0f\x31",
	"\x0f\x01\xf9", "\x0f\x33", "\x0f\x78\xc3", "\x0f\x01\xc2", "\x0f\x01\xc3", "\x0f\xae\x03",
	"\x0f\xae\x0b", "\xdd\x03", "\x0f\x10\x03", "\x0f\x11\x03", "\x0f\x0b", "\x0f\xaa",
	"\x0f\x37", "\x0f\x01\xf8", "\x66\x0f\x38\x80\x03", "\x66\x0f\x38\x82\x03",
	"\xf3\x0f\xc7\xf8", "\x0f\xc7\xf0", "\x0f\xae\x23", "\x0f\xae\x2b", "\xff\x23", "\xff\x2b",
	"\xff\x1b", "\xc3", "\xcb", "\x50", "\x58", "\x0f\x01\xd4", "\x0f\x01\xcf", "\x0f\x01\xfa",
};

static unsigned int make_code(struct worker *w, uint8_t *code, unsigned int size)
{
	unsigned int len = 0;

	while (len < size - 16) {
		const char *instruction = pick(&w->rng, soup);

		if (!below(&w->rng, 8))
			code[len++] = rnd(&w->rng);
		/* No instruction in the list has a zero byte but as its last. */
		memcpy(code + len, instruction, strlen(instruction));
		len += strlen(instruction);
	}
	return len;
}

void step_code(struct worker *w)
{
	static const uint16_t places[] = { 0, 0x100, 0x800, 0xff0 };
	uint64_t words[PAGE / 8];
	unsigned int size = 64;

	if (below(&w->rng, 4)) {
		size = make_code(w, (uint8_t *)words, 32 + below(&w->rng, 200));
	} else {
		for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
			words[i] = rnd(&w->rng);
		size = sizeof(words);
	}
	poke(ram + GUEST_CODE + pick(&w->rng, places), words, size);
	/* And something wrong in the tables that the guest is translated by. */
	if (!below(&w->rng, 8)) {
		words[0] = number(&w->rng);
		poke(ram + 8 * below(&w->rng, GUEST_FREE / 8), words, 8);
	}
}

void step_enter_mode(struct worker *w)
{
	struct minivmm_sregs *sregs = (struct minivmm_sregs *)w->scratch;
	int fd = pick_fd(w, VCPU);

	*sregs = pick(&w->rng, sregs_of);
	call(w, fd, MINIVMM_SET_SREGS, sregs);
	w->fd = fd;
	call(w, fd, MINIVMM_SET_REGS, make_regs(w));
	if (below(&w->rng, 2))
		step_code(w);
	step_run(w);
}

/* The vCPU may be running meanwhile, in another thread. */
void step_spoil_run(struct worker *w)
{
	struct minivmm_run *run = run_page(below(&w->rng, NR_VCPUS));

	switch (below(&w->rng, 8)) {
	case 0:
		run->immediate_exit = below(&w->rng, 2);
		break;
	case 1:
		run->request_interrupt_window = below(&w->rng, 2);
		break;
	case 2:
		run->cr8 = below(&w->rng, 20);
		spoil_shared_registers(w, run);
		break;
	case 3:
		((uint8_t *)run)[below(&w->rng, RUN_SIZE)] = rnd(&w->rng);
		break;
	case 4:
		for (unsigned int i = 0; i < 8; i++)
			((uint64_t *)run)[below(&w->rng, 64)] = number(&w->rng);
		break;
	case 5:
		/* the ring of writes, and where it says that it begins and ends */
		((uint32_t *)run)[2 * PAGE / 4 + below(&w->rng, 2)] =
			below(&w->rng, 2) ? below(&w->rng, 172) : number(&w->rng);
		break;
	default:
		/* what keeps RUN from getting anywhere goes again */
		memset(run, 0, 32);
		run->kvm_valid_regs = 0;
		run->kvm_dirty_regs = 0;
		for (unsigned int i = 0; i < 8; i++)
			run->mmio.data[i] = rnd(&w->rng);
	}
}
