/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands around the launcher when its start is fuzzed (launch.c): its
 * messages are checked and not printed, and what it asks of the hypervisor is
 * only noted.
 */
#ifndef FUZZ_LAUNCH_HOST_H
#define FUZZ_LAUNCH_HOST_H

#include <setjmp.h>

#include <linux/minivmm.h>

/* Where fatal_err() goes. */
extern jmp_buf launch_end;

/* What the last vCPU was given. */
extern struct minivmm_regs launch_regs;
extern struct minivmm_sregs launch_sregs;

#endif
