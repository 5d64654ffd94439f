// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a VM's state that the hypervisor keeps, taken out through the ioctls
 * and put back into another VM.
 *
 * Two tables say what there is, in the order in which it has to be put back:
 * a local APIC's base (in the system registers) before its registers, its timer's
 * mode before the MSR that arms it, and last of all whether the vCPU runs. What a
 * device does not offer (by its capability) is left out. Memory, devices and the
 * rest are the client's own.
 *
 * Read next: words.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "compiler.h"
#include "fail.h"
#include "libminivmm.h"

#define ALWAYS			(-1)
#define MAX_SIZE		4096
#define MAX_MSRS		1024
#define MSR_TSC_DEADLINE	0x6e0

/**
 * struct item - a part of the state
 * @kind: its name in a saved state
 * @capability: the device offers it, or ALWAYS
 * @what: its name for people
 * @get: ioctl that takes it out
 * @set: ioctl that puts it back
 * @size: bytes
 */
struct item {
	enum vmm_state kind;
	int capability;
	const char *what;
	unsigned long get, set;
	size_t size;
};

static const struct item vm_items[] = {
	{ VMM_STATE_CLOCK, MINIVMM_CAP_ADJUST_CLOCK, "clock",
	  MINIVMM_GET_CLOCK, MINIVMM_SET_CLOCK,
	  sizeof(struct minivmm_clock_data) },
	{ VMM_STATE_IRQCHIP, MINIVMM_CAP_IRQCHIP, "interrupt controllers",
	  MINIVMM_GET_IRQCHIP, MINIVMM_SET_IRQCHIP,
	  sizeof(struct minivmm_irqchip) },
	{ VMM_STATE_PIT, MINIVMM_CAP_PIT_STATE2, "timer",
	  MINIVMM_GET_PIT2, MINIVMM_SET_PIT2,
	  sizeof(struct minivmm_pit_state2) },
};

static const struct item vcpu_items[] = {
	{ VMM_STATE_SREGS, ALWAYS, "system registers", MINIVMM_GET_SREGS,
	  MINIVMM_SET_SREGS, sizeof(struct minivmm_sregs) },
	{ VMM_STATE_FPU, ALWAYS, "FPU", MINIVMM_GET_FPU, MINIVMM_SET_FPU,
	  sizeof(struct minivmm_fpu) },
	{ VMM_STATE_XCRS, MINIVMM_CAP_XCRS, "XCR0", MINIVMM_GET_XCRS,
	  MINIVMM_SET_XCRS, sizeof(struct minivmm_xcrs) },
	{ VMM_STATE_XSAVE, MINIVMM_CAP_XSAVE, "XSAVE area", MINIVMM_GET_XSAVE,
	  MINIVMM_SET_XSAVE, sizeof(struct minivmm_xsave) },
	{ VMM_STATE_LAPIC, MINIVMM_CAP_IRQCHIP, "local APIC",
	  MINIVMM_GET_LAPIC, MINIVMM_SET_LAPIC,
	  sizeof(struct minivmm_lapic_state) },
	{ VMM_STATE_MSRS, ALWAYS, "MSRs", MINIVMM_GET_MSRS, MINIVMM_SET_MSRS,
	  0 },
	{ VMM_STATE_EVENTS, MINIVMM_CAP_VCPU_EVENTS, "events",
	  MINIVMM_GET_VCPU_EVENTS, MINIVMM_SET_VCPU_EVENTS,
	  sizeof(struct minivmm_vcpu_events) },
	{ VMM_STATE_DEBUGREGS, MINIVMM_CAP_DEBUGREGS, "debug registers",
	  MINIVMM_GET_DEBUGREGS, MINIVMM_SET_DEBUGREGS,
	  sizeof(struct minivmm_debugregs) },
	{ VMM_STATE_REGS, ALWAYS, "registers", MINIVMM_GET_REGS,
	  MINIVMM_SET_REGS, sizeof(struct minivmm_regs) },
	{ VMM_STATE_MP_STATE, MINIVMM_CAP_MP_STATE, "state among the others",
	  MINIVMM_GET_MP_STATE, MINIVMM_SET_MP_STATE,
	  sizeof(struct minivmm_mp_state) },
};

/* One MSR; so that one that cannot be read is not in the way of the others. */
union one_msr {
	struct minivmm_msrs msrs;
	char room[sizeof(struct minivmm_msrs) + sizeof(struct minivmm_msr_entry)];
};

static bool offered(const struct vmm *vmm, const struct item *item)
{
	return item->capability == ALWAYS ||
	       ioctl(vmm->fd, MINIVMM_CHECK_EXTENSION, item->capability) > 0;
}

static bool get_msr(int fd, struct minivmm_msr_entry *entry)
{
	union one_msr one = { .msrs.nmsrs = 1 };

	/* The room behind is not part of what was set to 0. */
	one.msrs.entries[0] = (struct minivmm_msr_entry){ .index = entry->index };
	if (ioctl(fd, MINIVMM_GET_MSRS, &one) != 1)
		return false;
	entry->data = one.msrs.entries[0].data;
	return true;
}

static bool set_msr(int fd, const struct minivmm_msr_entry *entry)
{
	struct minivmm_msr_entry now = { .index = entry->index };
	union one_msr one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0] = *entry;
	if (ioctl(fd, MINIVMM_SET_MSRS, &one) == 1)
		return true;
	/* What describes the processor cannot be set, and need not be. */
	return get_msr(fd, &now) && now.data == entry->data;
}

static int save_msrs(struct vmm_vcpu *vcpu, vmm_put_state put, void *context)
{
	struct minivmm_msr_list *list;
	struct minivmm_msr_entry *entries, deadline = { MSR_TSC_DEADLINE, 0, 0 };
	unsigned int i, n = 0;
	int err;

	list = calloc(1, sizeof(*list) + MAX_MSRS * sizeof(list->indices[0]));
	entries = calloc(MAX_MSRS + 1, sizeof(*entries));
	if (!list || !entries) {
		free(list);
		free(entries);
		return vmm_fail(ENOMEM, "no memory for a list of MSRs; free some");
	}
	list->nmsrs = MAX_MSRS;
	if (ioctl(vcpu->vm->vmm->fd, MINIVMM_GET_MSR_INDEX_LIST, list) < 0)
		list->nmsrs = 0;
	for (i = 0; i < list->nmsrs; i++) {
		entries[n].index = list->indices[i];
		if (list->indices[i] != MSR_TSC_DEADLINE &&
		    get_msr(vcpu->fd, &entries[n]))
			n++;
	}
	/* It means something only after the TSC. */
	if (get_msr(vcpu->fd, &deadline))
		entries[n++] = deadline;
	err = put(context, VMM_STATE_MSRS, vcpu->id, entries,
		  n * sizeof(entries[0]));
	free(list);
	free(entries);
	return err;
}

static int restore_msrs(struct vmm_vcpu *vcpu, const void *data, size_t size)
{
	struct minivmm_msr_entry entry;
	size_t at;

	for (at = 0; size - at >= sizeof(entry); at += sizeof(entry)) {
		memcpy(&entry, (const char *)data + at, sizeof(entry));
		if (!set_msr(vcpu->fd, &entry))
			return vmm_fail(EINVAL,
					"vCPU %u: MSR 0x%x does not take 0x%llx; restore on the device and the processor that it was saved on",
					vcpu->id, entry.index, entry.data);
	}
	return 0;
}

static int save_item(const struct item *item, int fd, __u32 index,
		     vmm_put_state put, void *context)
{
	/* The chip's number is an input, at the start. */
	union {
		char bytes[MAX_SIZE];
		__u32 chip;
	} state = { .chip = item->kind == VMM_STATE_IRQCHIP ? index : 0 };

	if (ioctl(fd, item->get, &state) < 0)
		return vmm_fail(errno, "cannot save the %s: %s; read dmesg",
				item->what, strerror(errno));
	return put(context, item->kind, index, &state, item->size);
}

static int restore_item(const struct item *item, int fd, const void *data)
{
	union {
		char bytes[MAX_SIZE];
		struct minivmm_clock_data clock;
	} state;

	memcpy(&state, data, item->size);
	/* The flags say how the clock was read. */
	if (item->kind == VMM_STATE_CLOCK)
		state.clock.flags = 0;
	if (ioctl(fd, item->set, &state) < 0)
		return vmm_fail(errno,
				"cannot restore the %s: %s; restore on the device that it was saved on",
				item->what, strerror(errno));
	return 0;
}

int vmm_vm_save(struct vmm_vm *vm, vmm_put_state put, void *context)
{
	unsigned int i, chip, chips;
	int err;

	for (i = 0; i < ARRAY_SIZE(vm_items); i++) {
		if (!offered(vm->vmm, &vm_items[i]))
			continue;
		chips = vm_items[i].kind == VMM_STATE_IRQCHIP ?
			MINIVMM_NR_IRQCHIPS : 1;
		for (chip = 0; chip < chips; chip++) {
			err = save_item(&vm_items[i], vm->fd, chip, put,
					context);
			if (err)
				return err;
		}
	}
	return 0;
}

int vmm_vcpu_save(struct vmm_vcpu *vcpu, vmm_put_state put, void *context)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(vcpu_items); i++) {
		if (!offered(vcpu->vm->vmm, &vcpu_items[i]))
			continue;
		if (vcpu_items[i].kind == VMM_STATE_MSRS)
			err = save_msrs(vcpu, put, context);
		else
			err = save_item(&vcpu_items[i], vcpu->fd, vcpu->id,
					put, context);
		if (err)
			return err;
	}
	return 0;
}

static const struct item *find(const struct item *items, unsigned int count,
			       __u32 kind, size_t size)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (items[i].kind == kind && (!items[i].size ||
					      items[i].size == size))
			return &items[i];
	return NULL;
}

int vmm_vm_restore(struct vmm_vm *vm, __u32 kind, const void *data,
		   size_t size)
{
	const struct item *item = find(vm_items, ARRAY_SIZE(vm_items), kind,
				       size);

	if (!item)
		return vmm_fail(EINVAL,
				"a saved state of a VM has an unknown part, %u; use the program that saved it",
				kind);
	return restore_item(item, vm->fd, data);
}

int vmm_vcpu_restore(struct vmm_vcpu *vcpu, __u32 kind, const void *data,
		     size_t size)
{
	const struct item *item = find(vcpu_items, ARRAY_SIZE(vcpu_items),
				       kind, size);

	if (!item)
		return vmm_fail(EINVAL,
				"a saved state of a vCPU has an unknown part, %u; use the program that saved it",
				kind);
	if (kind == VMM_STATE_MSRS)
		return restore_msrs(vcpu, data, size);
	return restore_item(item, vcpu->fd, data);
}
