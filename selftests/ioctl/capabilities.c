// SPDX-License-Identifier: GPL-2.0-only
/*
 * CHECK_EXTENSION: what is there, and that what is not there says so.
 * Documentation/abi.md, "Capabilities", has the same table.
 */
#include <unistd.h>

#include "vm.h"

static int check(unsigned long capability)
{
	return ioctl(device_open(), MINIVMM_CHECK_EXTENSION, capability);
}

TEST(capabilities_that_are_1)
{
	EXPECT_EQ(1, check(MINIVMM_CAP_HLT));
	EXPECT_EQ(1, check(MINIVMM_CAP_USER_MEMORY));
	EXPECT_EQ(1, check(MINIVMM_CAP_SET_TSS_ADDR));
	EXPECT_EQ(1, check(MINIVMM_CAP_EXT_CPUID));
	EXPECT_EQ(1, check(MINIVMM_CAP_EXT_EMUL_CPUID));
	EXPECT_EQ(1, check(MINIVMM_CAP_DISABLE_QUIRKS));
	EXPECT_EQ(1, check(MINIVMM_CAP_NOP_IO_DELAY));
	EXPECT_EQ(1, check(MINIVMM_CAP_SYNC_MMU));
	EXPECT_EQ(1, check(MINIVMM_CAP_DESTROY_MEMORY_REGION_WORKS));
	EXPECT_EQ(1, check(MINIVMM_CAP_JOIN_MEMORY_REGIONS_WORKS));
	EXPECT_EQ(1, check(MINIVMM_CAP_SET_IDENTITY_MAP_ADDR));
	EXPECT_EQ(1, check(MINIVMM_CAP_INTERNAL_ERROR_DATA));
	EXPECT_EQ(1, check(MINIVMM_CAP_READONLY_MEM));
	EXPECT_EQ(1, check(MINIVMM_CAP_CHECK_EXTENSION_VM));
	EXPECT_EQ(1, check(MINIVMM_CAP_IMMEDIATE_EXIT));
	EXPECT_EQ(1, check(MINIVMM_CAP_ENABLE_CAP_VM));
	EXPECT_EQ(1, check(MINIVMM_CAP_USER_NMI));
	EXPECT_EQ(1, check(MINIVMM_CAP_VCPU_EVENTS));
	EXPECT_EQ(1, check(MINIVMM_CAP_DEBUGREGS));
	EXPECT_EQ(1, check(MINIVMM_CAP_X86_ROBUST_SINGLESTEP));
	EXPECT_EQ(1, check(MINIVMM_CAP_ENABLE_CAP));
	EXPECT_EQ(1, check(MINIVMM_CAP_XSAVE));
	EXPECT_EQ(1, check(MINIVMM_CAP_EXCEPTION_PAYLOAD));
	EXPECT_EQ(1, check(MINIVMM_CAP_SREGS2));
	EXPECT_EQ(1, check(MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT));
	EXPECT_EQ(1, check(MINIVMM_CAP_XCRS));
	EXPECT_EQ(1, check(MINIVMM_CAP_VAPIC));
	EXPECT_EQ(1, check(MINIVMM_CAP_ENFORCE_PV_FEATURE_CPUID));
	EXPECT_EQ(1, check(MINIVMM_CAP_SPLIT_IRQCHIP));
	EXPECT_EQ(1, check(MINIVMM_CAP_GET_MSR_FEATURES));
	EXPECT_EQ(1, check(MINIVMM_CAP_MMU_SHADOW_CACHE_CONTROL));
	EXPECT_EQ(1, check(MINIVMM_CAP_MSR_PLATFORM_INFO));
	EXPECT_EQ(1, check(MINIVMM_CAP_X86_USER_SPACE_MSR));
	EXPECT_EQ(1, check(MINIVMM_CAP_X86_MSR_FILTER));
	EXPECT_EQ(1, check(MINIVMM_CAP_SYS_ATTRIBUTES));
	EXPECT_EQ(1, check(MINIVMM_CAP_EXIT_ON_EMULATION_FAILURE));
	EXPECT_EQ(1, check(MINIVMM_CAP_VCPU_ATTRIBUTES));
	EXPECT_EQ(1, check(MINIVMM_CAP_KVMCLOCK_CTRL));
	EXPECT_EQ(1, check(MINIVMM_CAP_GET_TSC_KHZ));
	EXPECT_EQ(1, check(MINIVMM_CAP_CLOCKSOURCE));
}

TEST(capabilities_that_are_numbers)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int max = check(MINIVMM_CAP_MAX_VCPUS);

	EXPECT(max >= 1 && max <= 1024, "MAX_VCPUS is %d", max);
	EXPECT_EQ(online < max ? online : max, check(MINIVMM_CAP_NR_VCPUS));
	EXPECT(check(MINIVMM_CAP_MAX_VCPU_ID) >= max, "MAX_VCPU_ID is below MAX_VCPUS");
	EXPECT(check(MINIVMM_CAP_NR_MEMSLOTS) >= 32, "only %d slots",
	       check(MINIVMM_CAP_NR_MEMSLOTS));
}

TEST(unknown_capability_is_0)
{
	EXPECT_EQ(0, check(5));		/* a gap in the list */
	EXPECT_EQ(0, check(0x7fffffff));
	EXPECT_EQ(0, check(~0UL));
}

TEST(capability_above_32_bits_is_0)
{
	EXPECT_EQ(0, check(1UL << 32 | MINIVMM_CAP_USER_MEMORY));
}

TEST(vm_fd_answers_as_the_system_fd)
{
	struct vm *vm = vm_create();

	for (unsigned int i = 0; i < 300; i++)
		EXPECT(ioctl(vm->fd, MINIVMM_CHECK_EXTENSION, i) == check(i),
		       "the two answers for %u differ", i);
}

TEST(what_is_left_out_is_0)
{
	static const unsigned int absent[] = {
		MINIVMM_CAP_PIT,
		MINIVMM_CAP_DEVICE_CTRL,
		MINIVMM_CAP_X86_SMM,
		MINIVMM_CAP_MULTI_ADDRESS_SPACE,
		MINIVMM_CAP_DIRTY_LOG_RING,
	};

	MINIVMM_ONLY("KVM has these");
	for (unsigned int i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		EXPECT(check(absent[i]) == 0, "capability %u is answered, but has no test here",
		       absent[i]);
}
