// SPDX-License-Identifier: GPL-2.0-only
/*
 * minivmm-run: runs a flat binary or a Linux kernel as a virtual machine.
 *
 * The order of the chapters: options.c (the command line), machine.c (memory,
 * vCPUs and devices), kernel.c with ../boot (what a kernel finds), cpu.c (a
 * vCPU's thread), bus.c with serial.c, exit_port.c, test_device.c, cmos.c and
 * power.c (the devices), save.c (a guest in a file), console.c and terminal.c
 * (the keyboard), check.c (can this machine do it at all). What talks to the
 * hypervisor is in ../lib.
 */
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

#include "check.h"
#include "console.h"
#include "machine.h"
#include "message.h"
#include "options.h"
#include "save.h"

static void tell_unclaimed(const struct machine *m)
{
	/*
	 * Under --strict it was told when it happened. A kernel looks for all
	 * kinds of devices, and means no mistake.
	 */
	if (!m->unclaimed || m->options->strict || m->options->pc)
		return;
	print_info("no device answered %lu of the guest's accesses (reads gave all ones, writes were dropped); first: %s; --strict stops there",
		   m->unclaimed, m->first_unclaimed);
}

/* Dies of @sig as a process does that never caught it. */
static void die_by(int sig)
{
	struct rlimit no_core = { 0 };
	sigset_t set;

	/* Nothing crashed, so SIGQUIT's core dump would show nothing. */
	setrlimit(RLIMIT_CORE, &no_core);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	struct options options;
	struct machine machine;
	struct console console;

	options_parse(&options, argc, argv);
	if (options.check)
		return check_machine(options.device);
	if (options.restore)
		restore_options(&options);

	machine_create(&machine, &options);
	console_init(&console, &machine);
	for (;;) {
		machine_start(&machine);
		console_run(&console);
		machine_stop(&machine);
		if (atomic_load(&machine.saving) && !save_machine(&machine))
			machine.status = STATUS_GUEST_BROKE;
		machine_finish(&machine);
		if (!machine.reset)
			break;
		/* From scratch: nothing of the last run is left. */
		machine_create(&machine, &options);
	}
	tell_unclaimed(&machine);
	if (machine.signal)
		die_by(machine.signal);
	return machine.status;
}
