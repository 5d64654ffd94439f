// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctls: each with what it wants, or with anything, on the right descriptor or
 * on another one; and pointers that lead where they should not.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

/* A read-only page, and one that is not there. */
#define TRAPS		((uint8_t *)0x210000000UL)

static void *make_signal_mask(struct worker *w);
static void *make_numbers(struct worker *w);
static void *make_any(struct worker *w);
static void *make_none(struct worker *w);

/* Those that make the most difference are there more than once. */
static const struct {
	unsigned long request;
	enum fd_kind kind;
	void *(*make)(struct worker *w);
} requests[] = {
	{ MINIVMM_GET_API_VERSION, SYSTEM, make_none },
	{ MINIVMM_CHECK_EXTENSION, SYSTEM, make_any },
	{ MINIVMM_GET_VCPU_MMAP_SIZE, SYSTEM, make_none },
	{ MINIVMM_GET_SUPPORTED_CPUID, SYSTEM, make_numbers },
	{ MINIVMM_GET_EMULATED_CPUID, SYSTEM, make_numbers },
	{ MINIVMM_GET_MSR_INDEX_LIST, SYSTEM, make_list },
	{ MINIVMM_GET_MSR_FEATURE_INDEX_LIST, SYSTEM, make_list },
	{ MINIVMM_GET_MSRS, SYSTEM, make_msrs },
	{ MINIVMM_X86_GET_MCE_CAP_SUPPORTED, SYSTEM, make_numbers },
	{ MINIVMM_GET_DEVICE_ATTR, SYSTEM, make_attribute },
	{ MINIVMM_HAS_DEVICE_ATTR, SYSTEM, make_attribute },

	{ MINIVMM_CHECK_EXTENSION, VM, make_any },
	{ MINIVMM_ENABLE_CAP, VM, make_capability },
	{ MINIVMM_SET_TSC_KHZ, VM, make_tsc_khz },
	{ MINIVMM_GET_TSC_KHZ, VM, make_none },
	{ MINIVMM_SET_USER_MEMORY_REGION, VM, make_region },
	{ MINIVMM_SET_USER_MEMORY_REGION, VM, make_region },
	{ MINIVMM_SET_USER_MEMORY_REGION, VM, make_region },
	{ MINIVMM_SET_USER_MEMORY_REGION, VM, make_region },
	{ MINIVMM_SET_USER_MEMORY_REGION, VM, make_region },
	{ MINIVMM_SET_TSS_ADDR, VM, make_any },
	{ MINIVMM_SET_IDENTITY_MAP_ADDR, VM, make_numbers },
	{ MINIVMM_GET_DIRTY_LOG, VM, make_dirty_log },
	{ MINIVMM_GET_DIRTY_LOG, VM, make_dirty_log },
	{ MINIVMM_CLEAR_DIRTY_LOG, VM, make_clear_log },
	{ MINIVMM_CLEAR_DIRTY_LOG, VM, make_clear_log },
	{ MINIVMM_SET_NR_MMU_PAGES, VM, make_any },
	{ MINIVMM_GET_NR_MMU_PAGES, VM, make_none },
	{ MINIVMM_CREATE_IRQCHIP, VM, make_none },
	{ MINIVMM_IRQ_LINE, VM, make_line },
	{ MINIVMM_IRQ_LINE_STATUS, VM, make_line },
	{ MINIVMM_GET_IRQCHIP, VM, make_irqchip },
	{ MINIVMM_SET_IRQCHIP, VM, make_irqchip },
	{ MINIVMM_REGISTER_COALESCED_MMIO, VM, make_zone },
	{ MINIVMM_UNREGISTER_COALESCED_MMIO, VM, make_zone },
	{ MINIVMM_SET_GSI_ROUTING, VM, make_routing },
	{ MINIVMM_REINJECT_CONTROL, VM, make_numbers },
	{ MINIVMM_IRQFD, VM, make_irqfd },
	{ MINIVMM_IRQFD, VM, make_irqfd },
	{ MINIVMM_CREATE_PIT2, VM, make_pit_config },
	{ MINIVMM_GET_PIT2, VM, make_numbers },
	{ MINIVMM_SET_PIT2, VM, make_numbers },
	{ MINIVMM_SET_BOOT_CPU_ID, VM, make_any },
	{ MINIVMM_IOEVENTFD, VM, make_ioeventfd },
	{ MINIVMM_IOEVENTFD, VM, make_ioeventfd },
	{ MINIVMM_SET_CLOCK, VM, make_clock },
	{ MINIVMM_GET_CLOCK, VM, make_numbers },
	{ MINIVMM_SIGNAL_MSI, VM, make_msi },
	{ MINIVMM_X86_SET_MSR_FILTER, VM, make_filter },

	{ MINIVMM_GET_REGS, VCPU, make_numbers },
	{ MINIVMM_SET_REGS, VCPU, make_regs },
	{ MINIVMM_GET_SREGS, VCPU, make_numbers },
	{ MINIVMM_SET_SREGS, VCPU, make_sregs },
	{ MINIVMM_SET_SREGS, VCPU, make_sregs },
	{ MINIVMM_GET_SREGS2, VCPU, make_numbers },
	{ MINIVMM_SET_SREGS2, VCPU, make_sregs2 },
	{ MINIVMM_INTERRUPT, VCPU, make_numbers },
	{ MINIVMM_GET_MSRS, VCPU, make_msrs },
	{ MINIVMM_SET_MSRS, VCPU, make_msrs },
	{ MINIVMM_SET_MSRS, VCPU, make_msrs },
	{ MINIVMM_SET_SIGNAL_MASK, VCPU, make_signal_mask },
	{ MINIVMM_GET_FPU, VCPU, make_numbers },
	{ MINIVMM_SET_FPU, VCPU, make_fpu },
	{ MINIVMM_SET_CPUID2, VCPU, make_cpuid },
	{ MINIVMM_GET_CPUID2, VCPU, make_numbers },
	{ MINIVMM_TRANSLATE, VCPU, make_translation },
	{ MINIVMM_GET_LAPIC, VCPU, make_numbers },
	{ MINIVMM_SET_LAPIC, VCPU, make_lapic },
	{ MINIVMM_TPR_ACCESS_REPORTING, VCPU, make_numbers },
	{ MINIVMM_SET_VAPIC_ADDR, VCPU, make_numbers },
	{ MINIVMM_GET_MP_STATE, VCPU, make_numbers },
	{ MINIVMM_SET_MP_STATE, VCPU, make_mp_state },
	{ MINIVMM_NMI, VCPU, make_any },
	{ MINIVMM_SET_GUEST_DEBUG, VCPU, make_guest_debug },
	{ MINIVMM_X86_SETUP_MCE, VCPU, make_mce_setup },
	{ MINIVMM_X86_SET_MCE, VCPU, make_mce },
	{ MINIVMM_GET_VCPU_EVENTS, VCPU, make_numbers },
	{ MINIVMM_SET_VCPU_EVENTS, VCPU, make_events },
	{ MINIVMM_SET_VCPU_EVENTS, VCPU, make_events },
	{ MINIVMM_GET_DEBUGREGS, VCPU, make_numbers },
	{ MINIVMM_SET_DEBUGREGS, VCPU, make_debugregs },
	{ MINIVMM_GET_XSAVE, VCPU, make_numbers },
	{ MINIVMM_SET_XSAVE, VCPU, make_xsave },
	{ MINIVMM_GET_XSAVE2, VCPU, make_numbers },
	{ MINIVMM_GET_XCRS, VCPU, make_numbers },
	{ MINIVMM_SET_XCRS, VCPU, make_xcrs },
	{ MINIVMM_KVMCLOCK_CTRL, VCPU, make_none },
	{ MINIVMM_ENABLE_CAP, VCPU, make_capability },
	{ MINIVMM_SET_TSC_KHZ, VCPU, make_tsc_khz },
	{ MINIVMM_GET_TSC_KHZ, VCPU, make_none },
	{ MINIVMM_SET_DEVICE_ATTR, VCPU, make_attribute },
	{ MINIVMM_GET_DEVICE_ATTR, VCPU, make_attribute },
	{ MINIVMM_HAS_DEVICE_ATTR, VCPU, make_attribute },
};

void setup_calls(void)
{
	mmap(TRAPS, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void *bad_pointer(struct worker *w)
{
	static const uint64_t pointers[] = {
		0, 1, PAGE - 8, 0xffff888000000000, 0xffffffff81000000, 0x8000000000000000,
		0x00007ffffffff000 - 8, 0x00007ffffffff000, 0xffffffffff600000, ~0ULL, ~7ULL,
	};

	switch (below(&w->rng, 4)) {
	case 0:
		return TRAPS + below(&w->rng, 2 * PAGE);
	case 1:		/* the guest's memory: it may be gone, and the guest writes there */
		return ram + below(&w->rng, RAM_SIZE);
	default:
		return (void *)pick(&w->rng, pointers);
	}
}

/* Errors that any of these calls may return, on whatever descriptor. */
static bool error_is_known(int error)
{
	static const int known[] = {
		EINVAL, EFAULT, ENOTTY, EIO, EBADF, EEXIST, E2BIG, EINTR, EMFILE, ENOMEM, EAGAIN,
		ENXIO, EBUSY, ENOENT, ENOSPC,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
		if (error == known[i])
			return true;
	return false;
}

int call(struct worker *w, int fd, unsigned long request, void *pointer)
{
	int ret, error;

	w->progress->request = request;
	errno = 0;
	ret = ioctl(fd, request, pointer);
	error = errno;
	w->progress->request = 0;
	world->calls++;
	/* That number is whatever its owner has set. */
	if (request == MINIVMM_GET_NR_MMU_PAGES)
		return 0;
	if (ret < 0 && !on_kvm() && !error_is_known(error))
		violation("ioctl %#lx: unexpected error %s", request, strerror(error));
	errno = error;
	return ret;
}

/* Whatever is asked to be blocked, signals that end RUN are not. */
static void *make_signal_mask(struct worker *w)
{
	struct {
		uint32_t len;
		uint64_t set;
	} __attribute__((packed)) *mask = (void *)w->scratch;

	mask->len = below(&w->rng, 8) ? 8 : number(&w->rng);
	mask->set = below(&w->rng, 4) ? 0 : rnd(&w->rng) & 0xff;
	return mask;
}

static void *make_numbers(struct worker *w)
{
	uint64_t *words = (uint64_t *)w->scratch;

	for (unsigned int i = 0; i < 64; i++)
		words[i] = number(&w->rng);
	/* Counts and vectors: small as a rule. */
	if (below(&w->rng, 4))
		*(uint32_t *)words = below(&w->rng, 256);
	return words;
}

static void *make_any(struct worker *w)
{
	return (void *)number(&w->rng);
}

static void *make_none(struct worker *w)
{
	return below(&w->rng, 4) ? NULL : make_any(w);
}

/* The structure's first bytes are there, the rest is behind the end. */
static void *cut_off(struct worker *w, void *pointer)
{
	unsigned long kept = below(&w->rng, 64);

	memmove(w->scratch + SCRATCH - kept, pointer, kept);
	return w->scratch + SCRATCH - kept;
}

static bool in_scratch(struct worker *w, void *pointer)
{
	return pointer == w->scratch;
}

void step_call(struct worker *w)
{
	unsigned int i = below(&w->rng, ARRAY_SIZE(requests));
	unsigned long request = requests[i].request;
	enum fd_kind kind = requests[i].kind;
	void *pointer;
	int fd;

	if (!below(&w->rng, 32))
		kind = below(&w->rng, NR_KINDS);
	fd = pick_fd(w, kind);
	w->fd = fd;
	pointer = requests[i].make(w);
	if (in_scratch(w, pointer) && !below(&w->rng, 12))
		pointer = cut_off(w, pointer);
	else if (!below(&w->rng, 12))
		pointer = bad_pointer(w);
	/* What is at a bad pointer might be a mask that blocks all signals. */
	if (request == MINIVMM_SET_SIGNAL_MASK && pointer != w->scratch)
		pointer = below(&w->rng, 2) ? NULL : TRAPS + PAGE;
	call(w, fd, request, pointer);
}

/* A descriptor that a wild call has made is kept, or it would be lost. */
static void keep_result(struct worker *w, unsigned long request, int result)
{
	if (result < 3)
		return;
	if (request == MINIVMM_CREATE_VM)
		keep_fd(w, VM, result);
	else if (request == MINIVMM_CREATE_VCPU)
		keep_fd(w, VCPU, result);
}

/* To the fuzzer itself: numbers are no signal mask, nor where bitmaps are to be written. */
static bool harmless(unsigned long request)
{
	static const unsigned long not_wild[] = {
		MINIVMM_SET_SIGNAL_MASK, MINIVMM_GET_DIRTY_LOG, MINIVMM_GET_DEVICE_ATTR,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(not_wild); i++)
		if ((request & 0xffff) == (not_wild[i] & 0xffff))
			return false;
	return true;
}

void step_wild_call(struct worker *w)
{
	unsigned long request = pick(&w->rng, requests).request;
	void *pointer = make_numbers(w);
	int fd;

	switch (below(&w->rng, 4)) {
	case 0:		/* the number of a call, with another size or direction */
		request = (request & 0xffff) | rnd(&w->rng) << 16;
		break;
	case 1:		/* any call of KVM's, with a size that is likely */
		request = _IOC(below(&w->rng, 4), MINIVMMIO, below(&w->rng, 256),
			       below(&w->rng, 64) * 4);
		break;
	case 2:
		request = rnd(&w->rng);
		break;
	}
	request &= 0xffffffff;
	if (!harmless(request))
		return;
	if (!below(&w->rng, 4))
		pointer = bad_pointer(w);
	fd = below(&w->rng, 16) ? pick_fd(w, below(&w->rng, NR_KINDS)) : (int)below(&w->rng, 64);
	if (fd > 2)
		keep_result(w, request, call(w, fd, request, pointer));
}

void step_create(struct worker *w)
{
	struct minivmm_userspace_memory_region region = {
		.memory_size = RAM_SIZE, .userspace_addr = (uintptr_t)ram,
	};
	int fd;

	switch (below(&w->rng, 4)) {
	case 0:
		fd = call(w, pick_fd(w, SYSTEM), MINIVMM_CREATE_VM,
			  (void *)(below(&w->rng, 8) ? 0 : number(&w->rng)));
		if (fd < 0)
			return;
		call(w, fd, MINIVMM_SET_USER_MEMORY_REGION, &region);
		if (below(&w->rng, 2))
			call(w, fd, MINIVMM_CREATE_IRQCHIP, NULL);
		keep_fd(w, VM, fd);
		return;
	case 1:
		fd = open(device_path(), O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			keep_fd(w, SYSTEM, fd);
		return;
	default:
		fd = call(w, pick_fd(w, VM), MINIVMM_CREATE_VCPU,
			  (void *)(below(&w->rng, 8) ? below(&w->rng, 8) : number(&w->rng)));
		if (fd >= 0)
			keep_fd(w, VCPU, fd);
	}
}

void step_run(struct worker *w)
{
	unsigned int times = 1 + below(&w->rng, 4);
	int fd = pick_fd(w, VCPU);

	while (times--) {
		void *argument = (void *)(below(&w->rng, 32) ? 0 : number(&w->rng));

		world->runs++;
		if (!call(w, fd, MINIVMM_RUN, argument))
			world->entered++;
	}
}
