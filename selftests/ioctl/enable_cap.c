// SPDX-License-Identifier: GPL-2.0-only
/*
 * ENABLE_CAP: what can be switched on, and what cannot. What a capability then
 * does is tested where it belongs.
 */
#include "errors.h"

static int vm_enable(struct vm *vm, uint32_t cap, uint64_t arg)
{
	struct minivmm_enable_cap enable = { .cap = cap, .args = { arg } };

	return ioctl(vm->fd, MINIVMM_ENABLE_CAP, &enable);
}

TEST(enable_cap_unknown_is_einval)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	struct minivmm_enable_cap enable = { .cap = 5 };

	EXPECT_ERRNO(EINVAL, vm_enable(vm, 5, 0));
	EXPECT_ERRNO(EINVAL, vm_enable(vm, 0x7fffffff, 0));
	/* There, but not to be switched on. */
	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_USER_MEMORY, 0));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_ENABLE_CAP, &enable));
}

TEST(enable_cap_with_flags_is_einval)
{
	struct vm *vm = vm_create();
	struct minivmm_enable_cap enable = {
		.cap = MINIVMM_CAP_MAX_VCPU_ID, .flags = 1, .args = { 4 },
	};

	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_ENABLE_CAP, &enable));
	enable.flags = 0;
	EXPECT_OK(ioctl(vm->fd, MINIVMM_ENABLE_CAP, &enable));
}

TEST(enable_cap_bad_pointer_is_efault)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_ENABLE_CAP, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_ENABLE_CAP, BAD_POINTER));
}

TEST(x2apic_api_bad_option_is_einval)
{
	struct vm *vm = vm_create();

	EXPECT_EQ(3, device_capability(MINIVMM_CAP_X2APIC_API));
	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_X2APIC_API, 4));
	EXPECT_OK(vm_enable(vm, MINIVMM_CAP_X2APIC_API, 3));
}

TEST(enable_cap_max_vcpu_id_is_a_limit)
{
	struct vm *vm = vm_create();
	int limit = device_capability(MINIVMM_CAP_MAX_VCPU_ID);

	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_MAX_VCPU_ID, limit + 1));
	EXPECT_OK(vm_enable(vm, MINIVMM_CAP_MAX_VCPU_ID, 2));
	EXPECT_OK(vm_enable(vm, MINIVMM_CAP_MAX_VCPU_ID, 2));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_CREATE_VCPU, 2));
	EXPECT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, 1));
}

TEST(enable_cap_max_vcpu_id_again_is_einval)
{
	struct vm *vm = vm_create();

	EXPECT_OK(vm_enable(vm, MINIVMM_CAP_MAX_VCPU_ID, 2));
	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_MAX_VCPU_ID, 3));
}

TEST(disable_quirks2_of_what_is_no_quirk_is_einval)
{
	struct vm *vm = vm_create();
	int quirks = device_capability(MINIVMM_CAP_DISABLE_QUIRKS2);

	EXPECT_TRUE((quirks & 0x7f) == 0x7f);
	EXPECT_OK(vm_enable(vm, MINIVMM_CAP_DISABLE_QUIRKS2, quirks));
	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_DISABLE_QUIRKS2, 1 << 20));
	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_DISABLE_QUIRKS2, 1ULL << 32));
	/* The older call does not look at what it is given. */
	EXPECT_OK(vm_enable(vm, MINIVMM_CAP_DISABLE_QUIRKS, 1 << 20));
}

TEST(disable_exits_that_do_not_exist_is_einval)
{
	struct vm *vm = vm_create();
	int exits = device_capability(MINIVMM_CAP_X86_DISABLE_EXITS);

	EXPECT_TRUE((exits & 0xe) == 0xe);
	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_X86_DISABLE_EXITS, 0x10));
	EXPECT_ERRNO(EINVAL, vm_enable(vm, MINIVMM_CAP_X86_DISABLE_EXITS, 1ULL << 32));
	EXPECT_OK(vm_enable(vm, MINIVMM_CAP_X86_DISABLE_EXITS, exits));
}
