// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's time: the rate and offset of its time stamp counter, the
 * paravirtual clock in its memory, and steal time.
 */
#include <unistd.h>

#include "errors.h"

#define IA32_TSC		0x10
#define IA32_TSC_ADJUST		0x3b
#define KVM_SYSTEM_TIME		0x12
#define KVM_SYSTEM_TIME_NEW	0x4b564d01
#define KVM_STEAL_TIME		0x4b564d03

#define PAGE_GPA		0x50000ULL

struct time_info {
	uint32_t version, pad;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
};

static uint64_t tsc_of(struct vcpu *vcpu)
{
	uint64_t value;

	ASSERT_EQ(1, vcpu_get_msr(vcpu, IA32_TSC, &value));
	return value;
}

static int set_khz(int fd, unsigned long khz)
{
	return ioctl(fd, MINIVMM_SET_TSC_KHZ, khz);
}

static int get_khz(int fd)
{
	return ioctl(fd, MINIVMM_GET_TSC_KHZ);
}

static uint64_t offset_of(struct vcpu *vcpu)
{
	uint64_t offset = 0;
	struct minivmm_device_attr attr = { .addr = (uintptr_t)&offset };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_DEVICE_ATTR, &attr));
	return offset;
}

/* ---- the time stamp counter ---- */

TEST(tsc_starts_near_0_and_agrees)
{
	struct vm *vm = vm_create();
	struct vcpu *a = vcpu_create(vm, 0), *b = vcpu_create(vm, 1);

	EXPECT(tsc_of(a) < 60ULL * 1000 * get_khz(a->fd), "more than a minute");
	EXPECT_EQ(offset_of(a), offset_of(b));
}

/* Written one after the other with about the same: they are to agree. */
TEST(tsc_writes_by_the_owner_are_synchronised)
{
	struct vm *vm = vm_create();
	struct vcpu *a = vcpu_create(vm, 0), *b = vcpu_create(vm, 1);

	EXPECT_EQ(1, vcpu_set_msr(a, IA32_TSC, 1ULL << 50));
	EXPECT_EQ(1, vcpu_set_msr(b, IA32_TSC, (1ULL << 50) + 1000));
	EXPECT_EQ(offset_of(a), offset_of(b));
	EXPECT_TRUE(tsc_of(b) > 1ULL << 50);
	/* Something else altogether is what it is. */
	EXPECT_EQ(1, vcpu_set_msr(b, IA32_TSC, 1ULL << 40));
	EXPECT_TRUE(tsc_of(b) < 1ULL << 41);
	/* 0 means the last one written. */
	EXPECT_EQ(1, vcpu_set_msr(a, IA32_TSC, 0));
	EXPECT_EQ(offset_of(a), offset_of(b));
}

TEST(tsc_adjust_by_the_owner_moves_nothing)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	uint64_t offset = offset_of(vcpu), value;

	EXPECT_EQ(1, vcpu_set_msr(vcpu, IA32_TSC_ADJUST, 1ULL << 50));
	EXPECT_EQ(offset, offset_of(vcpu));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, IA32_TSC_ADJUST, &value));
	EXPECT_EQ(1ULL << 50, value);
}

GUEST64(guest_tsc, "mov $0x3b, %ecx\n rdmsr\n mov $0x1000, %edx\n wrmsr\n out %al, $0x10\n"
		   "mov $0x10, %ecx\n mov $0x2000, %edx\n xor %eax, %eax\n wrmsr\n"
		   "rdtsc\n mov %edx, %eax\n out %eax, $0x10\n hlt\n");

TEST(tsc_writes_by_the_guest_move_both)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_tsc);
	uint64_t offset = offset_of(vcpu), adjust;

	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(offset + (0x1000ULL << 32), offset_of(vcpu));
	EXPECT_EQ(0x2000, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, IA32_TSC_ADJUST, &adjust));
	EXPECT_EQ(offset_of(vcpu) - offset, adjust);
}

TEST(tsc_khz_of_a_vcpu)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	int khz = get_khz(vcpu->fd);

	EXPECT_TRUE(khz > 1000);
	if (!device_capability(MINIVMM_CAP_TSC_CONTROL))
		SKIP("this processor has no TSC scaling");
	EXPECT_OK(set_khz(vcpu->fd, 2 * khz));
	EXPECT_EQ(2 * khz, get_khz(vcpu->fd));
	EXPECT_OK(set_khz(vcpu->fd, 0));
	EXPECT_EQ(khz, get_khz(vcpu->fd));
}

GUEST64(guest_count, "rdtsc\n shl $32, %rdx\n or %rax, %rdx\n mov %rdx, %r8\n"
		     "mov $100000, %ecx\n 1: loop 1b\n"
		     "rdtsc\n shl $32, %rdx\n or %rax, %rdx\n sub %r8, %rdx\n"
		     "mov %rdx, %rax\n out %eax, $0x10\n jmp guest_count\n");

/* Of some rounds: in the others the host did something else. */
static uint32_t quickest(struct vcpu *vcpu)
{
	uint32_t ticks, least = UINT32_MAX;

	for (unsigned int i = 0; i < 10; i++) {
		ticks = vcpu_run_to_out(vcpu, 0x10);
		if (ticks < least)
			least = ticks;
	}
	return least;
}

TEST(tsc_khz_is_the_rate_that_the_guest_sees)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_count);
	int khz = get_khz(vcpu->fd);
	uint32_t slow, fast;

	if (!device_capability(MINIVMM_CAP_TSC_CONTROL))
		SKIP("this processor has no TSC scaling");
	slow = quickest(vcpu);
	ASSERT_OK(set_khz(vcpu->fd, 8 * khz));
	fast = quickest(vcpu);
	EXPECT(fast > 4 * slow && fast < 16 * slow, "%u ticks, then %u", slow, fast);
}

TEST(tsc_khz_of_a_vm_is_that_of_new_vcpus)
{
	struct vm *vm = vm_create();
	int khz = get_khz(vm->fd);
	struct vcpu *a, *b;

	if (!device_capability(MINIVMM_CAP_VM_TSC_CONTROL))
		SKIP("this processor has no TSC scaling");
	ASSERT_OK(set_khz(vm->fd, 3 * khz));
	EXPECT_EQ(3 * khz, get_khz(vm->fd));
	a = vcpu_create(vm, 0);
	b = vcpu_create(vm, 1);
	EXPECT_EQ(3 * khz, get_khz(a->fd));
	EXPECT_EQ(offset_of(a), offset_of(b));
}

TEST(tsc_khz_too_fast_is_einval)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	/* GET_TSC_KHZ returns an int. */
	EXPECT_ERRNO(EINVAL, set_khz(vcpu->fd, 0x7fffffff));
	EXPECT_ERRNO(EINVAL, set_khz(vm->fd, 0x7fffffff));
	EXPECT_ERRNO(EINVAL, set_khz(vcpu->fd, 0xffffffff));
	EXPECT_ERRNO(EINVAL, set_khz(vm->fd, 0xffffffff));
	EXPECT_TRUE(get_khz(vcpu->fd) > 0);
}

TEST(tsc_khz_has_32_bits)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	int khz = get_khz(vcpu->fd);

	EXPECT_OK(set_khz(vcpu->fd, 1ULL << 32 | khz));
	EXPECT_EQ(khz, get_khz(vcpu->fd));
}

TEST(tsc_offset_is_an_attribute)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	uint64_t value = offset_of(vcpu) + (1ULL << 40), before = tsc_of(vcpu);
	struct minivmm_device_attr attr = { .addr = (uintptr_t)&value };

	EXPECT_EQ(1, device_capability(MINIVMM_CAP_VCPU_ATTRIBUTES));
	EXPECT_OK(ioctl(vcpu->fd, MINIVMM_HAS_DEVICE_ATTR, &attr));
	EXPECT_OK(ioctl(vcpu->fd, MINIVMM_SET_DEVICE_ATTR, &attr));
	EXPECT_EQ(value, offset_of(vcpu));
	EXPECT_TRUE(tsc_of(vcpu) > before + (1ULL << 40));
}

TEST(vcpu_attribute_unknown_is_enxio)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	uint64_t value;
	struct minivmm_device_attr attr = { .group = 1, .addr = (uintptr_t)&value };

	EXPECT_ERRNO(ENXIO, ioctl(vcpu->fd, MINIVMM_HAS_DEVICE_ATTR, &attr));
	attr.group = 0;
	attr.attr = 1;
	EXPECT_ERRNO(ENXIO, ioctl(vcpu->fd, MINIVMM_GET_DEVICE_ATTR, &attr));
	EXPECT_ERRNO(ENXIO, ioctl(vcpu->fd, MINIVMM_SET_DEVICE_ATTR, &attr));
}

TEST(vcpu_attribute_bad_pointer_is_efault)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	struct minivmm_device_attr attr = { .addr = (uintptr_t)BAD_POINTER };

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_DEVICE_ATTR, &attr));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_DEVICE_ATTR, &attr));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_HAS_DEVICE_ATTR, BAD_POINTER));
}

/* ---- the paravirtual clock ---- */

static struct minivmm_clock_data get_clock(struct vm *vm)
{
	struct minivmm_clock_data data;

	memset(&data, 0xff, sizeof(data));
	ASSERT_OK(ioctl(vm->fd, MINIVMM_GET_CLOCK, &data));
	return data;
}

static void need_clock(void)
{
	if (!(device_capability(MINIVMM_CAP_ADJUST_CLOCK) & MINIVMM_CLOCK_TSC_STABLE))
		SKIP("no stable clock");
	if (!(get_clock(vm_create()).flags & MINIVMM_CLOCK_TSC_STABLE))
		SKIP("the host's time stamp counter is not steady");
}

TEST(clock_is_offered_by_cpuid)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *base = cpuid_entry(cpuid, 0x40000000, 0);
	struct minivmm_cpuid_entry2 *features = cpuid_entry(cpuid, 0x40000001, 0);
	char name[13] = "";

	need_clock();
	ASSERT_TRUE(base && features);
	memcpy(name, &base->ebx, 12);
	EXPECT(!strcmp(name, "KVMKVMKVM"), "the signature is %s", name);
	EXPECT_EQ(0x40000001, base->eax);
	/* Both clocks, without jumps; no delay after port I/O; steal time. */
	EXPECT_EQ(0x0100002b, features->eax & 0x0100002b);
}

TEST(clock_goes_on_and_can_be_set)
{
	struct vm *vm = vm_create();
	uint64_t first = get_clock(vm).clock;
	struct minivmm_clock_data data;

	EXPECT(first < 60000000000, "a new clock is at %llu", (unsigned long long)first);
	usleep(1000);
	data = get_clock(vm);
	EXPECT(data.clock >= first + 1000000, "after 1 ms: %llu, then %llu",
	       (unsigned long long)first, (unsigned long long)data.clock);
	data = (struct minivmm_clock_data){ .clock = 1ULL << 50 };
	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_CLOCK, &data));
	EXPECT_EQ(1ULL << 50 >> 40, get_clock(vm).clock >> 40);
	/* Read a second ago by the time of day: a second is added. */
	data = get_clock(vm);
	if (!(data.flags & MINIVMM_CLOCK_REALTIME))
		return;
	data.clock = 0;
	data.realtime -= 1000000000;
	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_CLOCK, &data));
	EXPECT_TRUE(get_clock(vm).clock >= 1000000000);
}

TEST(clock_unknown_flag_is_einval)
{
	struct minivmm_clock_data data = { .flags = 1 };
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_CLOCK, &data));
	data.flags = 0x10;
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_CLOCK, &data));
}

TEST(clock_bad_pointer_is_efault)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_GET_CLOCK, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_CLOCK, BAD_POINTER));
}

GUEST64(guest_hlt, "1: hlt\n jmp 1b\n");

static uint64_t page_now(struct vcpu *vcpu, const struct time_info *info)
{
	uint64_t ticks = tsc_of(vcpu) - info->tsc;

	ticks = info->shift < 0 ? ticks >> -info->shift : ticks << info->shift;
	return info->ns + (uint64_t)((__uint128_t)ticks * info->mul >> 32);
}

TEST(clock_page_says_what_get_clock_says)
{
	static const uint32_t msrs[] = { KVM_SYSTEM_TIME, KVM_SYSTEM_TIME_NEW };
	struct time_info *info;
	struct vcpu *vcpu;
	uint64_t value;

	need_clock();
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t before, now, after;

		vcpu = guest_new(MODE_LONG, guest_hlt);
		info = vm_at(vcpu->vm, PAGE_GPA);
		EXPECT_EQ(1, vcpu_set_msr(vcpu, msrs[i], PAGE_GPA | 1));
		EXPECT_EQ(1, vcpu_get_msr(vcpu, msrs[i], &value));
		EXPECT_EQ(PAGE_GPA | 1, value);
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
		EXPECT_EQ(0, info->version & 1);
		EXPECT_TRUE(info->version != 0 && info->mul != 0);
		EXPECT_EQ(1, info->flags);	/* stable */
		before = get_clock(vcpu->vm).clock;
		now = page_now(vcpu, info);
		after = get_clock(vcpu->vm).clock;
		EXPECT(now + 1000 >= before && now <= after + 1000, "%llu is not in %llu to %llu",
		       (unsigned long long)now, (unsigned long long)before,
		       (unsigned long long)after);
	}
}

TEST(clock_page_follows_set_clock_and_the_counter)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_hlt);
	struct time_info *info = vm_at(vcpu->vm, PAGE_GPA);
	struct minivmm_clock_data data = { .clock = 1ULL << 50 };
	uint32_t version;

	need_clock();
	EXPECT_EQ(1, vcpu_set_msr(vcpu, KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	version = info->version;
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_SET_CLOCK, &data));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_TRUE(info->version > version);
	EXPECT_EQ(1ULL << 50 >> 40, page_now(vcpu, info) >> 40);
	EXPECT_EQ(1, vcpu_set_msr(vcpu, IA32_TSC, 1ULL << 55));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1ULL << 50 >> 40, page_now(vcpu, info) >> 40);
}

TEST(clock_page_is_left_alone_when_disabled)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_hlt);
	struct time_info *info = vm_at(vcpu->vm, PAGE_GPA);

	EXPECT_EQ(1, vcpu_set_msr(vcpu, KVM_SYSTEM_TIME_NEW, PAGE_GPA));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, info->version);
	/* Where there is no memory nothing is written either, and nothing breaks. */
	EXPECT_EQ(1, vcpu_set_msr(vcpu, KVM_SYSTEM_TIME_NEW, 0x7ffff000 | 1));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(guest_wall, "mov $0x4b564d00, %ecx\n mov $0x50800, %eax\n xor %edx, %edx\n wrmsr\n hlt\n");

TEST(clock_wall_time)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_wall);
	uint32_t *wall = vm_at(vcpu->vm, 0x50800);
	struct minivmm_clock_data data;
	uint64_t sec;

	need_clock();
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	data = get_clock(vcpu->vm);
	sec = (data.realtime - data.clock) / 1000000000;
	EXPECT_EQ(0, wall[0] & 1);
	EXPECT(wall[1] + 1 >= sec && wall[1] <= sec + 1, "%u s, not %llu s", wall[1],
	       (unsigned long long)sec);
	EXPECT_TRUE(wall[2] < 1000000000);
}

TEST(kvmclock_ctrl_sets_a_flag)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_hlt);
	struct time_info *info = vm_at(vcpu->vm, PAGE_GPA);

	EXPECT_EQ(1, vcpu_set_msr(vcpu, KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, info->flags & 2);
	EXPECT_OK(ioctl(vcpu->fd, MINIVMM_KVMCLOCK_CTRL));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(2, info->flags & 2);
}

TEST(kvmclock_ctrl_without_a_clock_is_einval)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_hlt);

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_KVMCLOCK_CTRL));
}

/* ---- steal time ---- */

TEST(steal_time_reserved_bits_are_refused)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_hlt);
	uint64_t value;

	EXPECT_EQ(0, vcpu_set_msr(vcpu, KVM_STEAL_TIME, PAGE_GPA | 3));
	EXPECT_EQ(1, vcpu_set_msr(vcpu, KVM_STEAL_TIME, PAGE_GPA | 1));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, KVM_STEAL_TIME, &value));
	EXPECT_EQ(PAGE_GPA | 1, value);
}

/* Another thread takes the CPU away for a while: the guest is told. */
TEST(steal_time_grows_while_others_run)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_hlt);
	uint64_t *steal = vm_at(vcpu->vm, PAGE_GPA), before;
	uint32_t *version = vm_at(vcpu->vm, PAGE_GPA + 8);
	pid_t child;

	EXPECT_EQ(1, vcpu_set_msr(vcpu, KVM_STEAL_TIME, PAGE_GPA | 1));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, *version & 1);
	before = *steal;
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		SKIP("the other thread has a CPU of its own");
	child = fork();
	if (!child) {
		for (volatile unsigned int i = 0; i < 3000000; i++)
			;
		_exit(0);
	}
	for (unsigned int i = 0; i < 2000 && *steal == before; i++)
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_TRUE(*steal > before);
	EXPECT_EQ(0, *version & 1);
}
