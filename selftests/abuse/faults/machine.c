// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VM may have besides vCPUs and plain memory, with each allocation and each
 * copy failing in turn: interrupt controllers, routes, eventfds, zones of
 * collected writes, MSR filters, dirty logs. Then all that is saved and restored.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "eventfd.h"
#include "inject.h"
#include "irq.h"
#include "ktap.h"
#include "module.h"

#define ROUTES		40	/* more than fit a small allocation */
#define LOG_GPA		0x40000000ULL
#define LOG_SIZE	0x200000UL
#define LOG_PAGES	(LOG_SIZE / 4096)

static struct vm *vm;
static struct vcpu *vcpu;
static uint8_t *memory;
static uint64_t bitmap[LOG_PAGES / 64];
static int target, event, resample;
static unsigned long request;
static union {
	uint8_t bytes[16384];
	struct minivmm_enable_cap cap;
	struct minivmm_irq_routing routing;
	struct minivmm_irqfd irqfd;
	struct minivmm_ioeventfd ioeventfd;
	struct minivmm_coalesced_mmio_zone zone;
	struct minivmm_msr_filter filter;
	struct minivmm_userspace_memory_region region;
	struct minivmm_dirty_log log;
	struct minivmm_clear_dirty_log clear;
} argument;

static long call_it(void)
{
	return ioctl(target, request, &argument);
}

/* ---- what is created ---- */

static void clear_argument(void)
{
	memset(&argument, 0, sizeof(argument));
}

static void plain_vm(void)
{
	clear_argument();
	vm = vm_create();
	target = vm->fd;
}

static void chips_vm(void)
{
	plain_vm();
	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
}

/* What has failed leaves nothing behind that it would stumble over. */
static void again_and_free(long value)
{
	if (value == -1)
		EXPECT_OK(call_it());
	vm_free(vm);
}

static long create_vcpu(void)
{
	return ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0);
}

static void again_and_close(long value)
{
	if (value == -1)
		value = create_vcpu();
	EXPECT_TRUE(value > 2);
	close(value);
	vm_free(vm);
}

static void split(void)
{
	plain_vm();
	argument.cap.cap = MINIVMM_CAP_SPLIT_IRQCHIP;
	argument.cap.args[0] = 24;
}

static void routes(void)
{
	chips_vm();
	argument.routing.nr = ROUTES;
	for (unsigned int i = 0; i < ROUTES; i++) {
		argument.routing.entries[i].gsi = i;
		argument.routing.entries[i].type = MINIVMM_IRQ_ROUTING_MSI;
		argument.routing.entries[i].u.msi.address_lo = 0xfee00000;
		argument.routing.entries[i].u.msi.data = 0x40 + i;
	}
}

static void an_irqfd(void)
{
	chips_vm();
	argument.irqfd = (struct minivmm_irqfd){ .fd = event, .gsi = 5 };
}

static void an_irqfd_with_resample(void)
{
	an_irqfd();
	argument.irqfd.flags = MINIVMM_IRQFD_FLAG_RESAMPLE;
	argument.irqfd.resamplefd = resample;
}

static void no_irqfd(void)
{
	an_irqfd_with_resample();
	ASSERT_OK(ioctl(vm->fd, MINIVMM_IRQFD, &argument));
	argument.irqfd.flags = MINIVMM_IRQFD_FLAG_DEASSIGN;
}

static void an_ioeventfd(void)
{
	plain_vm();
	argument.ioeventfd = (struct minivmm_ioeventfd){
		.fd = event, .addr = 0x10000000, .len = 0,
	};
}

static void a_port_eventfd(void)
{
	an_ioeventfd();
	argument.ioeventfd.addr = 0x1f0;
	argument.ioeventfd.len = 2;
	argument.ioeventfd.flags = MINIVMM_IOEVENTFD_FLAG_PIO;
}

static void no_ioeventfd(void)
{
	an_ioeventfd();
	ASSERT_OK(ioctl(vm->fd, MINIVMM_IOEVENTFD, &argument));
	argument.ioeventfd.flags = MINIVMM_IOEVENTFD_FLAG_DEASSIGN;
}

static void a_zone(void)
{
	plain_vm();
	argument.zone = (struct minivmm_coalesced_mmio_zone){ .addr = 0xa0000, .size = 0x100 };
}

static void no_zone(void)
{
	a_zone();
	ASSERT_OK(ioctl(vm->fd, MINIVMM_REGISTER_COALESCED_MMIO, &argument));
}

static void a_filter(void)
{
	static uint8_t bits[256];

	plain_vm();
	argument.filter.flags = MINIVMM_MSR_FILTER_DEFAULT_DENY;
	for (unsigned int i = 0; i < MINIVMM_MSR_FILTER_MAX_RANGES; i++)
		argument.filter.ranges[i] = (struct minivmm_msr_filter_range){
			.flags = 3, .base = i << 12, .nmsrs = 8 * sizeof(bits), .bitmap = bits,
		};
}

static void a_logged_slot(void)
{
	plain_vm();
	argument.region = (struct minivmm_userspace_memory_region){
		.slot = 1, .flags = MINIVMM_MEM_LOG_DIRTY_PAGES, .guest_phys_addr = LOG_GPA,
		.memory_size = LOG_SIZE, .userspace_addr = (uintptr_t)memory,
	};
}

static void log_switched_on(void)
{
	a_logged_slot();
	ASSERT_OK(vm_set_slot(vm, 1, 0, LOG_GPA, LOG_SIZE, memory));
}

static void a_log(void)
{
	a_logged_slot();
	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, &argument));
	argument.log = (struct minivmm_dirty_log){ .slot = 1, .dirty_bitmap = bitmap };
}

static void a_log_to_clear(void)
{
	struct minivmm_enable_cap manual = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = { MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
			  MINIVMM_DIRTY_LOG_INITIALLY_SET },
	};

	a_logged_slot();
	ASSERT_OK(ioctl(vm->fd, MINIVMM_ENABLE_CAP, &manual));
	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, &argument));
	argument.clear = (struct minivmm_clear_dirty_log){
		.slot = 1, .num_pages = LOG_PAGES, .dirty_bitmap = bitmap,
	};
	memset(bitmap, 0xff, sizeof(bitmap));
}

struct creation {
	const char *name;
	unsigned long request;
	void (*before)(void);
};

static void try_creations(const struct creation *creations, unsigned int count,
			  void (*after)(long value))
{
	long references;

	setup_faults();
	references = module_references();
	event = new_eventfd();
	resample = new_eventfd();
	memory = mmap(NULL, LOG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
	for (unsigned int i = 0; i < count; i++) {
		const struct subject subject = {
			.name = creations[i].name, .before = creations[i].before,
			.call = call_it, .after = after, .errors = no_memory_or_fault,
		};

		request = creations[i].request;
		try_all(&subject);
	}
	expect_nothing_stays(references);
}

#define TRY_CREATIONS(creations, after) \
	try_creations(creations, sizeof(creations) / sizeof((creations)[0]), after)

TEST(interrupt_controllers)
{
	static const struct creation creations[] = {
		{ "CREATE_IRQCHIP", MINIVMM_CREATE_IRQCHIP, plain_vm },
		{ "split irqchip", MINIVMM_ENABLE_CAP, split },
		{ "CREATE_PIT2", MINIVMM_CREATE_PIT2, chips_vm },
		{ "SET_GSI_ROUTING", MINIVMM_SET_GSI_ROUTING, routes },
	};

	TRY_CREATIONS(creations, again_and_free);
}

TEST(vcpu_with_a_local_apic)
{
	const struct subject subject = {
		.name = "CREATE_VCPU", .before = chips_vm, .call = create_vcpu,
		.after = again_and_close, .errors = no_memory,
	};
	long references;

	setup_faults();
	references = module_references();
	try_all(&subject);
	expect_nothing_stays(references);
}

TEST(eventfds_and_zones)
{
	static const struct creation creations[] = {
		{ "IRQFD", MINIVMM_IRQFD, an_irqfd },
		{ "IRQFD with resampling", MINIVMM_IRQFD, an_irqfd_with_resample },
		{ "IRQFD removed", MINIVMM_IRQFD, no_irqfd },
		{ "IOEVENTFD of a port", MINIVMM_IOEVENTFD, a_port_eventfd },
		{ "IOEVENTFD of any length", MINIVMM_IOEVENTFD, an_ioeventfd },
		{ "IOEVENTFD removed", MINIVMM_IOEVENTFD, no_ioeventfd },
		{ "zone", MINIVMM_REGISTER_COALESCED_MMIO, a_zone },
		{ "zone removed", MINIVMM_UNREGISTER_COALESCED_MMIO, no_zone },
	};

	TRY_CREATIONS(creations, again_and_free);
}

TEST(filters_and_dirty_logs)
{
	static const struct creation creations[] = {
		{ "X86_SET_MSR_FILTER", MINIVMM_X86_SET_MSR_FILTER, a_filter },
		{ "slot with a dirty log", MINIVMM_SET_USER_MEMORY_REGION, a_logged_slot },
		{ "dirty log switched on", MINIVMM_SET_USER_MEMORY_REGION, log_switched_on },
		{ "GET_DIRTY_LOG", MINIVMM_GET_DIRTY_LOG, a_log },
		{ "CLEAR_DIRTY_LOG", MINIVMM_CLEAR_DIRTY_LOG, a_log_to_clear },
	};

	TRY_CREATIONS(creations, again_and_free);
}

/* ---- a page that is split because writes to it are logged ---- */

GUEST64(writes_twice,
	"mov $0x40000000, %rbx\n incl (%rbx)\n out %al, $0x10\n"
	"incl 0x1000(%rbx)\n incl 0x5000(%rbx)\n hlt\n");

static void guest_in_a_large_page(void)
{
	vcpu = guest_new(MODE_LONG, writes_twice);
	memset(memory, 0, LOG_SIZE);
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, 0, LOG_GPA, LOG_SIZE, memory));
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(vm_set_slot(vcpu->vm, 1, MINIVMM_MEM_LOG_DIRTY_PAGES, LOG_GPA, LOG_SIZE,
			      memory));
}

static long run(void)
{
	return vcpu_run(vcpu);
}

static void ends_with_all_written(long value)
{
	struct minivmm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	if (value == -1)
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
	EXPECT_EQ(1, memory[0]);
	EXPECT_EQ(1, memory[0x1000]);
	EXPECT_EQ(1, memory[0x5000]);
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1 << 1 | 1 << 5, bitmap[0]);
	guest_free(vcpu);
}

TEST(run_splits_a_large_page)
{
	const struct subject subject = {
		.name = "RUN", .before = guest_in_a_large_page, .call = run,
		.after = ends_with_all_written, .errors = no_memory_or_fault,
	};
	uint8_t *room;
	long references;

	setup_faults();
	references = module_references();
	room = mmap(NULL, 2 * LOG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ASSERT_TRUE(room != MAP_FAILED);
	memory = (uint8_t *)(((uintptr_t)room + LOG_SIZE - 1) & -LOG_SIZE);
	madvise(memory, LOG_SIZE, MADV_HUGEPAGE);
	try_all(&subject);
	expect_nothing_stays(references);
}

/* ---- what is saved and restored ---- */

static unsigned long get_request;

static void saved(void)
{
	clear_argument();
	if (get_request)
		ASSERT_OK(ioctl(target, get_request, &argument));
}

static void try_state(const char *name, int fd, unsigned long get, unsigned long set)
{
	const struct subject load = {
		.name = name, .before = saved, .call = call_it, .errors = no_memory_or_fault,
	};

	target = fd;
	get_request = 0;
	request = get;
	try_all(&load);
	get_request = get;
	request = set;
	try_all(&load);
}

#define TRY_STATE(fd, name) try_state(#name, fd, MINIVMM_GET_##name, MINIVMM_SET_##name)

TEST(state_of_a_vcpu)
{
	long references;

	setup_faults();
	references = module_references();
	vm = irq_vm_create();
	vcpu = irq_guest(vm, "\xf4", 1);
	TRY_STATE(vcpu->fd, LAPIC);
	TRY_STATE(vcpu->fd, XSAVE);
	try_state("XSAVE2", vcpu->fd, MINIVMM_GET_XSAVE2, MINIVMM_SET_XSAVE);
	TRY_STATE(vcpu->fd, XCRS);
	TRY_STATE(vcpu->fd, VCPU_EVENTS);
	TRY_STATE(vcpu->fd, DEBUGREGS);
	TRY_STATE(vcpu->fd, MP_STATE);
	TRY_STATE(vcpu->fd, SREGS2);
	vcpu_free(vcpu);
	vm_free(vm);
	expect_nothing_stays(references);
}

TEST(state_of_a_vm)
{
	struct minivmm_pit_config pit = { 0 };
	long references;

	setup_faults();
	references = module_references();
	vm = irq_vm_create();
	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_PIT2, &pit));
	TRY_STATE(vm->fd, IRQCHIP);
	TRY_STATE(vm->fd, PIT2);
	TRY_STATE(vm->fd, CLOCK);
	vm_free(vm);
	expect_nothing_stays(references);
}
