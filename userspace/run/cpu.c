// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vCPU's thread does: run until the guest comes back, see why, answer,
 * run again. One table says what is done for each exit reason.
 *
 * Read next: console.c, what the main thread does meanwhile.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <compiler.h>

#include "machine.h"
#include "message.h"

/* What a handler wants next. */
enum next {
	RUN_ON,
	HALTED,
	BROKEN,
};

/* Registers tell where the guest was; they are printed once, at its end. */
static void dump_registers(struct cpu *cpu)
{
	print_info("registers of vCPU %u:", cpu->vcpu.id);
	if (vmm_dump_registers(&cpu->vcpu, stderr))
		print_info("%s", vmm_error());
}

/* What happened, and where the guest was. */
static void describe(struct cpu *cpu, char *words)
{
	struct minivmm_regs regs;
	size_t len;

	vmm_exit_words(cpu->vcpu.run, words, VMM_WORDS_SIZE);
	len = strlen(words);
	if (!ioctl(cpu->vcpu.fd, MINIVMM_GET_REGS, &regs))
		snprintf(words + len, VMM_WORDS_SIZE - len, ", rip 0x%llx",
			 regs.rip);
}

static void unclaimed(struct cpu *cpu)
{
	struct machine *m = cpu->machine;
	char words[VMM_WORDS_SIZE];

	describe(cpu, words);
	pthread_mutex_lock(&m->lock);
	if (!m->unclaimed++)
		memcpy(m->first_unclaimed, words, sizeof(words));
	pthread_mutex_unlock(&m->lock);
	if (!m->options->strict)
		return;
	if (machine_end(m, STATUS_GUEST_BROKE, 0)) {
		print_info("vCPU %u: %s: no device answers there; correct the guest, or leave --strict out",
			   cpu->vcpu.id, words);
		dump_registers(cpu);
	}
}

static enum next handle_io(struct cpu *cpu)
{
	struct minivmm_run *run = cpu->vcpu.run;
	struct bus *bus = &cpu->machine->bus;
	char *data = vmm_io_data(run);
	bool answered = true;
	unsigned int i;

	/* The items of a repeated instruction all go to the same port. */
	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == MINIVMM_EXIT_IO_OUT)
			answered &= bus_write(bus, BUS_PORT, run->io.port, data,
					      run->io.size);
		else
			answered &= bus_read(bus, BUS_PORT, run->io.port, data,
					     run->io.size);
	}
	if (!answered)
		unclaimed(cpu);
	return RUN_ON;
}

static enum next handle_mmio(struct cpu *cpu)
{
	struct minivmm_run *run = cpu->vcpu.run;
	struct bus *bus = &cpu->machine->bus;
	bool answered;

	if (run->mmio.is_write)
		answered = bus_write(bus, BUS_MMIO, run->mmio.phys_addr,
				     run->mmio.data, run->mmio.len);
	else
		answered = bus_read(bus, BUS_MMIO, run->mmio.phys_addr,
				    run->mmio.data, run->mmio.len);
	if (!answered)
		unclaimed(cpu);
	return RUN_ON;
}

/* No interrupt will ever come: a vCPU that halts is done. */
static enum next handle_hlt(struct cpu *cpu)
{
	(void)cpu;
	return HALTED;
}

static enum next handle_nothing(struct cpu *cpu)
{
	(void)cpu;
	return RUN_ON;
}

static enum next handle_broken(struct cpu *cpu)
{
	(void)cpu;
	return BROKEN;
}

static enum next (* const handlers[])(struct cpu *cpu) = {
	[MINIVMM_EXIT_IO] = handle_io,
	[MINIVMM_EXIT_HLT] = handle_hlt,
	[MINIVMM_EXIT_MMIO] = handle_mmio,
	[MINIVMM_EXIT_IRQ_WINDOW_OPEN] = handle_nothing,
	[MINIVMM_EXIT_SHUTDOWN] = handle_broken,
	[MINIVMM_EXIT_FAIL_ENTRY] = handle_broken,
	[MINIVMM_EXIT_INTR] = handle_nothing,
	[MINIVMM_EXIT_INTERNAL_ERROR] = handle_broken,
};

static enum next handle_exit(struct cpu *cpu)
{
	__u32 reason = cpu->vcpu.run->exit_reason;

	if (reason < ARRAY_SIZE(handlers) && handlers[reason])
		return handlers[reason](cpu);
	return BROKEN;
}

/* After the exit was handled, so that the answers to reads are seen. */
static void trace(struct cpu *cpu)
{
	char words[VMM_WORDS_SIZE];

	describe(cpu, words);
	print_info("exit %lu vcpu %u: %s", cpu->exits, cpu->vcpu.id, words);
}

static void halted(struct cpu *cpu)
{
	struct machine *m = cpu->machine;
	bool last;

	pthread_mutex_lock(&m->lock);
	last = !--m->running;
	pthread_mutex_unlock(&m->lock);
	if (last)
		machine_end(m, 0, 0);
}

static void broken(struct cpu *cpu)
{
	char words[VMM_WORDS_SIZE];

	if (!machine_end(cpu->machine, STATUS_GUEST_BROKE, 0))
		return;
	describe(cpu, words);
	print_info("vCPU %u: %s", cpu->vcpu.id, words);
	dump_registers(cpu);
}

/*
 * The answer to an exit reaches the guest's registers on the next entry, and
 * only then can they be saved; it may take several exits.
 */
static bool complete_exit(struct cpu *cpu)
{
	int err;

	for (;;) {
		vmm_vcpu_kick(&cpu->vcpu);
		err = vmm_vcpu_run(&cpu->vcpu);
		if (err)
			return err == -EINTR;
		if (handle_exit(cpu) != RUN_ON)
			return false;
	}
}

static void prepare_save(struct cpu *cpu)
{
	if (complete_exit(cpu))
		return;
	pthread_mutex_lock(&cpu->machine->lock);
	cpu->machine->status = STATUS_GUEST_BROKE;
	pthread_mutex_unlock(&cpu->machine->lock);
	atomic_store(&cpu->machine->saving, false);
	print_info("vCPU %u broke while it was stopped to be saved; nothing was saved, try again",
		   cpu->vcpu.id);
}

void *cpu_run(void *arg)
{
	struct cpu *cpu = arg;
	struct machine *m = cpu->machine;
	enum next next = RUN_ON;
	int err;

	while (next == RUN_ON && !atomic_load(&m->ending)) {
		err = vmm_vcpu_run(&cpu->vcpu);
		if (err == -EINTR)
			continue;
		if (err) {
			if (machine_end(m, STATUS_GUEST_BROKE, 0)) {
				print_info("%s", vmm_error());
				dump_registers(cpu);
			}
			break;
		}
		cpu->exits++;
		next = handle_exit(cpu);
		if (m->options->trace)
			trace(cpu);
	}
	if (next == RUN_ON && atomic_load(&m->saving))
		prepare_save(cpu);
	if (next == HALTED)
		halted(cpu);
	else if (next == BROKEN)
		broken(cpu);
	return NULL;
}
