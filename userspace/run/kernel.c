// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine for an operating system's kernel: interrupt controllers and timer
 * in the hypervisor, a clock, a switch to turn it off, and vCPUs of which only
 * the first starts by itself.
 *
 * What goes where in memory is ../boot's business, which sees neither files nor
 * the hypervisor. Read next: ../boot/boot.h, then cpu.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../boot/boot.h"
#include "../boot/platform.h"
#include "machine.h"
#include "message.h"

/* A file's contents: mapped or, if it is a pipe, read. */
struct contents {
	__u8 *bytes;
	size_t size;
	bool mapped;
};

static void read_pipe(int fd, const char *what, const char *path,
		      struct contents *contents)
{
	size_t room = 0;
	__u8 *more;
	ssize_t n;

	for (;;) {
		if (contents->size == room) {
			room = room ? 2 * room : 1 << 20;
			more = realloc(contents->bytes, room);
			if (!more)
				fatal_err("no memory for %s %s; give a smaller one",
					  what, path);
			contents->bytes = more;
		}
		n = read(fd, contents->bytes + contents->size,
			 room - contents->size);
		if (n < 0)
			fatal_err("cannot read %s %s: %s; give a file", what,
				  path, strerror(errno));
		if (!n)
			return;
		contents->size += (size_t)n;
	}
}

static void take_file(const char *what, const char *path,
		      struct contents *contents)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		fatal_err("cannot open %s %s: %s; check the path", what, path,
			  strerror(errno));
	memset(contents, 0, sizeof(*contents));
	if (S_ISREG(st.st_mode) && st.st_size) {
		contents->size = (size_t)st.st_size;
		contents->bytes = mmap(NULL, contents->size, PROT_READ,
				       MAP_PRIVATE, fd, 0);
		if (contents->bytes == MAP_FAILED)
			fatal_err("cannot map %s %s: %s; free some memory",
				  what, path, strerror(errno));
		contents->mapped = true;
	} else {
		read_pipe(fd, what, path, contents);
	}
	close(fd);
	if (!contents->size)
		fatal_err("%s %s is empty; check the path", what, path);
}

static void drop_file(struct contents *contents)
{
	if (contents->mapped)
		munmap(contents->bytes, contents->size);
	else
		free(contents->bytes);
}

/* Fills guest memory; says in @start how vCPU 0 begins. */
static void load_kernel(struct machine *m, struct vmm_start *start)
{
	const struct options *o = m->options;
	struct contents kernel, initrd = { 0 };
	struct boot boot = {
		.memory = m->memory,
		.size = o->memory,
		.cmdline = o->append,
		.cpus = o->cpus,
	};
	bool loaded;

	take_file("kernel", o->kernel, &kernel);
	boot.kernel = kernel.bytes;
	boot.kernel_size = kernel.size;
	if (o->initrd) {
		take_file("initrd", o->initrd, &initrd);
		boot.initrd = initrd.bytes;
		boot.initrd_size = initrd.size;
	}
	loaded = boot_load(&boot);
	drop_file(&kernel);
	drop_file(&initrd);
	if (!loaded)
		fatal_err("cannot boot %s: %s", o->kernel, boot.error);
	*start = (struct vmm_start){
		.mode = boot.long_mode ? VMM_MODE_64 : VMM_MODE_32,
		.boot = true,
		.entry = boot.entry,
		.rbx = boot.rbx,
		.rsi = boot.rsi,
	};
	vmm_write_tables(m->memory, start->mode);
}

void kernel_create(struct machine *m)
{
	struct vmm_start start;

	machine_add_memory(m);
	load_kernel(m, &start);
	if (vmm_vm_create_irqchip(&m->vm))
		fatal_err("%s", vmm_error());
	machine_add_cpus(m);
	/* The others wait in the hypervisor until the kernel starts them. */
	if (vmm_vcpu_start_state(&m->cpus[0].vcpu, &start))
		fatal_err("%s", vmm_error());
}

static void serial_interrupt(void *context, bool level)
{
	struct machine *m = context;

	if (vmm_vm_irq_line(&m->vm, SERIAL_IRQ, level) &&
	    machine_end(m, STATUS_GUEST_BROKE, 0))
		print_info("%s", vmm_error());
}

static void power_asked(void *context, enum power_event event)
{
	struct machine *m = context;

	if (event == POWER_RESET && !m->options->no_reboot)
		machine_reset(m);
	else
		machine_end(m, 0, 0);
}

static __u64 nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

static long long seconds(void)
{
	return time(NULL);
}

void kernel_add_devices(struct machine *m)
{
	m->serial.interrupt = serial_interrupt;
	cmos_init(&m->cmos, m->options->memory, seconds);
	bus_add(&m->bus, &m->cmos.device);
	power_init(&m->power, power_asked, nanoseconds, m);
	power_add(&m->power, &m->bus);
}
