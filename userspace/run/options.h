/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the command line says, checked.
 */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include <stdbool.h>

#include <libminivmm.h>

/**
 * struct options - the command line
 * @guest: path of the flat binary, or NULL
 * @kernel: path of the kernel to boot instead, or NULL
 * @initrd: path of its initial file system, or NULL
 * @append: its command line
 * @no_reboot: a guest that resets itself ends the run
 * @save: where to write the guest's state when asked to, or NULL
 * @restore: a saved state to go on with, or NULL
 * @pc: the machine has what a kernel needs, not only what a flat binary does
 * @device: path of the hypervisor device
 * @mode: mode in which the guest starts
 * @load: gpa to which the binary is loaded
 * @entry: gpa of its first instruction
 * @memory: bytes of guest memory, from gpa 0 on
 * @cpus: number of vCPUs
 * @trace: print each exit
 * @strict: stop at an access that no device answers
 * @check: do not run a guest, see whether this machine could
 */
struct options {
	const char *guest;
	const char *kernel;
	const char *initrd;
	const char *append;
	bool no_reboot;
	const char *save;
	const char *restore;
	bool pc;
	const char *device;
	enum vmm_mode mode;
	__u64 load;
	__u64 entry;
	__u64 memory;
	unsigned int cpus;
	bool trace;
	bool strict;
	bool check;
};

/**
 * options_parse - read the command line
 * @options: filled in
 * @argc: of main()
 * @argv: of main()
 *
 * Does not return for --help and --version, nor for a command line that is
 * wrong: those print what there is to say and exit.
 */
void options_parse(struct options *options, int argc, char **argv);

/**
 * options_fit_kernel - could these have been given for a kernel
 * @memory: bytes
 * @cpus: number of vCPUs
 */
bool options_fit_kernel(__u64 memory, unsigned int cpus);

#endif /* RUN_OPTIONS_H */
