// SPDX-License-Identifier: GPL-2.0-only
/*
 * #UD, and the instructions that a guest has all the same.
 *
 * The processor raises #UD for what it does not know. Two kinds of such
 * instructions are not the guest's mistake. MOVBE and RDPID are newer than some
 * processors: the guest has them if its CPUID says so (GET_EMULATED_CPUID names
 * them). And VMMCALL is how guests of AMD's processors call their hypervisor; a
 * guest that was moved from there goes on to use it. It becomes VMCALL for good:
 * the guest's code is patched, in its memory, if the guest could have done so
 * itself.
 *
 * SDM: "MOVBE - Move Data After Swapping Bytes", "RDPID - Read Processor ID".
 */
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/trapnr.h>

#include "backend.h"

#define OPCODE_VMCALL	0xc1	/* behind 0f 01 */
#define OPCODE_VMMCALL	0xd9

/**
 * struct code - the bytes of an instruction
 * @bytes: as many as there are before the next page that cannot be fetched
 * @count: that many
 * @prefixes: how many of them are prefixes
 * @rep: 0xf3 or 0xf2 if one of the prefixes is, else 0
 * @rex: the last of the prefixes, if it is REX, else 0
 */
struct code {
	u8 bytes[X86_INSN_MAX];
	unsigned int count;
	unsigned int prefixes;
	u8 rep;
	u8 rex;
};

enum outcome { NOT_THERE, DONE, TO_EMULATE };

/* The emulator knows the guest's mode (load_emulator()). */
static u64 code_address(struct vcpu *vcpu, unsigned int offset)
{
	const struct x86_emulator *e = &vcpu->emulator;
	struct x86_segment cs;

	if (e->mode == 64)
		return e->rip + offset;
	backend->get_segment(vcpu, X86_CS, &cs);
	return (u32)(cs.base + e->rip + offset);
}

static int walk(struct vcpu *vcpu, unsigned int offset, unsigned int access,
		u64 *gpa, struct x86_fault *fault)
{
	if (vcpu->emulator.cpl == 3)
		access |= X86_ACCESS_USER;
	return x86_walk(&vcpu->paging, code_address(vcpu, offset), access, gpa,
			fault);
}

static void fetch(struct vcpu *vcpu, struct code *code)
{
	struct x86_fault fault;
	unsigned int size;
	u64 gpa;

	code->count = 0;
	while (code->count < sizeof(code->bytes)) {
		if (walk(vcpu, code->count, X86_ACCESS_FETCH, &gpa, &fault))
			return;
		size = min_t(unsigned int, sizeof(code->bytes) - code->count,
			     PAGE_SIZE - offset_in_page(gpa));
		if (guest_read(&vcpu->access, gpa, code->bytes + code->count,
			       size))
			return;
		code->count += size;
	}
}

static void skip_prefixes(struct vcpu *vcpu, struct code *code)
{
	unsigned int i;

	code->rep = 0;
	code->rex = 0;
	for (i = 0; i < code->count; i++) {
		u8 byte = code->bytes[i];

		switch (byte) {
		case 0xf2:
		case 0xf3:
			code->rep = byte;
			fallthrough;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64 ... 0x67:
			code->rex = 0;
			continue;
		case 0x40 ... 0x4f:
			if (vcpu->emulator.mode != 64)
				break;
			code->rex = byte;
			continue;
		}
		break;
	}
	code->prefixes = i;
}

/* The processor finds VMCALL when it comes there again. */
static enum outcome patch_hypercall(struct vcpu *vcpu)
{
	struct x86_fault fault;
	const u8 vmcall = OPCODE_VMCALL;
	unsigned int offset;
	int ret;
	u64 gpa;

	/* All of the instruction is written, though one byte changes. */
	for (offset = 0; offset <= 2; offset++) {
		ret = walk(vcpu, offset, X86_ACCESS_WRITE, &gpa, &fault);
		if (ret == X86_EMUL_FAULT)
			vcpu_queue_fault(vcpu, &fault);
		if (ret)
			return ret == X86_EMUL_FAULT ? DONE : NOT_THERE;
	}
	return guest_write(&vcpu->access, gpa, &vmcall, sizeof(vmcall)) ?
	       NOT_THERE : DONE;
}

static enum outcome read_processor_id(struct vcpu *vcpu, const struct code *code)
{
	u8 modrm = code->bytes[code->prefixes + 2];
	unsigned long next = vcpu_rip(vcpu) + code->prefixes + 3;

	vcpu_set_reg(vcpu, (modrm & 7) | (code->rex & 1 ? 8 : 0),
		     vcpu->msrs.tsc_aux);
	vcpu_set_rip(vcpu, vcpu->emulator.mode == 64 ? next : (u32)next);
	backend->clear_shadow(vcpu);
	vcpu_instruction_done(vcpu, vcpu_rflags(vcpu));
	return DONE;
}

static bool is_rdpid(const struct code *code)
{
	const u8 *opcode = code->bytes + code->prefixes;

	return code->count >= code->prefixes + 3 && code->rep == 0xf3 &&
	       opcode[0] == 0x0f && opcode[1] == 0xc7 &&
	       (opcode[2] & 0xf8) == 0xf8;
}

static bool is_movbe(const struct code *code)
{
	const u8 *opcode = code->bytes + code->prefixes;

	return code->count >= code->prefixes + 4 && !code->rep &&
	       opcode[0] == 0x0f && opcode[1] == 0x38 &&
	       (opcode[2] & 0xfe) == 0xf0 && opcode[3] < 0xc0;
}

/* As KVM has it, there is none in real mode and in virtual-8086 mode. */
static bool is_vmmcall(const struct x86_emulator *e, const struct code *code)
{
	return e->cr0 & X86_CR0_PE && !(e->rflags & X86_EFLAGS_VM) &&
	       code->count >= 3 && code->bytes[0] == 0x0f &&
	       code->bytes[1] == 0x01 && code->bytes[2] == OPCODE_VMMCALL;
}

/* Guest memory can be looked at. */
static enum outcome undefined(struct vcpu *vcpu)
{
	struct code code;

	backend->load_emulator(vcpu);
	fetch(vcpu, &code);
	skip_prefixes(vcpu, &code);
	if (is_vmmcall(&vcpu->emulator, &code) &&
	    vm_has_quirk(vcpu->vm, MINIVMM_X86_QUIRK_FIX_HYPERCALL_INSN))
		return patch_hypercall(vcpu);
	if (is_rdpid(&code) && vcpu->cpuid.rdpid &&
	    !boot_cpu_has(X86_FEATURE_RDPID))
		return read_processor_id(vcpu, &code);
	if (is_movbe(&code) && vcpu->cpuid.movbe &&
	    !boot_cpu_has(X86_FEATURE_MOVBE))
		return TO_EMULATE;
	return NOT_THERE;
}

/**
 * vcpu_undefined - the processor does not know the instruction at RIP
 * @vcpu: the vCPU
 *
 * Return: 1: done, or it is #UD to the guest as well; 0: back to the owner.
 */
int vcpu_undefined(struct vcpu *vcpu)
{
	enum outcome outcome;

	vcpu->exit.gva_valid = false;
	guest_access_begin(&vcpu->access);
	outcome = undefined(vcpu);
	guest_access_end(&vcpu->access);
	if (outcome == TO_EMULATE)
		return vcpu_emulate(vcpu);
	if (outcome == NOT_THERE)
		vcpu_queue_exception(vcpu, X86_TRAP_UD);
	return 1;
}
