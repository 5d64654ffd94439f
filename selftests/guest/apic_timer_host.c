// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer kept by the host (preemption_timer=0): all tests of
 * apic_timer.c once more.
 *
 * The first test loads the module so, the last one as it was: a test picked by
 * itself runs with whatever is loaded.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "module.h"
#include "vm.h"

TEST(loaded_without_the_processor_s_timer)
{
	module_reload("preemption_timer=0", "preemption_timer", 'N');
}

#include "apic_timer.c"

static unsigned long long timer_exits(void)
{
	struct vcpu *vcpu;
	cpu_set_t one;

	/* Who comes to another CPU has the timer looked at once more. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_OK(sched_setaffinity(0, sizeof(one), &one));
	vcpu = timer_guest(DEADLINE | VECTOR);
	wrmsr(vcpu, MSR_DEADLINE, do_op(vcpu, OP_RDTSC, 0, 0) + 100000);
	do_op(vcpu, OP_WAIT, 0, 1);
	return vm_exits(vcpu->vm, 0, "PREEMPTION_TIMER");
}

TEST(the_host_keeps_the_time)
{
	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	EXPECT_EQ(0, timer_exits());
}

TEST(loaded_with_the_processor_s_timer)
{
	module_reload("", "preemption_timer", 'Y');
}

TEST(the_processor_keeps_the_time)
{
	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	if (!vmx_has("preemption_timer"))
		SKIP("the processor has no VMX-preemption timer");
	EXPECT_EQ(1, timer_exits());
}
