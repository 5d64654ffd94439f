// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC with the processor's help (apicv=1): all tests of apic.c,
 * apic_timer.c, apic_smp.c and apicv.c once more.
 *
 * The first test loads the module so, the last one as it was: a test picked by
 * itself runs with whatever is loaded.
 */
#define _GNU_SOURCE
#include "module.h"
#include "vm.h"

TEST(loaded_with_apicv)
{
	module_reload("apicv=1", "apicv", 'Y');
}

#include "apic.c"
#include "apic_timer.c"
#undef VECTOR
#include "apic_smp.c"
#undef _GNU_SOURCE
#undef TO_SELF
#include "apicv.c"

TEST(loaded_as_it_was)
{
	module_reload("", "apicv", 'N');
}
