// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_MSRS and SET_MSRS: how many were done, where they stop, and that the
 * values are the guest's. Documentation/abi.md, "MSRs".
 */
#include <stdlib.h>

#include "errors.h"

#define IA32_TSC		0x10
#define IA32_APIC_BASE		0x1b
#define IA32_SYSENTER_CS	0x174
#define IA32_SYSENTER_ESP	0x175
#define IA32_SYSENTER_EIP	0x176
#define IA32_PAT		0x277
#define IA32_EFER		0xc0000080
#define IA32_STAR		0xc0000081
#define IA32_LSTAR		0xc0000082
#define IA32_FMASK		0xc0000084
#define IA32_FS_BASE		0xc0000100
#define IA32_GS_BASE		0xc0000101
#define IA32_KERNEL_GS_BASE	0xc0000102
/* Nobody has it. */
#define MSR_NONE		0x4b564d77

#define NON_CANONICAL		0x8000000000000000ULL

struct msrs {
	struct minivmm_msrs head;
	struct minivmm_msr_entry entries[300];
};

static struct vcpu *new_vcpu(void)
{
	return vcpu_create(vm_create(), 0);
}

TEST(msrs_none_is_0)
{
	struct msrs msrs = { .head.nmsrs = 0 };
	struct vcpu *vcpu = new_vcpu();

	EXPECT_EQ(0, ioctl(vcpu->fd, MINIVMM_GET_MSRS, &msrs));
	EXPECT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_MSRS, &msrs));
}

TEST(msrs_round_trip)
{
	static const struct minivmm_msr_entry values[] = {
		{ .index = IA32_SYSENTER_CS, .data = 0x10 },
		{ .index = IA32_SYSENTER_ESP, .data = 0xffff800000001000 },
		{ .index = IA32_SYSENTER_EIP, .data = 0xffff800000002000 },
		{ .index = IA32_STAR, .data = 0x0023001000000000 },
		{ .index = IA32_LSTAR, .data = 0xffff800000003000 },
		{ .index = IA32_FMASK, .data = 0x4700 },
		{ .index = IA32_KERNEL_GS_BASE, .data = 0xffff800000004000 },
		{ .index = IA32_FS_BASE, .data = 0x7f0000001000 },
		{ .index = IA32_GS_BASE, .data = 0x7f0000002000 },
		{ .index = IA32_EFER, .data = 0x901 },
		{ .index = IA32_PAT, .data = 0x0007040600070406 },
	};
	const int count = sizeof(values) / sizeof(values[0]);
	struct msrs msrs = { .head.nmsrs = count };
	struct vcpu *vcpu = new_vcpu();

	memcpy(msrs.entries, values, sizeof(values));
	EXPECT_EQ(count, ioctl(vcpu->fd, MINIVMM_SET_MSRS, &msrs));
	for (int i = 0; i < count; i++)
		msrs.entries[i].data = 0;
	EXPECT_EQ(count, ioctl(vcpu->fd, MINIVMM_GET_MSRS, &msrs));
	for (int i = 0; i < count; i++)
		EXPECT(msrs.entries[i].data == values[i].data, "MSR %#x is %#llx, expected %#llx",
		       values[i].index, (unsigned long long)msrs.entries[i].data,
		       (unsigned long long)values[i].data);
	/* The same bases through another door. */
	EXPECT_EQ(0x7f0000001000, vcpu_sregs(vcpu).fs.base);
	EXPECT_EQ(0x901, vcpu_sregs(vcpu).efer);
}

TEST(msrs_unknown_is_not_counted)
{
	struct vcpu *vcpu = new_vcpu();
	uint64_t value;

	EXPECT_EQ(0, vcpu_get_msr(vcpu, MSR_NONE, &value));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_NONE, 1));
}

TEST(msrs_stop_at_the_first_that_fails)
{
	struct msrs msrs = { .head.nmsrs = 4 };
	struct vcpu *vcpu = new_vcpu();
	uint64_t value;

	msrs.entries[0].index = IA32_SYSENTER_CS;
	msrs.entries[0].data = 0x18;
	msrs.entries[1].index = IA32_SYSENTER_ESP;
	msrs.entries[1].data = 0x4000;
	msrs.entries[2].index = MSR_NONE;
	msrs.entries[3].index = IA32_SYSENTER_EIP;
	msrs.entries[3].data = 0x5000;
	EXPECT_EQ(2, ioctl(vcpu->fd, MINIVMM_SET_MSRS, &msrs));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, IA32_SYSENTER_ESP, &value));
	EXPECT_EQ(0x4000, value);
	EXPECT_EQ(1, vcpu_get_msr(vcpu, IA32_SYSENTER_EIP, &value));
	EXPECT_EQ(0, value);

	msrs.entries[0].data = 0;
	msrs.entries[3].data = 0x77;
	EXPECT_EQ(2, ioctl(vcpu->fd, MINIVMM_GET_MSRS, &msrs));
	EXPECT_EQ(0x18, msrs.entries[0].data);
	EXPECT_EQ(0x77, msrs.entries[3].data);
}

TEST(msrs_bad_values_are_not_counted)
{
	struct vcpu *vcpu = new_vcpu();

	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_LSTAR, NON_CANONICAL));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_KERNEL_GS_BASE, NON_CANONICAL));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_FS_BASE, NON_CANONICAL));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_GS_BASE, NON_CANONICAL));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_EFER, 1ULL << 63));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_EFER, 1ULL << 1));
	/* 2, 3 and above 7 are no memory types. */
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_PAT, 0x0007040600070402));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_PAT, 0x0807040600070406));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, IA32_APIC_BASE, 0xfee00001));
}

TEST(msrs_efer_lma_cannot_be_set)
{
	struct vcpu *vcpu = new_vcpu();

	/* It follows CR0.PG: accepted, and ignored. */
	EXPECT_EQ(1, vcpu_set_msr(vcpu, IA32_EFER, 0x500));
	EXPECT_EQ(0x100, vcpu_sregs(vcpu).efer);
}

TEST(msrs_too_many_are_e2big)
{
	struct msrs msrs = { .head.nmsrs = 256 };
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(E2BIG, ioctl(vcpu->fd, MINIVMM_GET_MSRS, &msrs));
	EXPECT_ERRNO(E2BIG, ioctl(vcpu->fd, MINIVMM_SET_MSRS, &msrs));
	msrs.head.nmsrs = ~0U;
	EXPECT_ERRNO(E2BIG, ioctl(vcpu->fd, MINIVMM_GET_MSRS, &msrs));
	for (int i = 0; i < 255; i++)
		msrs.entries[i].index = IA32_SYSENTER_CS;
	msrs.head.nmsrs = 255;
	EXPECT_EQ(255, ioctl(vcpu->fd, MINIVMM_GET_MSRS, &msrs));
}

TEST(msrs_list_at_a_bad_pointer_is_efault)
{
	uint32_t *head = last_word_of_page() - 1;
	struct vcpu *vcpu = new_vcpu();

	*head = 1;
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_MSRS, head));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_MSRS, head));
}

TEST(msrs_in_read_only_memory_are_efault)
{
	struct msrs *msrs = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vcpu *vcpu = new_vcpu();

	ASSERT_TRUE(msrs != MAP_FAILED);
	msrs->head.nmsrs = 1;
	msrs->entries[0].index = IA32_SYSENTER_CS;
	ASSERT_OK(mprotect(msrs, 2 * PAGE, PROT_READ));
	EXPECT_EQ(1, ioctl(vcpu->fd, MINIVMM_SET_MSRS, msrs));
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_GET_MSRS, msrs));
}

TEST(msrs_of_the_index_list_can_be_got)
{
	struct {
		struct minivmm_msr_list head;
		uint32_t indices[512];
	} list = { .head.nmsrs = 512 };
	struct vcpu *vcpu = new_vcpu();
	uint64_t value;

	ASSERT_EQ(0, ioctl(device_open(), MINIVMM_GET_MSR_INDEX_LIST, &list));
	for (uint32_t i = 0; i < list.head.nmsrs; i++) {
		EXPECT(vcpu_get_msr(vcpu, list.indices[i], &value) == 1,
		       "MSR %#x is listed, but cannot be read", list.indices[i]);
	}
}

/* Gives ECX, then writes it back plus 0x10. */
GUEST64(use_msr, "1: rdmsr\n"
		 "out %eax, $0x10\n"
		 "add $0x10, %eax\n"
		 "wrmsr\n"
		 "jmp 1b\n");

TEST(msrs_reach_the_guest_and_come_back)
{
	static const uint32_t all[] = {
		IA32_SYSENTER_CS, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP, IA32_STAR, IA32_LSTAR,
		IA32_FMASK, IA32_FS_BASE, IA32_GS_BASE, IA32_KERNEL_GS_BASE,
	};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct vcpu *vcpu = guest_new(MODE_LONG, use_msr);
		struct minivmm_regs regs = vcpu_regs(vcpu);
		uint64_t value;

		regs.rcx = all[i];
		vcpu_set_regs(vcpu, &regs);
		ASSERT_EQ(1, vcpu_set_msr(vcpu, all[i], 0x1000));
		EXPECT_EQ(0x1000, vcpu_run_to_out(vcpu, 0x10));
		EXPECT_EQ(0x1010, vcpu_run_to_out(vcpu, 0x10));
		EXPECT_EQ(1, vcpu_get_msr(vcpu, all[i], &value));
		EXPECT_EQ(0x1010, value);
		guest_free(vcpu);
	}
}

GUEST64(read_tsc, "rdtsc\n"
		  "shl $32, %rdx\n"
		  "or %rdx, %rax\n"
		  "hlt\n");

TEST(msrs_tsc_counts_from_what_was_set)
{
	const uint64_t start = 0x100000000000000;
	struct vcpu *vcpu = guest_new(MODE_LONG, read_tsc);
	uint64_t tsc, later;

	ASSERT_EQ(1, vcpu_set_msr(vcpu, IA32_TSC, start));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	tsc = vcpu_regs(vcpu).rax;
	EXPECT(tsc > start && tsc - start < 1ULL << 40, "TSC is %#llx", (unsigned long long)tsc);
	EXPECT_EQ(1, vcpu_get_msr(vcpu, IA32_TSC, &later));
	EXPECT(later > tsc, "TSC went back to %#llx", (unsigned long long)later);
}
