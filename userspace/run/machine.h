/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine: memory, vCPUs and devices, and how a run ends.
 */
#ifndef RUN_MACHINE_H
#define RUN_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <libminivmm.h>

#include "bus.h"
#include "cmos.h"
#include "exit_port.h"
#include "options.h"
#include "power.h"
#include "serial.h"
#include "test_device.h"

struct machine;

/**
 * struct cpu - a vCPU and the thread that runs it
 * @vcpu: the library's vCPU
 * @machine: the machine that it belongs to
 * @thread: its thread
 * @exits: how often it came back from the guest
 */
struct cpu {
	struct vmm_vcpu vcpu;
	struct machine *machine;
	pthread_t thread;
	unsigned long exits;
};

/**
 * struct machine - everything about one run
 * @options: the command line
 * @vmm: the hypervisor device
 * @vm: the VM
 * @memory: guest memory from gpa 0 on
 * @cpus: options->cpus of them
 * @bus: finds the devices
 * @serial: COM1
 * @exit_port: the exit status
 * @test_device: MMIO to play with
 * @cmos: clock and memory's size, for a kernel
 * @power: off and reset, for a kernel
 * @event: eventfd by which other threads wake the console
 * @ending: the run is over and vCPU threads must leave
 * @saving: the guest's state is to be saved then
 * @lock: protects all that follows
 * @status: exit status, valid once @ending
 * @signal: signal to die by instead, or 0
 * @reset: the guest is to start again instead
 * @running: vCPUs that have not halted
 * @unclaimed: accesses that no device answered
 * @first_unclaimed: the first of them in words
 */
struct machine {
	const struct options *options;
	struct vmm vmm;
	struct vmm_vm vm;
	void *memory;
	struct cpu *cpus;
	struct bus bus;
	struct serial serial;
	struct exit_port exit_port;
	struct test_device test_device;
	struct cmos cmos;
	struct power power;
	int event;
	atomic_bool ending;
	atomic_bool saving;
	pthread_mutex_t lock;
	int status;
	int signal;
	bool reset;
	unsigned int running;
	unsigned long unclaimed;
	char first_unclaimed[VMM_WORDS_SIZE];
};

/**
 * machine_create - build what the options ask for and load the guest
 * @machine: filled in
 * @options: must outlive @machine
 *
 * Does not return when that fails: prints why and exits.
 */
void machine_create(struct machine *machine, const struct options *options);

/**
 * machine_start - let the vCPU threads run
 * @machine: from machine_create()
 */
void machine_start(struct machine *machine);

/**
 * machine_end - the run is over; the first caller's word counts
 * @machine: from machine_create()
 * @status: exit status
 * @signal: signal to die by instead, or 0
 *
 * Return: whether this was the first call
 */
bool machine_end(struct machine *machine, int status, int signal);

/**
 * machine_reset - the run is over, and another is to begin
 * @machine: from machine_create()
 */
void machine_reset(struct machine *machine);

/**
 * machine_save - the run is over, and the guest's state is to be kept
 * @machine: from machine_create()
 */
void machine_save(struct machine *machine);

/**
 * machine_wake - make the console look again at the machine
 * @machine: from machine_create()
 */
void machine_wake(struct machine *machine);

/**
 * machine_stop - stop and join all vCPU threads
 * @machine: machine_end() was called
 */
void machine_stop(struct machine *machine);

/**
 * machine_finish - give everything back
 * @machine: machine_stop() was called
 */
void machine_finish(struct machine *machine);

/**
 * machine_add_memory - have memory for the guest, and give it to the VM
 * @machine: its VM exists
 */
void machine_add_memory(struct machine *machine);

/**
 * machine_add_cpus - create the vCPUs, without a start state
 * @machine: its VM exists
 */
void machine_add_cpus(struct machine *machine);

/**
 * kernel_create - all that a machine for a kernel has besides devices (kernel.c)
 * @machine: its VM exists, and nothing else
 */
void kernel_create(struct machine *machine);

/**
 * kernel_add_devices - the devices that only a kernel asks for (kernel.c)
 * @machine: its serial port is on the bus
 */
void kernel_add_devices(struct machine *machine);

/**
 * cpu_run - the body of a vCPU's thread (cpu.c)
 * @cpu: a struct cpu
 *
 * Return: NULL
 */
void *cpu_run(void *cpu);

#endif /* RUN_MACHINE_H */
