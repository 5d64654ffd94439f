// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC without the processor's help (apicv=0): all tests of apic.c,
 * apic_timer.c, apic_smp.c, pv_eoi.c and pv_eoi_memory.c once more.
 *
 * The first test loads the module so, the last one as it was: a test picked by
 * itself runs with whatever is loaded.
 */
#define _GNU_SOURCE
#include "module.h"
#include "vm.h"

TEST(loaded_without_apicv)
{
	module_reload("apicv=0", "apicv", 'N');
}

#include "apic.c"
#include "apic_timer.c"
#undef VECTOR
#include "apic_smp.c"
#include "pv_eoi.c"
#include "pv_eoi_memory.c"

TEST(each_end_of_an_interrupt_exits)
{
	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	EXPECT_EQ(40, msr_writes_for(x2apic_guest(), 20));
}

TEST(loaded_as_it_was)
{
	module_reload("", "apicv", 'Y');
}
