// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports, and memory that is not there (MMIO): what a device in the kernel does
 * not serve (bus.c) is an exit to the guest's owner.
 *
 * A port is read or written by what the exit itself says. For MMIO and for
 * string instructions the emulator (x86/emulate.h) carries the instruction out;
 * this chapter connects it with the vCPU's registers, its page tables and
 * struct minivmm_run. What is left to do when the owner has served an exit is
 * in vcpu->complete, called at the next RUN.
 */
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "backend.h"

/**
 * vcpu_internal_error - tell the owner that we cannot go on
 * @vcpu: the vCPU
 * @suberror: MINIVMM_INTERNAL_ERROR_*
 * @ndata: how many words of run->internal.data are filled in
 *
 * Return: 0.
 */
int vcpu_internal_error(struct vcpu *vcpu, u32 suberror, u32 ndata)
{
	vcpu->run->exit_reason = MINIVMM_EXIT_INTERNAL_ERROR;
	vcpu->run->internal.suberror = suberror;
	vcpu->run->internal.ndata = ndata;
	return 0;
}

/**
 * vcpu_unhandled_exit - a VM exit that nobody claims
 * @vcpu: the vCPU
 *
 * Return: 0.
 */
int vcpu_unhandled_exit(struct vcpu *vcpu)
{
	vcpu->run->internal.data[0] = vcpu->exit.reason;
	vcpu->run->internal.data[1] = raw_smp_processor_id();
	return vcpu_internal_error(vcpu,
		MINIVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, 2);
}

static void emulator_segment(void *ctx, enum x86_seg seg,
			     struct x86_segment *segment)
{
	backend->get_segment(ctx, seg, segment);
}

static int emulator_read(void *ctx, u64 gpa, void *data, unsigned int len)
{
	struct vcpu *vcpu = ctx;

	return guest_read(&vcpu->access, gpa, data, len);
}

static int emulator_write(void *ctx, u64 gpa, const void *data,
			  unsigned int len)
{
	struct vcpu *vcpu = ctx;

	return guest_write(&vcpu->access, gpa, data, len);
}

static int emulator_cmpxchg(void *ctx, u64 gpa, u64 *old, u64 new,
			    unsigned int len)
{
	struct vcpu *vcpu = ctx;

	return guest_cmpxchg(&vcpu->access, gpa, old, new, len);
}

static int emulator_translate(void *ctx, u64 gva, unsigned int access, u64 *gpa,
			      struct x86_fault *fault)
{
	struct vcpu *vcpu = ctx;
	const struct vcpu_exit *exit = &vcpu->exit;

	/* The processor has just translated this page, for such an access. */
	if (exit->gva_valid && !(access & X86_ACCESS_FETCH) &&
	    (exit->write || !(access & X86_ACCESS_WRITE)) &&
	    (gva ^ exit->gva) >> PAGE_SHIFT == 0) {
		*gpa = (exit->gpa & PAGE_MASK) | (gva & ~PAGE_MASK);
		return X86_EMUL_DONE;
	}
	return x86_walk(&vcpu->paging, gva, access, gpa, fault);
}

static const struct x86_emulator_ops emulator_ops = {
	.segment	= emulator_segment,
	.translate	= emulator_translate,
	.read		= emulator_read,
	.write		= emulator_write,
	.compare_exchange	= emulator_cmpxchg,
};

/**
 * vcpu_init_emulator - connect a new vCPU's emulator
 * @vcpu: the vCPU
 */
void vcpu_init_emulator(struct vcpu *vcpu)
{
	vcpu->emulator.ops = &emulator_ops;
	vcpu->emulator.ctx = vcpu;
	vcpu->emulator.pio_data = vcpu->pio_data;
	x86_emulate_reset(&vcpu->emulator);
	vcpu->access.memory = &vcpu->vm->memory;
	vcpu->paging.read = emulator_read;
	vcpu->paging.compare_exchange = emulator_cmpxchg;
	vcpu->paging.ctx = vcpu;
}

static void store_emulator(struct vcpu *vcpu)
{
	const struct x86_emulator *e = &vcpu->emulator;
	bool finished = e->rip != vcpu->rip;
	unsigned int left, reg;

	for (left = e->changed; left; left &= left - 1) {
		reg = __ffs(left);
		vcpu_set_reg(vcpu, reg, e->regs[reg]);
	}
	if (e->rflags != vcpu->rflags)
		vcpu_set_rflags(vcpu, e->rflags);
	if (!finished)
		return;
	vcpu_set_rip(vcpu, e->rip);
	backend->clear_shadow(vcpu);
	vcpu_instruction_done(vcpu, e->rflags);
}

static int emulation_failed(struct vcpu *vcpu)
{
	const struct x86_insn *insn = &vcpu->emulator.insn;
	struct minivmm_run *run = vcpu->run;
	unsigned int n = 1;	/* words of data: the flags always */

	memset(&run->internal, 0, sizeof(run->internal));
	if (insn->len) {
		run->emulation_failure.flags =
			MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = insn->len;
		memset(run->emulation_failure.insn_bytes, 0x90,
		       sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, insn->bytes,
		       insn->len);
		n += 2;
	}
	/* What the exit said, in as many words as KVM has for it. */
	run->internal.data[n] = vcpu->exit.reason;
	run->internal.data[n + 1] = vcpu->exit.qualification;
	run->internal.data[n + 2] = vcpu->exit.vectoring;
	x86_emulate_reset(&vcpu->emulator);
	return vcpu_internal_error(vcpu, MINIVMM_INTERNAL_ERROR_EMULATION,
				   n + 5);
}

static int complete_emulation(struct vcpu *vcpu)
{
	struct x86_emulator *e = &vcpu->emulator;

	/* The owner may have sent the guest elsewhere meanwhile. */
	if (vcpu_rip(vcpu) != vcpu->io_rip) {
		x86_emulate_reset(e);
		return 1;
	}
	if (e->io.kind == X86_IO_MMIO && !e->io.write)
		memcpy(e->io.data, vcpu->run->mmio.data, sizeof(e->io.data));
	x86_emulate_complete(e);
	if (!e->last)
		return vcpu_emulate(vcpu);
	/* No memory is looked at any more, and nothing can go wrong. */
	x86_emulate(e);
	store_emulator(vcpu);
	return 1;
}

static int emulator_io_exit(struct vcpu *vcpu)
{
	const struct x86_io *io = &vcpu->emulator.io;
	struct minivmm_run *run = vcpu->run;

	vcpu->complete = complete_emulation;
	vcpu->io_rip = vcpu_rip(vcpu);
	if (io->kind == X86_IO_PIO) {
		run->exit_reason = MINIVMM_EXIT_IO;
		run->io.direction = io->write ? MINIVMM_EXIT_IO_OUT :
						MINIVMM_EXIT_IO_IN;
		run->io.size = io->size;
		run->io.port = io->port;
		run->io.count = io->count;
		run->io.data_offset = MINIVMM_PIO_PAGE_OFFSET * PAGE_SIZE;
		return 0;
	}
	run->exit_reason = MINIVMM_EXIT_MMIO;
	run->mmio.phys_addr = io->gpa;
	run->mmio.len = io->size;
	run->mmio.is_write = io->write;
	if (io->write)
		memcpy(run->mmio.data, io->data, sizeof(run->mmio.data));
	return 0;
}

/*
 * The elements of INS or OUTS, one by one. The page they are on is the owner's
 * too, so no device works on it directly. What no device takes of the elements
 * written is left for the owner; what none gives of those read is 0.
 */
static bool serve_ports(struct vcpu *vcpu, struct x86_io *io)
{
	u8 *data = vcpu->pio_data;
	u32 i, value;

	for (i = 0; i < io->count; i++, data += io->size) {
		value = 0;
		if (io->write) {
			memcpy(&value, data, io->size);
			if (bus_write(vcpu, BUS_PIO, io->port, io->size, &value))
				break;
			continue;
		}
		if (bus_read(vcpu, BUS_PIO, io->port, io->size, &value) && !i)
			return false;
		memcpy(data, &value, io->size);
	}
	if (i == io->count)
		return true;
	io->count -= i;
	memmove(vcpu->pio_data, data, io->count * io->size);
	return false;
}

/* Has the kernel's devices serve what the emulator asks for; false: none does. */
static bool serve_in_kernel(struct vcpu *vcpu)
{
	struct x86_io *io = &vcpu->emulator.io;

	if (io->kind == X86_IO_PIO)
		return serve_ports(vcpu, io);
	if (vcpu_apic_mmio(vcpu, io->gpa, io->data, io->size, io->write))
		return true;
	if (io->write)
		return !bus_write(vcpu, BUS_MMIO, io->gpa, io->size, io->data);
	return !bus_read(vcpu, BUS_MMIO, io->gpa, io->size, io->data);
}

/* Guest memory can be looked at (guest_access_begin()). */
static int emulate(struct vcpu *vcpu)
{
	struct x86_emulator *e = &vcpu->emulator;
	int ret;

	vcpu->stats.emulated++;
	backend->load_emulator(vcpu);
	do {
		ret = x86_emulate(e);
		if (ret != X86_EMUL_IO)
			break;
		if (!serve_in_kernel(vcpu))
			return emulator_io_exit(vcpu);
		x86_emulate_complete(e);
	} while (true);
	switch (ret) {
	case X86_EMUL_DONE:
		store_emulator(vcpu);
		return 1;
	case X86_EMUL_FAULT:
		vcpu_queue_fault(vcpu, &e->fault);
		x86_emulate_reset(e);
		return 1;
	default:
		return emulation_failed(vcpu);
	}
}

/**
 * vcpu_emulate - carry out the instruction at the guest's RIP
 * @vcpu: the vCPU
 *
 * Return: 1: done, or an exception is queued; 0: back to the owner.
 */
int vcpu_emulate(struct vcpu *vcpu)
{
	int ret;

	guest_access_begin(&vcpu->access);
	ret = emulate(vcpu);
	guest_access_end(&vcpu->access);
	return ret;
}

/* An event that cannot be delivered because a table of the guest is MMIO. */
static int delivery_error(struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;

	run->internal.data[0] = vcpu->exit.vectoring;
	run->internal.data[1] = vcpu->exit.reason;
	run->internal.data[2] = vcpu->exit.qualification;
	run->internal.data[3] = vcpu->exit.gpa;
	return vcpu_internal_error(vcpu, MINIVMM_INTERNAL_ERROR_DELIVERY_EV, 4);
}

/**
 * vcpu_memory_exit - serve an access to guest memory that is not mapped
 * @vcpu: its exit says which
 *
 * Return: 1: mapped, or emulated; 0: back to the owner; or an errno.
 */
int vcpu_memory_exit(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->exit;
	unsigned int how = (exit->write ? MEMORY_WRITE : 0) |
			   (exit->fetch ? MEMORY_FETCH : 0) |
			   (exit->walk ? MEMORY_WALK : 0);
	int ret;

	vcpu->stats.ept_faults++;
	guest_access_begin(&vcpu->access);
	ret = memory_fault(&vcpu->access, &vcpu->table_cache, exit->gpa, how);
	if (ret == MEMORY_FAULT_MMIO)
		ret = exit->vectoring ? delivery_error(vcpu) : emulate(vcpu);
	guest_access_end(&vcpu->access);
	return ret;
}

/* What IN has read: 32 bits clear the upper half, fewer keep the rest. */
static void store_port(struct vcpu *vcpu, const void *data, u8 size)
{
	unsigned long *rax = &vcpu->regs[X86_RAX];

	if (size == 4)
		*rax = 0;
	memcpy(rax, data, size);
}

/**
 * vcpu_fast_mmio - signal what waits for a write to just this address
 * @vcpu: its exit says which; called with interrupts off
 *
 * Return: true: that is all there is to the write.
 */
bool vcpu_fast_mmio(struct vcpu *vcpu)
{
	struct guest_memory *memory = &vcpu->vm->memory;
	u64 gpa = vcpu->exit.gpa;
	bool is_memory;
	int srcu;

	srcu = srcu_read_lock(&memory->srcu);
	is_memory = memory_slot(memory, gpa >> PAGE_SHIFT);
	srcu_read_unlock(&memory->srcu, srcu);
	return !is_memory && !bus_write(vcpu, BUS_FAST_MMIO, gpa, 0, NULL);
}

static int complete_port_io(struct vcpu *vcpu)
{
	if (vcpu_rip(vcpu) != vcpu->io_rip)
		return 1;
	if (!vcpu->emulator.io.write)
		store_port(vcpu, vcpu->pio_data, vcpu->emulator.io.size);
	backend->skip_instruction(vcpu);
	return 1;
}

static bool port_in_kernel(struct vcpu *vcpu, u16 port, u8 size, bool in)
{
	u32 value = vcpu->regs[X86_RAX];

	if (!in)
		return !bus_write(vcpu, BUS_PIO, port, size, &value);
	value = 0;
	if (bus_read(vcpu, BUS_PIO, port, size, &value))
		return false;
	store_port(vcpu, &value, size);
	return true;
}

/**
 * vcpu_port_io - carry out IN or OUT, or hand it to the owner
 * @vcpu: the vCPU
 * @port: the port
 * @size: 1, 2 or 4 bytes
 * @in: IN; else OUT
 *
 * May be called with interrupts off.
 *
 * Return: 1: done; 0: back to the owner.
 */
int vcpu_port_io(struct vcpu *vcpu, u16 port, u8 size, bool in)
{
	struct minivmm_run *run = vcpu->run;

	if (port_in_kernel(vcpu, port, size, in)) {
		backend->skip_instruction(vcpu);
		return 1;
	}
	run->exit_reason = MINIVMM_EXIT_IO;
	run->io.direction = in ? MINIVMM_EXIT_IO_IN : MINIVMM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = MINIVMM_PIO_PAGE_OFFSET * PAGE_SIZE;
	if (!in)
		memcpy(vcpu->pio_data, &vcpu->regs[X86_RAX], size);
	/* The owner may write to struct minivmm_run: what counts is kept here. */
	vcpu->emulator.io.size = size;
	vcpu->emulator.io.write = !in;
	/* The BIOS's port 0x7e: an owner may be used to RIP being behind OUT. */
	if (!in && port == 0x7e &&
	    vm_has_quirk(vcpu->vm, MINIVMM_X86_QUIRK_OUT_7E_INC_RIP)) {
		backend->skip_instruction(vcpu);
		return 0;
	}
	vcpu->io_rip = vcpu_rip(vcpu);
	vcpu->complete = complete_port_io;
	return 0;
}
