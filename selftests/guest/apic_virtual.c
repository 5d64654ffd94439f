// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC with the processor's help (apicv=1): all tests of apic.c,
 * apic_timer.c, apic_smp.c and apicv.c once more.
 *
 * The first test loads the module so, the last one as it was: a test picked by
 * itself runs with whatever is loaded.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "module.h"
#include "vm.h"

static void reload(const char *parameters, char expected)
{
	char now = 0;
	int fd;

	MINIVMM_ONLY("it is about a parameter of the module minivmm");
	ASSERT_OK(module_unload());
	module_load_with(parameters);
	fd = open("/sys/module/minivmm/parameters/apicv", O_RDONLY);
	ASSERT_OK(fd);
	ASSERT_EQ(1, read(fd, &now, 1));
	EXPECT_EQ(expected, now);
	close(fd);
}

TEST(loaded_with_apicv)
{
	reload("apicv=1", 'Y');
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
	reload("", 'N');
}
