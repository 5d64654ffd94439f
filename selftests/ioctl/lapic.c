// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's local APIC and its run state from outside: GET_LAPIC, SET_LAPIC,
 * GET_MP_STATE, SET_MP_STATE, SIGNAL_MSI.
 *
 * What the guest sees of them: selftests/guest/apic.c, apic_smp.c.
 */
#include <sys/mman.h>

#include "irq.h"
#include "../guest/apic.h"

#define X2APIC		0x400

static struct vcpu *create(unsigned int id)
{
	struct vm *vm = vm_create();

	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	return vcpu_create(vm, id);
}

static struct minivmm_lapic_state get_lapic(struct vcpu *vcpu)
{
	struct minivmm_lapic_state state;

	memset(&state, 0xa5, sizeof(state));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &state));
	return state;
}

static int set_lapic(struct vcpu *vcpu, const struct minivmm_lapic_state *state)
{
	return ioctl(vcpu->fd, MINIVMM_SET_LAPIC, state);
}

static uint32_t reg(const struct minivmm_lapic_state *state, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, state->regs + offset, 4);
	return value;
}

static void set_reg(struct minivmm_lapic_state *state, uint32_t offset,
		    uint32_t value)
{
	memcpy(state->regs + offset, &value, 4);
}

static void *no_access(void)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(page != MAP_FAILED);
	return page;
}

/* ---- the local APIC ---- */

TEST(lapic_without_irqchip_is_einval)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	struct minivmm_lapic_state state = { { 0 } };

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &state));
	EXPECT_ERRNO(EINVAL, set_lapic(vcpu, &state));
}

TEST(lapic_at_a_bad_pointer_is_efault)
{
	struct vcpu *vcpu = create(0);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_LAPIC, no_access()));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_LAPIC, no_access()));
}

TEST(lapic_after_reset)
{
	struct vcpu *boot = create(0);
	struct vcpu *other = vcpu_create(boot->vm, 3);
	struct minivmm_lapic_state state = get_lapic(boot);

	EXPECT_EQ(0, reg(&state, ID));
	EXPECT_EQ(0x50014, reg(&state, VERSION));
	EXPECT_EQ(0xff, reg(&state, SPIV));
	EXPECT_EQ(0x700, reg(&state, LVT_LINT0));
	EXPECT_EQ(0x10000, reg(&state, LVT_TIMER));
	state = get_lapic(other);
	EXPECT_EQ(3u << 24, reg(&state, ID));
	EXPECT_EQ(0x10000, reg(&state, LVT_LINT0));
}

TEST(lapic_state_comes_back)
{
	struct vcpu *vcpu = create(0);
	struct minivmm_lapic_state state = get_lapic(vcpu), again;

	set_reg(&state, SPIV, 0x1ff);
	set_reg(&state, TPR, 0x43);
	set_reg(&state, IRR + 0x20, 1 << 5);
	set_reg(&state, ICR2, 0x07000000);
	set_reg(&state, ICR, 0x4042);
	set_reg(&state, LVT_TIMER, 0x20041);
	ASSERT_OK(set_lapic(vcpu, &state));
	again = get_lapic(vcpu);
	/* The priority in force follows. */
	EXPECT_EQ(0x43, reg(&again, PPR));
	set_reg(&state, PPR, 0x43);
	EXPECT_TRUE(!memcmp(&state, &again, sizeof(state)));
	EXPECT_EQ(4, vcpu_sregs(vcpu).cr8);
}

TEST(lapic_version_is_not_the_callers)
{
	struct vcpu *vcpu = create(0);
	struct minivmm_lapic_state state = get_lapic(vcpu);

	set_reg(&state, VERSION, 0x12345678);
	ASSERT_OK(set_lapic(vcpu, &state));
	state = get_lapic(vcpu);
	EXPECT_EQ(0x50014, reg(&state, VERSION));
}

TEST(lapic_count_goes_on)
{
	struct vcpu *vcpu = create(0);
	struct minivmm_lapic_state state = get_lapic(vcpu);

	set_reg(&state, TIMER_DIVIDE, 0xa);	/* by 128 */
	set_reg(&state, LVT_TIMER, 0x10041);
	set_reg(&state, TIMER_INITIAL, 0xf0000000);
	set_reg(&state, TIMER_CURRENT, 0x80000000);
	ASSERT_OK(set_lapic(vcpu, &state));
	state = get_lapic(vcpu);
	EXPECT_TRUE(reg(&state, TIMER_CURRENT) <= 0x80000000);
	EXPECT_TRUE(reg(&state, TIMER_CURRENT) > 0x70000000);
	EXPECT_EQ(0xf0000000, reg(&state, TIMER_INITIAL));
}

/* The interrupt of a masked timer is lost, as on a processor. */
TEST(lapic_masked_timer_is_not_made_up_for)
{
	struct vcpu *vcpu;

	MINIVMM_ONLY("it delivers the interrupt when the timer is unmasked");
	vcpu = apic_guest();
	apic_write(vcpu, LVT_TIMER, 0x10041);
	apic_write(vcpu, TIMER_INITIAL, 1000000);
	usleep(30000);
	apic_write(vcpu, LVT_TIMER, 0x41);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(0, apic_count(vcpu));
}

static void enable_x2apic(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	cpuid_entry(cpuid, 1, 0)->ecx |= 1u << 21;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	sregs.apic_base |= X2APIC;
	vcpu_set_sregs(vcpu, &sregs);
}

TEST(lapic_of_an_x2apic)
{
	struct vcpu *vcpu = create(3);
	struct minivmm_lapic_state state;

	enable_x2apic(vcpu);
	state = get_lapic(vcpu);
	/* Eight bits of it, where an xAPIC's is. */
	EXPECT_EQ(3u << 24, reg(&state, ID));
	EXPECT_EQ(8, reg(&state, LDR));
	set_reg(&state, ICR, 0x4042);
	set_reg(&state, ICR2, 0x12345678);
	ASSERT_OK(set_lapic(vcpu, &state));
	state = get_lapic(vcpu);
	EXPECT_EQ(0x4042, reg(&state, ICR));
	EXPECT_EQ(0x12345678, reg(&state, ICR2));
	EXPECT_EQ(8, reg(&state, LDR));
}

TEST(lapic_of_another_x2apic_is_einval)
{
	struct vcpu *vcpu = create(3);
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_X2APIC_API, .args = { 1 },	/* 32-bit ids */
	};
	struct minivmm_lapic_state state;

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_ENABLE_CAP, &cap));
	vcpu = vcpu_create(vcpu->vm, 200);
	enable_x2apic(vcpu);
	state = get_lapic(vcpu);
	EXPECT_EQ(200, reg(&state, ID));
	EXPECT_OK(set_lapic(vcpu, &state));
	set_reg(&state, ID, 201);
	EXPECT_ERRNO(EINVAL, set_lapic(vcpu, &state));
	set_reg(&state, ID, 200u << 24);
	EXPECT_ERRNO(EINVAL, set_lapic(vcpu, &state));
}

/* ---- the run state ---- */

static int set_mp_state(struct vcpu *vcpu, uint32_t mp_state)
{
	struct minivmm_mp_state state = { mp_state };

	return ioctl(vcpu->fd, MINIVMM_SET_MP_STATE, &state);
}

static uint32_t get_mp_state(struct vcpu *vcpu)
{
	struct minivmm_mp_state state = { ~0u };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_MP_STATE, &state));
	return state.mp_state;
}

TEST(mp_state_at_first)
{
	struct vcpu *boot = create(0);
	struct vcpu *other = vcpu_create(boot->vm, 1);

	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, get_mp_state(boot));
	EXPECT_EQ(MINIVMM_MP_STATE_UNINITIALIZED, get_mp_state(other));
	/* Without local APICs all run. */
	other = vcpu_create(vm_create(), 1);
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, get_mp_state(other));
}

TEST(mp_state_comes_back)
{
	static const uint32_t states[] = {
		MINIVMM_MP_STATE_RUNNABLE, MINIVMM_MP_STATE_UNINITIALIZED,
		MINIVMM_MP_STATE_INIT_RECEIVED, MINIVMM_MP_STATE_HALTED,
	};
	struct vcpu *vcpu = create(0);

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		ASSERT_OK(set_mp_state(vcpu, states[i]));
		EXPECT_EQ(states[i], get_mp_state(vcpu));
	}
}

/* The SIPI that has come is taken with the next look at it. */
TEST(mp_state_sipi_received_runs)
{
	struct vcpu *vcpu = create(0);

	ASSERT_OK(set_mp_state(vcpu, MINIVMM_MP_STATE_SIPI_RECEIVED));
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, get_mp_state(vcpu));
}

TEST(mp_state_that_does_not_exist_is_einval)
{
	struct vcpu *vcpu = create(0);

	EXPECT_ERRNO(EINVAL, set_mp_state(vcpu, 5));
	EXPECT_ERRNO(EINVAL, set_mp_state(vcpu, 10));
	EXPECT_ERRNO(EINVAL, set_mp_state(vcpu, ~0u));
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, get_mp_state(vcpu));
}

TEST(mp_state_without_irqchip_is_einval)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	EXPECT_ERRNO(EINVAL, set_mp_state(vcpu, MINIVMM_MP_STATE_HALTED));
	EXPECT_ERRNO(EINVAL, set_mp_state(vcpu, MINIVMM_MP_STATE_UNINITIALIZED));
	EXPECT_OK(set_mp_state(vcpu, MINIVMM_MP_STATE_RUNNABLE));
}

TEST(mp_state_at_a_bad_pointer_is_efault)
{
	struct vcpu *vcpu = create(0);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_MP_STATE, no_access()));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_MP_STATE, no_access()));
}

/* ---- messages ---- */

static int signal_msi(struct vcpu *vcpu, uint32_t address, uint32_t data)
{
	struct minivmm_msi msi = { .address_lo = address, .data = data };

	return ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi);
}

static void enable_lapic(struct vcpu *vcpu)
{
	struct minivmm_lapic_state state = get_lapic(vcpu);

	set_reg(&state, SPIV, 0x1ff);
	ASSERT_OK(set_lapic(vcpu, &state));
}

TEST(msi_waits_in_the_lapic)
{
	struct vcpu *vcpu = create(0);
	struct minivmm_lapic_state state;

	enable_lapic(vcpu);
	EXPECT_EQ(1, signal_msi(vcpu, 0xfee00000, 0x51));
	state = get_lapic(vcpu);
	EXPECT_EQ(1 << 0x11, reg(&state, IRR + 0x20));
	EXPECT_EQ(0, reg(&state, TMR + 0x20));
	/* Level-triggered */
	EXPECT_EQ(1, signal_msi(vcpu, 0xfee00000, 0xc052));
	state = get_lapic(vcpu);
	EXPECT_EQ(3 << 0x11, reg(&state, IRR + 0x20));
	EXPECT_EQ(1 << 0x12, reg(&state, TMR + 0x20));
}

/* How many took it: all of them, one, none because it is disabled. */
TEST(msi_says_how_many_took_it)
{
	struct vcpu *vcpu = create(0);
	struct vcpu *other = vcpu_create(vcpu->vm, 1);

	EXPECT_EQ(0, signal_msi(vcpu, 0xfee00000, 0x51));
	enable_lapic(vcpu);
	enable_lapic(other);
	EXPECT_EQ(2, signal_msi(vcpu, 0xfeeff000, 0x51));
	EXPECT_EQ(1, signal_msi(vcpu, 0xfee01000, 0x52));
}

TEST(msi_to_nobody_is_taken_by_none)
{
	struct vcpu *vcpu = create(0);

	enable_lapic(vcpu);
	EXPECT_EQ(0, signal_msi(vcpu, 0xfee05000, 0x51));
}

TEST(msi_without_irqchip_is_einval)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	EXPECT_ERRNO(EINVAL, signal_msi(vcpu, 0xfee00000, 0x51));
}

TEST(msi_with_flags_is_einval)
{
	struct vcpu *vcpu = create(0);
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = 0x51, .flags = 2 };

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
	msi.flags = 1u << 31;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
}

TEST(msi_of_32_bit_ids_checks_the_address)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_X2APIC_API,
		.args = { MINIVMM_X2APIC_API_USE_32BIT_IDS },
	};
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .address_hi = 1, .data = 0x51 };
	struct vcpu *vcpu = create(0);

	enable_lapic(vcpu);
	/* Without ids of 32 bits nobody looks there. */
	EXPECT_EQ(1, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_ENABLE_CAP, &cap));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
	msi.address_hi = 0x80;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
	/* For 0x100, which is not there. */
	msi.address_hi = 0x100;
	EXPECT_EQ(0, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
	msi.address_hi = 0;
	msi.data = 0x52;
	EXPECT_EQ(1, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
}

/* Of those that it may go to; the one that it is does not change. */
TEST(msi_of_lowest_priority_goes_by_its_vector)
{
	struct vcpu *vcpu[3] = { create(0) };

	vcpu[1] = vcpu_create(vcpu[0]->vm, 1);
	vcpu[2] = vcpu_create(vcpu[0]->vm, 2);
	for (unsigned int i = 0; i < 3; i++) {
		struct minivmm_lapic_state state = get_lapic(vcpu[i]);

		*(uint32_t *)&state.regs[LDR] = 1u << (24 + i);
		*(uint32_t *)&state.regs[SPIV] = 0x1ff;
		ASSERT_OK(set_lapic(vcpu[i], &state));
	}
	for (unsigned int vector = 0x50; vector < 0x56; vector++) {
		/* Logical 7: all three; then 5: the first and the last. */
		EXPECT_EQ(1, signal_msi(vcpu[0], 0xfee07004, 0x100 | vector));
		for (unsigned int i = 0; i < 3; i++)
			EXPECT_EQ(vector % 3 == i, lapic_requested(vcpu[i], vector));
		EXPECT_EQ(1, signal_msi(vcpu[0], 0xfee05004, 0x100 | (vector + 16)));
		for (unsigned int i = 0; i < 3; i++)
			EXPECT_EQ(vector % 2 * 2 == i, lapic_requested(vcpu[i], vector + 16));
	}
}

TEST(msi_at_a_bad_pointer_is_efault)
{
	struct vcpu *vcpu = create(0);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, no_access()));
}
