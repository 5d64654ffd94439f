// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state that a client saves and restores beyond the registers of regs.c:
 * events under way, debug registers, the XSAVE area, extended control
 * registers; and the registers that go in and out with RUN itself.
 *
 * With GET_REGS, GET_SREGS, GET_MSRS and what the interrupt controllers have of
 * their own, this is all there is of a vCPU.
 */
#include <linux/uaccess.h>
#include <asm/trapnr.h>

#include "backend.h"

#define EVENTS_KNOWN	(MINIVMM_VCPUEVENT_VALID_NMI_PENDING |		\
			 MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR |		\
			 MINIVMM_VCPUEVENT_VALID_SHADOW |		\
			 MINIVMM_VCPUEVENT_VALID_SMM |			\
			 MINIVMM_VCPUEVENT_VALID_PAYLOAD |		\
			 MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT)

static bool is_soft(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

/* Without EXCEPTION_PAYLOAD a client does not tell pending from injected. */
static void get_exception(struct vcpu *vcpu, struct minivmm_vcpu_events *user)
{
	const struct vcpu_events *events = &vcpu->events;
	bool payload = vcpu->vm->options.exception_payload;
	bool pending = events->exception.queued && events->exception.pending;

	if (pending && !payload)
		vcpu_deliver_payload(vcpu);
	user->exception.nr = events->exception.vector;
	user->exception.has_error_code = events->exception.has_error;
	user->exception.error_code = events->exception.error;
	user->exception_has_payload = events->exception.has_payload;
	user->exception_payload = events->exception.payload;
	/* The instruction behind it is run again: its length is not told. */
	if (is_soft(events->exception.vector))
		return;
	user->exception.pending = pending;
	user->exception.injected = events->exception.queued &&
				   (!pending || !payload);
}

static void get_events(struct vcpu *vcpu, struct minivmm_vcpu_events *user)
{
	const struct vm_options *options = &vcpu->vm->options;
	const struct vcpu_events *events = &vcpu->events;

	memset(user, 0, sizeof(*user));
	get_exception(vcpu, user);
	user->interrupt.injected = events->interrupt.queued &&
				   !events->interrupt.soft;
	user->interrupt.nr = events->interrupt.vector;
	user->interrupt.shadow = backend->get_shadow(vcpu);
	user->nmi.injected = events->nmi.injected;
	user->nmi.pending = events->nmi.pending != 0;
	user->nmi.masked = backend->nmi_masked(vcpu);
	user->flags = MINIVMM_VCPUEVENT_VALID_NMI_PENDING |
		      MINIVMM_VCPUEVENT_VALID_SHADOW |
		      MINIVMM_VCPUEVENT_VALID_SMM;
	if (options->exception_payload)
		user->flags |= MINIVMM_VCPUEVENT_VALID_PAYLOAD;
	if (options->triple_fault_event) {
		user->flags |= MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT;
		user->triple_fault.pending = events->triple_fault;
	}
}

/* There is no SMM, and what was not switched on is not accepted either. */
static bool events_are_valid(const struct vm_options *options,
			     const struct minivmm_vcpu_events *user)
{
	if (user->flags & ~EVENTS_KNOWN)
		return false;
	if (user->flags & MINIVMM_VCPUEVENT_VALID_PAYLOAD &&
	    !options->exception_payload)
		return false;
	if (user->flags & MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT &&
	    !options->triple_fault_event)
		return false;
	if (user->flags & MINIVMM_VCPUEVENT_VALID_SMM &&
	    (user->smi.smm || user->smi.pending || user->smi.smm_inside_nmi))
		return false;
	if (!user->exception.injected &&
	    !(user->flags & MINIVMM_VCPUEVENT_VALID_PAYLOAD &&
	      user->exception.pending))
		return true;
	return user->exception.nr < 32 && user->exception.nr != X86_TRAP_NMI;
}

static void set_exception(struct vcpu *vcpu,
			  const struct minivmm_vcpu_events *user)
{
	struct vcpu_events *events = &vcpu->events;
	bool pending = user->flags & MINIVMM_VCPUEVENT_VALID_PAYLOAD &&
		       user->exception.pending;

	events->exception.queued = pending || user->exception.injected;
	events->exception.pending = pending;
	events->exception.vector = user->exception.nr;
	events->exception.has_error = user->exception.has_error_code;
	events->exception.error = user->exception.error_code;
	events->exception.soft = is_soft(user->exception.nr);
	events->exception.has_payload = pending && user->exception_has_payload;
	events->exception.payload = user->exception_payload;
}

static int set_events(struct vcpu *vcpu, const struct minivmm_vcpu_events *user)
{
	struct vcpu_events *events = &vcpu->events;

	if (!events_are_valid(&vcpu->vm->options, user))
		return -EINVAL;
	set_exception(vcpu, user);
	events->interrupt.queued = user->interrupt.injected;
	events->interrupt.soft = user->interrupt.soft;
	events->interrupt.vector = user->interrupt.nr;
	if (user->flags & MINIVMM_VCPUEVENT_VALID_SHADOW)
		backend->set_shadow(vcpu, user->interrupt.shadow);
	events->nmi.injected = user->nmi.injected;
	if (user->flags & MINIVMM_VCPUEVENT_VALID_NMI_PENDING)
		events->nmi.pending = !!user->nmi.pending;
	backend->set_nmi_masked(vcpu, user->nmi.masked);
	if (user->flags & MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR &&
	    vcpu_has_lapic(vcpu))
		vcpu->irq.sipi_vector = user->sipi_vector;
	if (user->flags & MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT)
		events->triple_fault = user->triple_fault.pending;
	return 0;
}

static void get_debugregs(struct vcpu *vcpu, struct minivmm_debugregs *user)
{
	memset(user, 0, sizeof(*user));
	memcpy(user->db, vcpu->dr, sizeof(user->db));
	user->dr6 = vcpu->dr6;
	user->dr7 = vcpu->dr7;
}

static int set_debugregs(struct vcpu *vcpu, const struct minivmm_debugregs *user)
{
	if (user->flags || user->dr6 >> 32 || user->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->dr, user->db, sizeof(user->db));
	vcpu->dr6 = user->dr6;
	vcpu->dr7 = user->dr7;
	backend->debug_changed(vcpu);
	return 0;
}

static void get_xcrs(struct vcpu *vcpu, struct minivmm_xcrs *user)
{
	memset(user, 0, sizeof(*user));
	if (!guest_xcr0_mask())
		return;
	user->nr_xcrs = 1;
	user->xcrs[0].value = vcpu->xcr0;
}

static int set_xcrs(struct vcpu *vcpu, const struct minivmm_xcrs *user)
{
	struct vcpu_control_regs crs;
	u32 i;

	if (!guest_xcr0_mask() || user->nr_xcrs > MINIVMM_MAX_XCRS ||
	    user->flags)
		return -EINVAL;
	for (i = 0; i < user->nr_xcrs; i++) {
		if (user->xcrs[i].xcr)
			continue;
		if (!guest_xcr0_is_valid(vcpu, user->xcrs[i].value))
			return -EINVAL;
		vcpu->xcr0 = user->xcrs[i].value;
		backend->get_crs(vcpu, &crs);
		cpuid_update(vcpu, crs.cr4);
		break;
	}
	return 0;
}

/* The largest of the structures; too large for the stack with the others. */
union state {
	struct minivmm_sregs2 sregs2;
	struct minivmm_vcpu_events events;
	struct minivmm_debugregs debugregs;
	struct minivmm_xcrs xcrs;
};

static int get_state(struct vcpu *vcpu, unsigned int cmd, union state *state)
{
	switch (cmd) {
	case MINIVMM_GET_SREGS2:
		vcpu_get_sregs2(vcpu, &state->sregs2);
		return 0;
	case MINIVMM_GET_VCPU_EVENTS:
		get_events(vcpu, &state->events);
		return 0;
	case MINIVMM_GET_DEBUGREGS:
		get_debugregs(vcpu, &state->debugregs);
		return 0;
	case MINIVMM_GET_XCRS:
		get_xcrs(vcpu, &state->xcrs);
		return 0;
	default:
		return -EINVAL;
	}
}

static int set_state(struct vcpu *vcpu, unsigned int cmd, union state *state)
{
	switch (cmd) {
	case MINIVMM_SET_SREGS2:
		return vcpu_set_sregs2(vcpu, &state->sregs2);
	case MINIVMM_SET_VCPU_EVENTS:
		return set_events(vcpu, &state->events);
	case MINIVMM_SET_DEBUGREGS:
		return set_debugregs(vcpu, &state->debugregs);
	case MINIVMM_SET_XCRS:
		return set_xcrs(vcpu, &state->xcrs);
	default:
		return -EINVAL;
	}
}

/**
 * vcpu_state_ioctl - serve the ioctls of this chapter
 * @vcpu: the vCPU
 * @cmd: the ioctl
 * @user: the caller's structure
 *
 * Return: 0; -EINVAL: a value that cannot be; -EFAULT; -ENOMEM.
 */
long vcpu_state_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *user)
{
	union state state;
	int ret;

	switch (cmd) {
	case MINIVMM_GET_XSAVE:
	case MINIVMM_GET_XSAVE2:
		return guest_xsave_get(vcpu, user);
	case MINIVMM_SET_XSAVE:
		return guest_xsave_set(vcpu, user);
	}
	/* Written by the caller: SET. The number says so, and how much it is. */
	if (_IOC_DIR(cmd) == _IOC_WRITE) {
		if (copy_from_user(&state, user, _IOC_SIZE(cmd)))
			return -EFAULT;
		return set_state(vcpu, cmd, &state);
	}
	ret = get_state(vcpu, cmd, &state);
	if (!ret && copy_to_user(user, &state, _IOC_SIZE(cmd)))
		ret = -EFAULT;
	return ret;
}

/**
 * vcpu_take_sync_regs - take what the owner has put into struct minivmm_run
 * @vcpu: the vCPU
 * @dirty: kvm_dirty_regs, which has been checked
 *
 * The owner may write there meanwhile: it is copied before it is looked at.
 *
 * Return: 0; -EINVAL: as the ioctls.
 */
int vcpu_take_sync_regs(struct vcpu *vcpu, u64 dirty)
{
	struct minivmm_run *run = vcpu->run;
	struct minivmm_sync_regs *from = &run->s.regs;
	union {
		struct minivmm_regs regs;
		struct minivmm_sregs sregs;
		struct minivmm_vcpu_events events;
	} copy;

	if (dirty & MINIVMM_SYNC_X86_REGS) {
		copy.regs = from->regs;
		vcpu_set_regs(vcpu, &copy.regs);
		run->kvm_dirty_regs &= ~MINIVMM_SYNC_X86_REGS;
	}
	if (dirty & MINIVMM_SYNC_X86_SREGS) {
		copy.sregs = from->sregs;
		if (vcpu_set_sregs(vcpu, &copy.sregs))
			return -EINVAL;
		run->kvm_dirty_regs &= ~MINIVMM_SYNC_X86_SREGS;
	}
	if (dirty & MINIVMM_SYNC_X86_EVENTS) {
		copy.events = from->events;
		if (set_events(vcpu, &copy.events))
			return -EINVAL;
		run->kvm_dirty_regs &= ~MINIVMM_SYNC_X86_EVENTS;
	}
	return 0;
}

/**
 * vcpu_give_sync_regs - put what the owner asks for into struct minivmm_run
 * @vcpu: the vCPU
 * @valid: kvm_valid_regs
 */
void vcpu_give_sync_regs(struct vcpu *vcpu, u64 valid)
{
	struct minivmm_sync_regs *to = &vcpu->run->s.regs;

	if (valid & MINIVMM_SYNC_X86_REGS)
		vcpu_get_regs(vcpu, &to->regs);
	if (valid & MINIVMM_SYNC_X86_SREGS)
		vcpu_get_sregs(vcpu, &to->sregs);
	if (valid & MINIVMM_SYNC_X86_EVENTS)
		get_events(vcpu, &to->events);
}
