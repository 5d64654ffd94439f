// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client that bench.c times: it does what any launcher does, and stops at
 * the first error, for a figure from a failed call is worth nothing.
 *
 * Guest memory is present and made of 4 KiB pages before the VM is created, so
 * that a first touch costs the hypervisor's work and not the page allocator's,
 * and both hypervisors map pages of the same size.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

#define CR0_LONG	0x80050033UL	/* PG AM WP NE ET MP PE */
#define CR4_LONG	0x20UL		/* PAE */
#define EFER_LONG	0x500UL		/* LMA LME */
#define LARGE_PAGE	0x200000UL
#define CPUID_ENTRIES	100
#define CPUID_X2APIC	(1u << 21)
#define CPUID_DEADLINE	(1u << 24)

static int device = -1;
static size_t run_size;
static unsigned char *guest_memory;
static struct minivmm_cpuid2 *cpuid;

static void get_cpuid(void)
{
	unsigned int i;

	if (!cpuid)
		cpuid = calloc(1, sizeof(*cpuid) +
			       CPUID_ENTRIES * sizeof(cpuid->entries[0]));
	if (!cpuid)
		err(1, "calloc");
	cpuid->nent = CPUID_ENTRIES;
	if (ioctl(device, MINIVMM_GET_SUPPORTED_CPUID, cpuid))
		err(1, "GET_SUPPORTED_CPUID");
	/* With the kernel's local APIC these are there too; it does not say so. */
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= CPUID_X2APIC | CPUID_DEADLINE;
}

int client_open_device(const char *path)
{
	int size;

	device = open(path, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -1;
	size = ioctl(device, MINIVMM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		err(1, "%s: GET_VCPU_MMAP_SIZE", path);
	run_size = size;
	get_cpuid();
	if (!guest_memory) {
		guest_memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (guest_memory == MAP_FAILED)
			err(1, "mmap of guest memory");
		madvise(guest_memory, MEMORY_SIZE, MADV_NOHUGEPAGE);
	}
	memset(guest_memory, 0, MEMORY_SIZE);
	return 0;
}

void client_close_device(void)
{
	close(device);
	device = -1;
}

static void set_segment(struct minivmm_segment *segment, int type, int l)
{
	memset(segment, 0, sizeof(*segment));
	segment->selector = l ? 8 : 16;
	segment->limit = 0xffffffff;
	segment->type = type;
	segment->present = 1;
	segment->s = 1;
	segment->g = 1;
	segment->l = l;
	segment->db = !l;
}

/* Page tables, and an interrupt gate for the one vector that guests use. */
static void build_tables(unsigned char *memory)
{
	__u64 *pdpt = (__u64 *)(memory + PDPT_GPA);
	__u64 *gdt = (__u64 *)(memory + GDT_GPA);
	__u64 *gate = (__u64 *)(memory + IDT_GPA + VECTOR * 16);

	*(__u64 *)(memory + PML4_GPA) = PDPT_GPA | 3;
	pdpt[0] = 0x83;
	pdpt[3] = 0xc0000083;		/* the I/O APIC, uncached or not */
	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	gate[0] = (CODE_GPA + HANDLER) | 8 << 16 | 0x8eULL << 40;
	gate[1] = 0;
}

static void enter_long_mode(int vcpu)
{
	struct minivmm_sregs sregs;

	if (ioctl(vcpu, MINIVMM_GET_SREGS, &sregs))
		err(1, "GET_SREGS");
	set_segment(&sregs.cs, 11, 1);
	set_segment(&sregs.ds, 3, 0);
	sregs.es = sregs.ds;
	sregs.fs = sregs.ds;
	sregs.gs = sregs.ds;
	sregs.ss = sregs.ds;
	sregs.gdt.base = GDT_GPA;
	sregs.gdt.limit = 0x17;
	sregs.idt.base = IDT_GPA;
	sregs.idt.limit = 0xfff;
	sregs.cr0 = CR0_LONG;
	sregs.cr3 = PML4_GPA;
	sregs.cr4 = CR4_LONG;
	sregs.efer = EFER_LONG;
	if (ioctl(vcpu, MINIVMM_SET_SREGS, &sregs))
		err(1, "SET_SREGS");
}

/* Sets the registers that guests.h promises to a guest at its start. */
void client_start_guest(struct client *client, unsigned int operations)
{
	struct minivmm_regs regs = {
		.rip = CODE_GPA, .rflags = 2, .rsp = CODE_GPA,
		.rbx = MMIO_GPA, .rdi = TABLE_GPA, .rbp = operations,
		.r8 = CR0_LONG, .r10 = CR4_LONG, .r11 = 5,
		/* a part of its own for each number of operations */
		.r9 = FRESH_GPA + operations * 4096UL,
	};

	if (ioctl(client->vcpu, MINIVMM_SET_REGS, &regs))
		err(1, "SET_REGS");
}

static int create_vcpu(struct client *client, unsigned long id)
{
	int vcpu = ioctl(client->vm, MINIVMM_CREATE_VCPU, id);

	if (vcpu < 0)
		err(1, "CREATE_VCPU");
	if (ioctl(vcpu, MINIVMM_SET_CPUID2, cpuid))
		err(1, "SET_CPUID2");
	enter_long_mode(vcpu);
	return vcpu;
}

static void create_second(struct client *client)
{
	struct minivmm_regs regs = {
		.rip = CODE_GPA + SECOND, .rflags = 2, .rsp = CODE_GPA - 0x400,
	};
	struct minivmm_mp_state runnable = { MINIVMM_MP_STATE_RUNNABLE };

	client->second = create_vcpu(client, 1);
	if (ioctl(client->second, MINIVMM_SET_MP_STATE, &runnable))
		err(1, "SET_MP_STATE");
	if (ioctl(client->second, MINIVMM_SET_REGS, &regs))
		err(1, "SET_REGS");
}

void client_create(struct client *client, const unsigned char *code,
		   const unsigned char *code_end, int vcpus)
{
	struct minivmm_userspace_memory_region region = {
		.memory_size = MEMORY_SIZE,
		.userspace_addr = (unsigned long)guest_memory,
	};

	client->memory = guest_memory;
	memcpy(client->memory + CODE_GPA, code, code_end - code);
	client->vm = ioctl(device, MINIVMM_CREATE_VM, 0);
	if (client->vm < 0)
		err(1, "CREATE_VM");
	if (ioctl(client->vm, MINIVMM_SET_USER_MEMORY_REGION, &region))
		err(1, "SET_USER_MEMORY_REGION");
	memset(client->memory + NOTE_GPA, 0, NOTE_SIZE);
	if (vcpus && ioctl(client->vm, MINIVMM_CREATE_IRQCHIP, 0))
		err(1, "CREATE_IRQCHIP");
	client->second = -1;
	build_tables(client->memory);
	client->vcpu = create_vcpu(client, 0);
	client->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   client->vcpu, 0);
	if (client->run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	client_start_guest(client, 1);
	if (vcpus > 1)
		create_second(client);
}

/* Memory for the rows that fault it in: present, in pages as @advice says. */
void client_add_area(struct client *client, int advice)
{
	static unsigned char *area;
	struct minivmm_userspace_memory_region region = {
		.slot = 1, .guest_phys_addr = AREA_GPA, .memory_size = AREA_SIZE,
	};

	if (area)
		munmap(area, AREA_SIZE + LARGE_PAGE);
	area = mmap(NULL, AREA_SIZE + LARGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		err(1, "mmap of guest memory");
	region.userspace_addr = ((unsigned long)area + LARGE_PAGE - 1) & -LARGE_PAGE;
	madvise(area, AREA_SIZE + LARGE_PAGE, advice);
	memset((void *)region.userspace_addr, 0, AREA_SIZE);
	if (ioctl(client->vm, MINIVMM_SET_USER_MEMORY_REGION, &region))
		err(1, "SET_USER_MEMORY_REGION");
}

void client_run(struct client *client, __u32 exit_reason)
{
	if (ioctl(client->vcpu, MINIVMM_RUN, 0))
		err(1, "RUN");
	if (client->run->exit_reason != exit_reason)
		errx(1, "RUN: exit reason %u, not %u",
		     client->run->exit_reason, exit_reason);
}

void client_destroy(struct client *client)
{
	munmap(client->run, run_size);
	if (client->second >= 0)
		close(client->second);
	close(client->vcpu);
	close(client->vm);
}
