// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_VCPU_EVENTS and SET_VCPU_EVENTS: what comes back, what is refused, and
 * that what is set is delivered to the guest.
 */
#include "errors.h"
#include "../guest/trap.h"

static struct minivmm_vcpu_events get(struct vcpu *vcpu)
{
	struct minivmm_vcpu_events events;

	memset(&events, 0xff, sizeof(events));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_VCPU_EVENTS, &events));
	return events;
}

static int set(struct vcpu *vcpu, const struct minivmm_vcpu_events *events)
{
	return ioctl(vcpu->fd, MINIVMM_SET_VCPU_EVENTS, events);
}

static void enable(struct vcpu *vcpu, uint32_t cap)
{
	struct minivmm_enable_cap enable = { .cap = cap, .args = { 1 } };

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_ENABLE_CAP, &enable));
}

static struct vcpu *new_vcpu(void)
{
	return vcpu_create(vm_create(), 0);
}

GUEST64(guest_spin, "1: inc %rax\n jmp 1b\n");

TEST(events_of_a_new_vcpu)
{
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_vcpu_events events = get(vcpu), none = {
		.flags = MINIVMM_VCPUEVENT_VALID_NMI_PENDING |
			 MINIVMM_VCPUEVENT_VALID_SHADOW | MINIVMM_VCPUEVENT_VALID_SMM,
	};

	EXPECT_TRUE(!memcmp(&events, &none, sizeof(none)));
	enable(vcpu, MINIVMM_CAP_EXCEPTION_PAYLOAD);
	enable(vcpu, MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT);
	EXPECT_EQ(none.flags | MINIVMM_VCPUEVENT_VALID_PAYLOAD |
		  MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT, get(vcpu).flags);
}

TEST(events_round_trip)
{
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_vcpu_events events = {
		.exception = { .injected = 1, .nr = 13, .has_error_code = 1, .error_code = 0x18 },
		.interrupt = { .injected = 1, .nr = 0x42, .shadow = MINIVMM_X86_SHADOW_INT_STI },
		.nmi = { .injected = 1, .pending = 1, .masked = 1 },
		.flags = MINIVMM_VCPUEVENT_VALID_NMI_PENDING | MINIVMM_VCPUEVENT_VALID_SHADOW |
			 MINIVMM_VCPUEVENT_VALID_SMM,
	}, back;

	ASSERT_OK(set(vcpu, &events));
	back = get(vcpu);
	EXPECT_TRUE(!memcmp(&events, &back, sizeof(events)));
	events = (struct minivmm_vcpu_events){
		.flags = MINIVMM_VCPUEVENT_VALID_NMI_PENDING | MINIVMM_VCPUEVENT_VALID_SHADOW };
	ASSERT_OK(set(vcpu, &events));
	back = get(vcpu);
	EXPECT_EQ(0, back.exception.injected);
	EXPECT_EQ(0, back.interrupt.injected);
	EXPECT_EQ(0, back.interrupt.shadow);
	EXPECT_EQ(0, back.nmi.injected | back.nmi.pending | back.nmi.masked);
}

TEST(events_without_their_flag_stay)
{
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_vcpu_events events = {
		.interrupt = { .shadow = MINIVMM_X86_SHADOW_INT_MOV_SS }, .nmi = { .pending = 1 },
		.flags = MINIVMM_VCPUEVENT_VALID_NMI_PENDING | MINIVMM_VCPUEVENT_VALID_SHADOW,
	};

	ASSERT_OK(set(vcpu, &events));
	events = (struct minivmm_vcpu_events){};
	ASSERT_OK(set(vcpu, &events));
	EXPECT_EQ(1, get(vcpu).nmi.pending);
	EXPECT_EQ(MINIVMM_X86_SHADOW_INT_MOV_SS, get(vcpu).interrupt.shadow);
}

TEST(events_of_set_and_of_nmi)
{
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_interrupt irq = { .irq = 0x33 };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_NMI));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_INTERRUPT, &irq));
	EXPECT_EQ(1, get(vcpu).nmi.pending);
	EXPECT_EQ(0, get(vcpu).nmi.masked);
	EXPECT_EQ(1, get(vcpu).interrupt.injected);
	EXPECT_EQ(0x33, get(vcpu).interrupt.nr);
}

TEST(events_exception_is_delivered)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_vcpu_events events = {
		.exception = { .injected = 1, .nr = GP, .has_error_code = 1, .error_code = 0x18 },
	};

	ASSERT_OK(set(vcpu, &events));
	EXPECT_EQ(GUEST_CODE, trap_expect(vcpu, GP, 0x18)->rip);
	EXPECT_EQ(0, get(vcpu).exception.injected);
}

TEST(events_mask_keeps_an_nmi_waiting)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_vcpu_events events = {
		.interrupt = { .injected = 1, .nr = 0x42 },
		.nmi = { .pending = 1, .masked = 1 },
		.flags = MINIVMM_VCPUEVENT_VALID_NMI_PENDING,
	};
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rflags |= 0x200;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_OK(set(vcpu, &events));
	trap_expect(vcpu, 0x42, 0);
	EXPECT_EQ(1, get(vcpu).nmi.pending);
	/* Its handler's IRET ends the mask. */
	trap_expect(vcpu, 2, 0);
	EXPECT_EQ(0, get(vcpu).nmi.pending);
	EXPECT_EQ(1, get(vcpu).nmi.masked);
}

TEST(events_payload_is_delivered_with_its_exception)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_vcpu_events events = {
		.exception = { .pending = 1, .nr = PF, .has_error_code = 1, .error_code = 2 },
		.exception_has_payload = 1, .exception_payload = 0x123456,
		.flags = MINIVMM_VCPUEVENT_VALID_PAYLOAD,
	};

	enable(vcpu, MINIVMM_CAP_EXCEPTION_PAYLOAD);
	ASSERT_OK(set(vcpu, &events));
	EXPECT_EQ(0, vcpu_sregs(vcpu).cr2);
	EXPECT_EQ(1, get(vcpu).exception.pending);
	EXPECT_EQ(0, get(vcpu).exception.injected);
	EXPECT_EQ(1, get(vcpu).exception_has_payload);
	EXPECT_EQ(0x123456, get(vcpu).exception_payload);
	EXPECT_EQ(0x123456, trap_expect(vcpu, PF, 2)->cr2);
}

/* Who does not ask for payloads could not save one: it is delivered before. */
TEST(events_payload_without_its_capability_is_in_cr2)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_vcpu_events events = {
		.exception = { .pending = 1, .nr = PF, .has_error_code = 1, .error_code = 2 },
		.exception_has_payload = 1, .exception_payload = 0x123456,
		.flags = MINIVMM_VCPUEVENT_VALID_PAYLOAD,
	};
	struct minivmm_enable_cap off = { .cap = MINIVMM_CAP_EXCEPTION_PAYLOAD };

	enable(vcpu, MINIVMM_CAP_EXCEPTION_PAYLOAD);
	ASSERT_OK(set(vcpu, &events));
	EXPECT_EQ(0, vcpu_sregs(vcpu).cr2);
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_ENABLE_CAP, &off));
	events = get(vcpu);
	EXPECT_EQ(0, events.exception_has_payload);
	EXPECT_EQ(1, events.exception.injected);
	EXPECT_EQ(0x123456, vcpu_sregs(vcpu).cr2);
	EXPECT_EQ(0x123456, trap_expect(vcpu, PF, 2)->cr2);
}

TEST(events_payload_of_a_debug_exception_is_in_dr6)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_vcpu_events events = {
		.exception = { .pending = 1, .nr = DB },
		.exception_has_payload = 1, .exception_payload = 0x4001,
		.flags = MINIVMM_VCPUEVENT_VALID_PAYLOAD,
	};
	struct minivmm_debugregs dr;

	enable(vcpu, MINIVMM_CAP_EXCEPTION_PAYLOAD);
	ASSERT_OK(set(vcpu, &events));
	trap_expect(vcpu, DB, 0);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_DEBUGREGS, &dr));
	EXPECT_EQ(0xffff4ff1, dr.dr6);
}

TEST(events_set_regs_drops_a_pending_exception_alone)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_vcpu_events events = {
		.exception = { .pending = 1, .nr = GP, .has_error_code = 1 },
		.flags = MINIVMM_VCPUEVENT_VALID_PAYLOAD,
	};
	struct minivmm_regs regs = vcpu_regs(vcpu);

	enable(vcpu, MINIVMM_CAP_EXCEPTION_PAYLOAD);
	ASSERT_OK(set(vcpu, &events));
	vcpu_set_regs(vcpu, &regs);
	EXPECT_EQ(0, get(vcpu).exception.pending);
	events.exception.pending = 0;
	events.exception.injected = 1;
	ASSERT_OK(set(vcpu, &events));
	vcpu_set_regs(vcpu, &regs);
	EXPECT_EQ(1, get(vcpu).exception.injected);
}

TEST(events_triple_fault_shuts_down)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_vcpu_events events = {
		.triple_fault = { .pending = 1 }, .flags = MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT,
	};

	enable(vcpu, MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT);
	ASSERT_OK(set(vcpu, &events));
	EXPECT_EQ(1, get(vcpu).triple_fault.pending);
	vcpu_run_to(vcpu, MINIVMM_EXIT_SHUTDOWN);
	EXPECT_EQ(0, get(vcpu).triple_fault.pending);
}

static void refused(struct vcpu *vcpu, struct minivmm_vcpu_events events)
{
	EXPECT_ERRNO(EINVAL, set(vcpu, &events));
}

TEST(events_unknown_flags_are_einval)
{
	refused(new_vcpu(), (struct minivmm_vcpu_events){ .flags = 0x40 });
	refused(new_vcpu(), (struct minivmm_vcpu_events){ .flags = 0x80000000 });
	EXPECT_ERRNO(EINVAL, set(new_vcpu(), &(struct minivmm_vcpu_events){ .flags = 0x40 }));
}

TEST(events_payload_that_was_not_enabled_is_einval)
{
	struct minivmm_vcpu_events events = { .flags = MINIVMM_VCPUEVENT_VALID_PAYLOAD };

	EXPECT_ERRNO(EINVAL, set(new_vcpu(), &events));
}

TEST(events_triple_fault_that_was_not_enabled_is_einval)
{
	struct minivmm_vcpu_events events = { .flags = MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT };

	EXPECT_ERRNO(EINVAL, set(new_vcpu(), &events));
}

TEST(events_exception_that_is_none_is_einval)
{
	struct minivmm_vcpu_events events = { .exception = { .injected = 1, .nr = 32 } };
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EINVAL, set(vcpu, &events));
	events.exception.nr = 2;	/* an NMI is no exception */
	EXPECT_ERRNO(EINVAL, set(vcpu, &events));
	events.exception.injected = 0;
	EXPECT_OK(set(vcpu, &events));
}

TEST(events_smm_is_einval)
{
	struct minivmm_vcpu_events events = {
		.smi = { .smm = 1 }, .flags = MINIVMM_VCPUEVENT_VALID_SMM,
	};

	MINIVMM_ONLY("KVM has SMM");
	EXPECT_ERRNO(EINVAL, set(new_vcpu(), &events));
	events.smi.smm = 0;
	EXPECT_OK(set(new_vcpu(), &events));
}

TEST(events_bad_pointer_is_efault)
{
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_VCPU_EVENTS, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_VCPU_EVENTS, BAD_POINTER));
}
