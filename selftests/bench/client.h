/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plain client of bench.c: one VM, one vCPU, one slot of memory. On demand
 * the kernel's interrupt controllers, with a second vCPU that halts.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <linux/minivmm.h>

#define MEMORY_SIZE	(16UL << 20)
#define PML4_GPA	0x1000UL
#define PDPT_GPA	0x2000UL
#define GDT_GPA		0x3000UL
#define IDT_GPA		0x5000UL
#define NOTE_GPA	0xf000UL	/* see guests.h */
#define NOTE_SIZE	12
#define CODE_GPA	0x4000UL
#define TABLE_GPA	0x10000UL
#define FRESH_GPA	0x200000UL	/* pages that only the EPT row touches */
#define AREA_GPA	0x10000000UL	/* memory to be faulted in */
#define AREA_SIZE	(64UL << 20)
#define MMIO_GPA	0x3f000000UL	/* mapped by the guest, no slot there */

/* Where guests with interrupts have their handler, and the second vCPU's code. */
#define HANDLER		0x10
#define SECOND		0x80
#define VECTOR		0x60

struct client {
	int vm, vcpu;
	int second;			/* a vCPU, or -1 */
	struct minivmm_run *run;
	unsigned char *memory;
};

int client_open_device(const char *path);
void client_close_device(void);
/* @vcpus: with the kernel's interrupt controllers that many; 0: one, without them. */
void client_create(struct client *client, const unsigned char *code,
		   const unsigned char *code_end, int vcpus);
void client_add_area(struct client *client, int advice);
void client_start_guest(struct client *client, unsigned int operations);
void client_run(struct client *client, __u32 exit_reason);
void client_destroy(struct client *client);

#endif
