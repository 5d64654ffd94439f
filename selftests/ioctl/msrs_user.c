// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that the owner serves, the filter, the host's feature MSRs, and machine
 * checks.
 */
#include <stdlib.h>

#include "errors.h"
#include "../guest/trap.h"

#define MSR_NONE	0x12345678
#define UCODE_REV	0x8b
#define ARCH_CAPS	0x10a
#define SYSENTER_CS	0x174
#define MCG_STATUS	0x17a
#define MC0_STATUS	0x401
#define PLATFORM_INFO	0xce

static void enable(struct vcpu *vcpu, uint32_t cap, uint64_t arg)
{
	struct minivmm_enable_cap enable = { .cap = cap, .args = { arg } };

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_ENABLE_CAP, &enable));
}

static int filter(struct vcpu *vcpu, uint32_t flags, uint32_t range_flags, uint32_t base,
		  uint32_t count, uint8_t *bitmap)
{
	struct minivmm_msr_filter filter = {
		.flags = flags,
		.ranges = { { .flags = range_flags, .base = base, .nmsrs = count,
			      .bitmap = bitmap } },
	};

	return ioctl(vcpu->vm->fd, MINIVMM_X86_SET_MSR_FILTER, &filter);
}

GUEST64(guest_rdmsr, "rdmsr\n out %eax, $0x10\n mov %edx, %eax\n out %eax, $0x10\n hlt\n");
GUEST64(guest_wrmsr, "mov $0x12345678, %eax\n mov $1, %edx\n wrmsr\n hlt\n");
GUEST64(guest_gs, "rdmsr\n mov $0x1234, %eax\n xor %edx, %edx\n wrmsr\n hlt\n");

#define msr_guest(name, msr)						\
	({								\
		struct vcpu *guest_ = trap_guest(MODE_LONG, name);	\
		struct minivmm_regs regs_ = vcpu_regs(guest_);		\
									\
		regs_.rcx = (msr);					\
		vcpu_set_regs(guest_, &regs_);				\
		guest_;							\
	})

TEST(msr_unknown_is_gp_unless_the_owner_serves_it)
{
	struct vcpu *vcpu = msr_guest(guest_rdmsr, MSR_NONE);
	struct minivmm_run *run;

	trap_expect(vcpu, GP, 0);
	vcpu = msr_guest(guest_rdmsr, MSR_NONE);
	run = vcpu->run;
	enable(vcpu, MINIVMM_CAP_X86_USER_SPACE_MSR, MINIVMM_MSR_EXIT_REASON_UNKNOWN);
	vcpu_run_to(vcpu, MINIVMM_EXIT_X86_RDMSR);
	EXPECT_EQ(MINIVMM_MSR_EXIT_REASON_UNKNOWN, run->msr.reason);
	EXPECT_EQ(MSR_NONE, run->msr.index);
	EXPECT_EQ(0, run->msr.error);
	run->msr.data = 0x1122334455667788;
	EXPECT_EQ(0x55667788, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0x11223344, vcpu_run_to_out(vcpu, 0x10));
}

TEST(msr_error_of_the_owner_is_gp)
{
	struct vcpu *vcpu = msr_guest(guest_wrmsr, MSR_NONE);

	enable(vcpu, MINIVMM_CAP_X86_USER_SPACE_MSR, MINIVMM_MSR_EXIT_REASON_UNKNOWN);
	vcpu_run_to(vcpu, MINIVMM_EXIT_X86_WRMSR);
	EXPECT_EQ(0x112345678, vcpu->run->msr.data);
	vcpu->run->msr.error = 1;
	trap_expect(vcpu, GP, 0);
}

TEST(msr_bad_value_has_a_reason_of_its_own)
{
	struct vcpu *vcpu = msr_guest(guest_wrmsr, 0x277);	/* PAT */

	enable(vcpu, MINIVMM_CAP_X86_USER_SPACE_MSR, MINIVMM_MSR_EXIT_REASON_INVAL);
	vcpu_run_to(vcpu, MINIVMM_EXIT_X86_WRMSR);
	EXPECT_EQ(MINIVMM_MSR_EXIT_REASON_INVAL, vcpu->run->msr.reason);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

/* GS.base is reached without an exit, as long as no filter wants it. */
TEST(msr_filter_takes_a_register_from_the_guest)
{
	struct vcpu *vcpu = msr_guest(guest_gs, 0xc0000101);
	uint8_t none[8] = {};

	enable(vcpu, MINIVMM_CAP_X86_USER_SPACE_MSR, MINIVMM_MSR_EXIT_REASON_FILTER);
	ASSERT_OK(filter(vcpu, 0, MINIVMM_MSR_FILTER_WRITE, 0xc0000101, 1, none));
	vcpu_run_to(vcpu, MINIVMM_EXIT_X86_WRMSR);
	EXPECT_EQ(MINIVMM_MSR_EXIT_REASON_FILTER, vcpu->run->msr.reason);
	EXPECT_EQ(0x1234, vcpu->run->msr.data);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu_sregs(vcpu).gs.base);
}

TEST(msr_filter_without_an_owner_s_service_is_gp)
{
	struct vcpu *vcpu = msr_guest(guest_rdmsr, SYSENTER_CS);
	uint8_t all[8] = { 0xff };

	/* Only UCODE_REV is left to the guest. */
	ASSERT_OK(filter(vcpu, MINIVMM_MSR_FILTER_DEFAULT_DENY, MINIVMM_MSR_FILTER_READ,
			 UCODE_REV, 1, all));
	trap_expect(vcpu, GP, 0);
	vcpu = msr_guest(guest_rdmsr, UCODE_REV);
	ASSERT_OK(filter(vcpu, MINIVMM_MSR_FILTER_DEFAULT_DENY, MINIVMM_MSR_FILTER_READ,
			 UCODE_REV, 1, all));
	vcpu_run_to_out(vcpu, 0x10);
}

TEST(msr_filter_unknown_flag_is_einval)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	uint8_t bits[8] = {};

	EXPECT_ERRNO(EINVAL, filter(vcpu, 2, 1, 0x174, 1, bits));
	EXPECT_ERRNO(EINVAL, filter(vcpu, 0, 4, 0x174, 1, bits));
	EXPECT_ERRNO(EINVAL, filter(vcpu, 0, 0, 0x174, 1, bits));
}

TEST(msr_filter_that_denies_everything_is_einval)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	EXPECT_ERRNO(EINVAL, filter(vcpu, MINIVMM_MSR_FILTER_DEFAULT_DENY, 1, 0, 0, NULL));
	EXPECT_OK(filter(vcpu, 0, 1, 0, 0, NULL));
}

TEST(msr_filter_range_too_large_is_einval)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	static uint8_t bits[MINIVMM_MSR_FILTER_MAX_BITMAP_SIZE + 8];

	EXPECT_ERRNO(EINVAL, filter(vcpu, 0, 1, 0, sizeof(bits) * 8, bits));
	EXPECT_ERRNO(EINVAL, filter(vcpu, 0, 1, 0, 0xffffffff, bits));
	EXPECT_OK(filter(vcpu, 0, 1, 0, MINIVMM_MSR_FILTER_MAX_BITMAP_SIZE * 8, bits));
}

TEST(msr_filter_bad_pointer_is_efault)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	EXPECT_ERRNO(EFAULT, filter(vcpu, 0, 1, 0x174, 1, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->vm->fd, MINIVMM_X86_SET_MSR_FILTER, BAD_POINTER));
}

TEST(user_space_msr_unknown_reason_is_einval)
{
	struct minivmm_enable_cap enable = {
		.cap = MINIVMM_CAP_X86_USER_SPACE_MSR, .args = { 8 },
	};

	EXPECT_ERRNO(EINVAL, ioctl(vm_create()->fd, MINIVMM_ENABLE_CAP, &enable));
}

TEST(platform_info_can_be_hidden_from_the_guest)
{
	struct vcpu *vcpu = msr_guest(guest_rdmsr, PLATFORM_INFO);

	vcpu_run_to_out(vcpu, 0x10);
	vcpu = msr_guest(guest_rdmsr, PLATFORM_INFO);
	enable(vcpu, MINIVMM_CAP_MSR_PLATFORM_INFO, 0);
	trap_expect(vcpu, GP, 0);
}

/* ---- the host's feature MSRs ---- */

struct list {
	struct minivmm_msr_list head;
	uint32_t indices[100];
};

TEST(feature_msrs_can_be_read_on_the_device)
{
	struct list list = { .head.nmsrs = 100 };
	struct {
		struct minivmm_msrs head;
		struct minivmm_msr_entry entry;
	} msr = { .head.nmsrs = 1 };
	bool seen = false;

	ASSERT_OK(ioctl(device_open(), MINIVMM_GET_MSR_FEATURE_INDEX_LIST, &list));
	for (unsigned int i = 0; i < list.head.nmsrs; i++) {
		msr.entry.index = list.indices[i];
		seen |= list.indices[i] == ARCH_CAPS;
		EXPECT(ioctl(device_open(), MINIVMM_GET_MSRS, &msr) == 1, "MSR %#x: not read",
		       list.indices[i]);
	}
	EXPECT_TRUE(seen);
	/* One that is the guest's alone. */
	msr.entry.index = SYSENTER_CS;
	EXPECT_EQ(0, ioctl(device_open(), MINIVMM_GET_MSRS, &msr));
}

TEST(feature_msrs_too_small_is_e2big)
{
	struct list list = {};

	EXPECT_ERRNO(E2BIG, ioctl(device_open(), MINIVMM_GET_MSR_FEATURE_INDEX_LIST, &list));
	EXPECT_TRUE(list.head.nmsrs > 0);
}

TEST(feature_msrs_bad_pointer_is_efault)
{
	EXPECT_ERRNO(EFAULT, ioctl(device_open(), MINIVMM_GET_MSR_FEATURE_INDEX_LIST, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(device_open(), MINIVMM_GET_MSRS, BAD_POINTER));
}

TEST(device_attribute_says_which_xsave_components)
{
	uint64_t value = 0;
	struct minivmm_device_attr attr = {
		.attr = MINIVMM_X86_XCOMP_GUEST_SUPP, .addr = (uintptr_t)&value,
	};

	EXPECT_OK(ioctl(device_open(), MINIVMM_HAS_DEVICE_ATTR, &attr));
	EXPECT_OK(ioctl(device_open(), MINIVMM_GET_DEVICE_ATTR, &attr));
	EXPECT_EQ(3, value & 3);
}

TEST(device_attribute_unknown_is_enxio)
{
	struct minivmm_device_attr attr = { .group = 1 };

	EXPECT_ERRNO(ENXIO, ioctl(device_open(), MINIVMM_HAS_DEVICE_ATTR, &attr));
	attr.group = 0;
	attr.attr = 1;
	EXPECT_ERRNO(ENXIO, ioctl(device_open(), MINIVMM_HAS_DEVICE_ATTR, &attr));
	EXPECT_ERRNO(ENXIO, ioctl(device_open(), MINIVMM_GET_DEVICE_ATTR, &attr));
}

TEST(device_attribute_bad_pointer_is_efault)
{
	struct minivmm_device_attr attr = { .addr = (uintptr_t)BAD_POINTER };

	EXPECT_ERRNO(EFAULT, ioctl(device_open(), MINIVMM_GET_DEVICE_ATTR, &attr));
	EXPECT_ERRNO(EFAULT, ioctl(device_open(), MINIVMM_HAS_DEVICE_ATTR, BAD_POINTER));
}

/* ---- machine checks ---- */

#define VALID		(1ULL << 63)
#define UNCORRECTED	(1ULL << 61)
#define ENABLED		(1ULL << 60)
#define CONTEXT_CORRUPT	(1ULL << 57)

static int setup_mce(struct vcpu *vcpu, uint64_t cap)
{
	return ioctl(vcpu->fd, MINIVMM_X86_SETUP_MCE, &cap);
}

GUEST64(guest_spin, "1: inc %rax\n jmp 1b\n");

static struct vcpu *mce_guest(uint64_t cr4)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	uint64_t supported;

	sregs.cr4 |= cr4;
	vcpu_set_sregs(vcpu, &sregs);
	ASSERT_OK(ioctl(device_open(), MINIVMM_X86_GET_MCE_CAP_SUPPORTED, &supported));
	EXPECT_TRUE(supported & 1 << 8);
	ASSERT_OK(setup_mce(vcpu, 10 | 1 << 8));
	return vcpu;
}

TEST(mce_reaches_the_guest)
{
	struct vcpu *vcpu = mce_guest(0x40);
	struct minivmm_x86_mce mce = {
		.status = VALID | UNCORRECTED | ENABLED | CONTEXT_CORRUPT, .addr = 0x1234,
		.mcg_status = 5, .bank = 2,
	};
	uint64_t value;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_X86_SET_MCE, &mce));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, MC0_STATUS + 8, &value));
	EXPECT_EQ(mce.status, value);
	EXPECT_EQ(1, vcpu_get_msr(vcpu, MCG_STATUS, &value));
	EXPECT_EQ(5, value);
	trap_expect(vcpu, 18, 0);
}

TEST(mce_in_a_guest_that_does_not_expect_it_is_a_shutdown)
{
	struct vcpu *vcpu = mce_guest(0);
	struct minivmm_x86_mce mce = {
		.status = VALID | UNCORRECTED | ENABLED | CONTEXT_CORRUPT, .mcg_status = 5,
	};

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_X86_SET_MCE, &mce));
	vcpu_run_to(vcpu, MINIVMM_EXIT_SHUTDOWN);
}

TEST(mce_that_was_corrected_is_only_noted)
{
	struct vcpu *vcpu = mce_guest(0x40);
	struct minivmm_x86_mce mce = { .status = VALID, .addr = 0x5678 };
	struct minivmm_vcpu_events events;
	uint64_t value;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_X86_SET_MCE, &mce));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, MC0_STATUS + 1, &value));
	EXPECT_EQ(0x5678, value);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, events.exception.injected);
}

TEST(setup_mce_bad_banks_are_einval)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	int banks = device_capability(MINIVMM_CAP_MCE);

	EXPECT_EQ(32, banks);
	EXPECT_ERRNO(EINVAL, setup_mce(vcpu, 0));
	EXPECT_ERRNO(EINVAL, setup_mce(vcpu, banks + 1));
	EXPECT_ERRNO(EINVAL, setup_mce(vcpu, 10 | 1ULL << 40));
	EXPECT_OK(setup_mce(vcpu, banks));
}

TEST(set_mce_that_is_none_is_einval)
{
	struct vcpu *vcpu = mce_guest(0x40);
	struct minivmm_x86_mce mce = { .status = UNCORRECTED };

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_X86_SET_MCE, &mce));
	mce.status = VALID;
	mce.bank = 10;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_X86_SET_MCE, &mce));
}

TEST(mce_bad_pointer_is_efault)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_X86_SETUP_MCE, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_X86_SET_MCE, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(device_open(), MINIVMM_X86_GET_MCE_CAP_SUPPORTED,
				   BAD_POINTER));
}
