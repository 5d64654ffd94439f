// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from one vCPU to another: by id, by logical id, by shorthand, to
 * one that computes and to one that halts.
 *
 * SDM: "Issuing Interprocessor Interrupts".
 */
#include "apic.h"

#define VECTOR		0x71
#define LOGICAL		0x800
#define TO_ALL		0x80000
#define TO_OTHERS	0xc0000

/* What the second vCPU does on a thread of its own. */
struct second {
	struct vcpu *vcpu;
	pthread_t thread;
	enum op op;
	uint64_t value;
};

static void *second_op(void *argument)
{
	struct second *second = argument;

	do_op(second->vcpu, second->op, 0, second->value);
	return NULL;
}

static void second_start(struct second *second, enum op op, uint64_t value)
{
	second->op = op;
	second->value = value;
	ASSERT_EQ(0, pthread_create(&second->thread, NULL, second_op, second));
}

static void second_join(struct second *second)
{
	ASSERT_EQ(0, pthread_join(second->thread, NULL));
}

/* Two vCPUs, both in long mode; the second is told to run by its owner. */
static struct vcpu *two_vcpus(struct second *second, bool x2apic)
{
	struct vcpu *first = apic_guest();
	struct minivmm_mp_state state = { MINIVMM_MP_STATE_RUNNABLE };

	second->vcpu = apic_vcpu(first->vm, 1);
	ASSERT_OK(ioctl(second->vcpu->fd, MINIVMM_SET_MP_STATE, &state));
	apic_write(second->vcpu, SPIV, 0x1ff);
	if (x2apic) {
		to_x2apic(first);
		to_x2apic(second->vcpu);
	}
	return first;
}

static void check_ipi(bool x2apic, enum op op)
{
	struct second second;
	struct vcpu *first = two_vcpus(&second, x2apic);

	for (unsigned int i = 1; i <= 20; i++) {
		second_start(&second, op, i);
		if (i & 1)
			usleep(2000);
		if (x2apic) {
			EXPECT_TRUE(wrmsr(first, X2(ICR), 1ull << 32 | VECTOR));
		} else {
			apic_write(first, ICR2, 1 << 24);
			apic_write(first, ICR, VECTOR);
		}
		second_join(&second);
		ASSERT_EQ(i, apic_count(second.vcpu));
		ASSERT_EQ(VECTOR, apic_log(second.vcpu, i - 1));
	}
	EXPECT_EQ(0, apic_count(first));
}

TEST(xapic_ipi_to_one_that_computes)
{
	check_ipi(false, OP_WAIT);
}

TEST(x2apic_ipi_to_one_that_computes)
{
	check_ipi(true, OP_WAIT);
}

TEST(xapic_ipi_to_one_that_halts)
{
	check_ipi(false, OP_HLT);
}

TEST(x2apic_ipi_to_one_that_halts)
{
	check_ipi(true, OP_HLT);
}

/* Who has got it: bit 0 the first, bit 1 the second; x2APICs by their MSR. */
static unsigned int takers(struct vcpu *first, struct second *second)
{
	uint64_t before[] = { apic_count(first), apic_count(second->vcpu) };

	do_op(first, OP_WINDOW, 0, 0);
	do_op(second->vcpu, OP_WINDOW, 0, 0);
	return (apic_count(first) - before[0]) |
	       (apic_count(second->vcpu) - before[1]) << 1;
}

static unsigned int xapic_send(struct vcpu *first, struct second *second,
			       uint8_t destination, uint32_t command)
{
	apic_write(first, ICR2, (uint32_t)destination << 24);
	apic_write(first, ICR, command | VECTOR);
	return takers(first, second);
}

TEST(xapic_destinations)
{
	struct second second;
	struct vcpu *first = two_vcpus(&second, false);

	EXPECT_EQ(1, xapic_send(first, &second, 0, 0));
	EXPECT_EQ(2, xapic_send(first, &second, 1, 0));
	EXPECT_EQ(0, xapic_send(first, &second, 2, 0));
	EXPECT_EQ(3, xapic_send(first, &second, 0xff, 0));
	EXPECT_EQ(3, xapic_send(first, &second, 0, TO_ALL));
	EXPECT_EQ(2, xapic_send(first, &second, 0, TO_OTHERS));
	EXPECT_EQ(1, xapic_send(first, &second, 1, 0x40000));
	/* Flat */
	apic_write(first, LDR, 0x01000000);
	apic_write(second.vcpu, LDR, 0x82000000);
	EXPECT_EQ(1, xapic_send(first, &second, 0x01, LOGICAL));
	EXPECT_EQ(2, xapic_send(first, &second, 0x02, LOGICAL));
	EXPECT_EQ(3, xapic_send(first, &second, 0x03, LOGICAL));
	EXPECT_EQ(0, xapic_send(first, &second, 0x7c, LOGICAL));
	EXPECT_EQ(3, xapic_send(first, &second, 0xff, LOGICAL));
	/* Clusters 1 and 2 */
	apic_write(first, DFR, 0);
	apic_write(second.vcpu, DFR, 0);
	apic_write(first, LDR, 0x11000000);
	apic_write(second.vcpu, LDR, 0x21000000);
	EXPECT_EQ(1, xapic_send(first, &second, 0x11, LOGICAL));
	EXPECT_EQ(2, xapic_send(first, &second, 0x2f, LOGICAL));
	EXPECT_EQ(0, xapic_send(first, &second, 0x31, LOGICAL));
	EXPECT_EQ(0, xapic_send(first, &second, 0x12, LOGICAL));
}

static unsigned int x2apic_send(struct vcpu *first, struct second *second,
				uint32_t destination, uint32_t command)
{
	EXPECT_TRUE(wrmsr(first, X2(ICR),
			  (uint64_t)destination << 32 | command | VECTOR));
	return takers(first, second);
}

TEST(x2apic_destinations)
{
	struct second second;
	struct vcpu *first = two_vcpus(&second, true);

	EXPECT_EQ(1, x2apic_send(first, &second, 0, 0));
	EXPECT_EQ(2, x2apic_send(first, &second, 1, 0));
	EXPECT_EQ(0, x2apic_send(first, &second, 2, 0));
	EXPECT_EQ(0, x2apic_send(first, &second, 0xff, 0));
	EXPECT_EQ(3, x2apic_send(first, &second, 0xffffffff, 0));
	EXPECT_EQ(3, x2apic_send(first, &second, 0, TO_ALL));
	EXPECT_EQ(2, x2apic_send(first, &second, 0, TO_OTHERS));
	EXPECT_EQ(1, x2apic_send(first, &second, 1, LOGICAL));
	EXPECT_EQ(2, x2apic_send(first, &second, 2, LOGICAL));
	EXPECT_EQ(3, x2apic_send(first, &second, 0xf, LOGICAL));
	EXPECT_EQ(0, x2apic_send(first, &second, 0x10001, LOGICAL));
	EXPECT_EQ(3, x2apic_send(first, &second, 0xffffffff, LOGICAL));
}

/* To just one of those it may go to. */
TEST(lowest_priority_is_for_one)
{
	struct second second;
	struct vcpu *first = two_vcpus(&second, true);

	for (unsigned int i = 0; i < 8; i++) {
		unsigned int who = x2apic_send(first, &second, 3, LOGICAL | 0x100);

		EXPECT_TRUE(who == 1 || who == 2);
	}
}

TEST(modes_are_mixed)
{
	struct second second;
	struct vcpu *first = two_vcpus(&second, false);

	to_x2apic(first);
	EXPECT_EQ(2, x2apic_send(first, &second, 1, 0));
	EXPECT_EQ(1, x2apic_send(first, &second, 0xffffffff, 0));
}

TEST(nmi_by_ipi)
{
	struct second second;
	struct vcpu *first = two_vcpus(&second, true);

	/* With interrupts off, and no EOI for it. */
	set_eoi(second.vcpu, 0);
	EXPECT_TRUE(wrmsr(first, X2(ICR), 1ull << 32 | 0x400));
	do_op(second.vcpu, OP_RDTSC, 0, 0);
	ASSERT_EQ(1, apic_count(second.vcpu));
	EXPECT_EQ(2, apic_log(second.vcpu, 0));
}

/* Each adds to a counter of the other's by interrupts, both at once. */
TEST(both_send_to_each_other)
{
	struct second second;
	struct vcpu *first = two_vcpus(&second, true);

	for (unsigned int i = 1; i <= 50; i++) {
		EXPECT_TRUE(wrmsr(first, X2(ICR), 1ull << 32 | VECTOR));
		EXPECT_TRUE(wrmsr(second.vcpu, X2(ICR), VECTOR));
		second_start(&second, OP_HLT, 0);
		do_op(first, OP_HLT, 0, 0);
		second_join(&second);
		ASSERT_EQ(i, apic_count(first));
		ASSERT_EQ(i, apic_count(second.vcpu));
	}
}
