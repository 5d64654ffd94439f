/* SPDX-License-Identifier: GPL-2.0-only */
/* The plain client of bench.c: one VM, one vCPU, one slot of memory. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <linux/minivmm.h>

#define MEMORY_SIZE	(16UL << 20)
#define PML4_GPA	0x1000UL
#define PDPT_GPA	0x2000UL
#define CODE_GPA	0x4000UL
#define TABLE_GPA	0x10000UL
#define FRESH_GPA	0x200000UL	/* pages that only the EPT row touches */
#define AREA_GPA	0x10000000UL	/* memory to be faulted in */
#define AREA_SIZE	(64UL << 20)
#define MMIO_GPA	0x3f000000UL	/* mapped by the guest, no slot there */

struct client {
	int vm, vcpu;
	struct minivmm_run *run;
	unsigned char *memory;
};

int client_open_device(const char *path);
void client_close_device(void);
void client_create(struct client *client, const unsigned char *code,
		   const unsigned char *code_end);
void client_add_area(struct client *client, int advice);
void client_start_guest(struct client *client, unsigned int operations);
void client_run(struct client *client, __u32 exit_reason);
void client_destroy(struct client *client);

#endif
