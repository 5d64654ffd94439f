// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine: builds it, loads the guest, starts and stops its threads.
 *
 * There is one thread for each vCPU, and the main thread, which is the console
 * (console.c). A run ends when somebody calls machine_end(): the exit port,
 * the last vCPU to halt, a vCPU that broke, or the console. Then the main
 * thread kicks every vCPU out of the guest and joins it.
 *
 * Read next: kernel.c, a machine for a kernel instead of a flat binary; cpu.c,
 * what a vCPU's thread does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "message.h"
#include "save.h"

#define LARGE_PAGE		(2ULL << 20)
#define KICK_SIGNAL		SIGUSR1
#define KICK_AGAIN_NS		(10 * 1000 * 1000)

/* Each vCPU starts with a stack below the guest, if there is room. */
#define STACK_16		0x400
#define STACK			0x1000
/* Interrupt vectors and BIOS data area, where real-mode code expects them. */
#define STACKS_FLOOR_16		0x500

/*
 * A large page of the host's can be one of the guest's only if both begin at a
 * multiple of its size: then some hundred pages cost one EPT violation.
 */
static void *map_aligned(__u64 size)
{
	void *area = mmap(NULL, size + LARGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned long from = (unsigned long)area;
	unsigned long start = (from + LARGE_PAGE - 1) & -LARGE_PAGE;

	if (area == MAP_FAILED)
		return area;
	if (start > from)
		munmap(area, start - from);
	munmap((void *)(start + size), from + LARGE_PAGE - start);
	return (void *)start;
}

void machine_add_memory(struct machine *m)
{
	__u64 size = m->options->memory;

	m->memory = map_aligned(size);
	if (m->memory == MAP_FAILED)
		fatal_err("cannot have %llu bytes for the guest: %s; give less --memory",
			  size, strerror(errno));
	if (vmm_vm_add_memory(&m->vm, 0, 0, m->memory, size, 0))
		fatal_err("%s", vmm_error());
}

static void load_guest(struct machine *m)
{
	const struct options *o = m->options;
	char *to = (char *)m->memory + o->load;
	__u64 room = o->memory - o->load, size = 0;
	char one_more;
	ssize_t n;
	int fd;

	fd = open(o->guest, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fatal_err("cannot open guest %s: %s; check the path",
			  o->guest, strerror(errno));
	/* Not by its size: the file may be a pipe. */
	for (;;) {
		n = read(fd, size < room ? to + size : &one_more,
			 size < room ? room - size : 1);
		if (n < 0)
			fatal_err("cannot read guest %s: %s; give a flat binary",
				  o->guest, strerror(errno));
		if (!n)
			break;
		if (size == room)
			fatal_err("guest %s does not fit in memory: only %llu bytes from 0x%llx on; give more --memory",
				  o->guest, room, o->load);
		size += n;
	}
	close(fd);
	if (!size)
		fatal_err("guest %s is empty; give a flat binary", o->guest);
}

static __u64 stack_of(const struct options *o, unsigned int id)
{
	__u64 size = o->mode == VMM_MODE_16 ? STACK_16 : STACK;
	__u64 floor, top = o->load;

	switch (o->mode) {
	case VMM_MODE_16:
		floor = STACKS_FLOOR_16;
		/* SP counts from the segment's start. */
		if (top >= 0x10000)
			return 0;
		break;
	case VMM_MODE_32:
		floor = VMM_TABLES_END_32;
		break;
	default:
		floor = VMM_TABLES_END_64;
	}
	top &= ~15ULL;
	if (top < floor + size * o->cpus)
		return 0;
	return top - size * id;
}

void machine_add_cpus(struct machine *m)
{
	const struct options *o = m->options;
	unsigned int i, max = vmm_max_vcpus(&m->vmm);

	if (o->cpus > max)
		fatal_err("--cpus %u is more than the %u that %s allows; give fewer",
			  o->cpus, max, o->device);
	m->cpus = calloc(o->cpus, sizeof(*m->cpus));
	if (!m->cpus)
		fatal_err("no memory for %u vCPUs; give fewer --cpus",
			  o->cpus);
	m->vm.cpus = o->cpus;
	for (i = 0; i < o->cpus; i++) {
		m->cpus[i].machine = m;
		if (vmm_vcpu_create(&m->cpus[i].vcpu, &m->vm, i))
			fatal_err("%s", vmm_error());
	}
	m->running = o->cpus;
}

/* All vCPUs start at once, and tell themselves apart by what RDI holds. */
static void set_start_states(struct machine *m)
{
	const struct options *o = m->options;
	struct vmm_start start = {
		.mode = o->mode,
		.entry = o->entry,
		.rsi = o->cpus,
		.rdx = o->memory,
	};
	unsigned int i;

	for (i = 0; i < o->cpus; i++) {
		start.rdi = i;
		start.stack = stack_of(o, i);
		if (vmm_vcpu_start_state(&m->cpus[i].vcpu, &start))
			fatal_err("%s", vmm_error());
	}
}

/* A byte that the guest sent. */
static void serial_output(void *context, unsigned char byte)
{
	struct machine *m = context;

	while (write(STDOUT_FILENO, &byte, 1) != 1) {
		if (errno == EINTR && !atomic_load(&m->ending))
			continue;
		if (errno == EINTR)
			return;
		if (errno == EAGAIN) {
			/* Somebody made our output non-blocking. */
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
			if (!atomic_load(&m->ending))
				continue;
			return;
		}
		/* A reader that went away ends us as it ends any filter. */
		if (errno == EPIPE)
			machine_end(m, 0, SIGPIPE);
		else if (machine_end(m, STATUS_GUEST_BROKE, 0))
			print_info("cannot write the guest's output: %s; check where standard output goes",
				   strerror(errno));
		return;
	}
	message_output(byte);
}

static void serial_room(void *context)
{
	machine_wake(context);
}

static void exit_written(void *context, __u64 value)
{
	struct machine *m = context;

	if (value <= EXIT_STATUS_MAX)
		machine_end(m, (int)value, 0);
	else if (machine_end(m, STATUS_GUEST_BROKE, 0))
		print_info("the guest wrote 0x%llx to the exit port; an exit status is 0 to %d",
			   value, EXIT_STATUS_MAX);
}

static void create_devices(struct machine *m)
{
	serial_init(&m->serial, serial_output, serial_room, m);
	bus_add(&m->bus, &m->serial.device);
	exit_port_init(&m->exit_port, exit_written, m);
	bus_add(&m->bus, &m->exit_port.device);
	test_device_init(&m->test_device);
	bus_add(&m->bus, &m->test_device.device);
	if (m->options->pc)
		kernel_add_devices(m);
}

static void create_binary(struct machine *m)
{
	machine_add_memory(m);
	load_guest(m);
	vmm_write_tables(m->memory, m->options->mode);
	machine_add_cpus(m);
	set_start_states(m);
}

void machine_create(struct machine *machine, const struct options *options)
{
	memset(machine, 0, sizeof(*machine));
	machine->options = options;
	pthread_mutex_init(&machine->lock, NULL);
	machine->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (machine->event < 0)
		fatal_err("cannot create an eventfd: %s; raise the limit of open files",
			  strerror(errno));
	if (vmm_open(&machine->vmm, options->device) ||
	    vmm_vm_create(&machine->vm, &machine->vmm))
		fatal_err("%s", vmm_error());
	if (options->restore)
		restore_create(machine);
	else if (options->kernel)
		kernel_create(machine);
	else
		create_binary(machine);
	create_devices(machine);
	if (options->restore)
		restore_machine(machine);
}

static void kicked(int signal)
{
	/* Being interrupted is all that it is for. */
	(void)signal;
}

void machine_start(struct machine *machine)
{
	struct sigaction action = { .sa_handler = kicked };
	unsigned int i;
	int err;

	sigaction(KICK_SIGNAL, &action, NULL);
	for (i = 0; i < machine->options->cpus; i++) {
		err = pthread_create(&machine->cpus[i].thread, NULL, cpu_run,
				     &machine->cpus[i]);
		if (err)
			fatal_err("cannot create a thread for vCPU %u: %s; give fewer --cpus",
				  i, strerror(err));
	}
}

void machine_wake(struct machine *machine)
{
	__u64 one = 1;
	ssize_t n;

	/* It can fail only when it is so full that a wake-up is due anyway. */
	n = write(machine->event, &one, sizeof(one));
	(void)n;
}

/* What comes after the run. */
enum after { AFTER_END, AFTER_RESET, AFTER_SAVE };

static bool end(struct machine *m, int status, int signal, enum after after)
{
	bool first;

	pthread_mutex_lock(&m->lock);
	first = !atomic_load(&m->ending);
	if (first) {
		m->status = status;
		m->signal = signal;
		m->reset = after == AFTER_RESET;
		atomic_store(&m->saving, after == AFTER_SAVE);
		atomic_store(&m->ending, true);
	}
	pthread_mutex_unlock(&m->lock);
	machine_wake(m);
	return first;
}

bool machine_end(struct machine *machine, int status, int signal)
{
	return end(machine, status, signal, AFTER_END);
}

void machine_reset(struct machine *machine)
{
	end(machine, 0, 0, AFTER_RESET);
}

void machine_save(struct machine *machine)
{
	end(machine, 0, 0, AFTER_SAVE);
}

/*
 * A thread may be in the guest, in write() to a full pipe, or just about to
 * enter either: kick until it is gone.
 */
static void stop_cpu(struct cpu *cpu)
{
	struct timespec until;

	do {
		vmm_vcpu_kick(&cpu->vcpu);
		pthread_kill(cpu->thread, KICK_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += KICK_AGAIN_NS;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(cpu->thread, NULL, &until));
}

void machine_stop(struct machine *machine)
{
	unsigned int i;

	for (i = 0; i < machine->options->cpus; i++)
		stop_cpu(&machine->cpus[i]);
}

void machine_finish(struct machine *machine)
{
	unsigned int i;

	for (i = 0; i < machine->options->cpus; i++)
		vmm_vcpu_destroy(&machine->cpus[i].vcpu);
	free(machine->cpus);
	vmm_vm_destroy(&machine->vm);
	vmm_close(&machine->vmm);
	munmap(machine->memory, machine->options->memory);
	close(machine->event);
}
