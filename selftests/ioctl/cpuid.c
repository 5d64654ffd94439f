// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET_CPUID2 and GET_CPUID2: the table, its limits, and what CPUID answers in
 * the guest. GET_SUPPORTED_CPUID is in system.c.
 */
#include <stdlib.h>

#include "errors.h"

struct cpuid {
	struct minivmm_cpuid2 head;
	struct minivmm_cpuid_entry2 entries[300];
};

/* A vCPU whose CPUID nobody has set. */
static int bare_vcpu(void)
{
	int fd = ioctl(vm_create()->fd, MINIVMM_CREATE_VCPU, 0);

	ASSERT_OK(fd);
	return fd;
}

/* After GET_CPUID2 with room for 300. */
static void expect_count(uint32_t count, const struct cpuid *cpuid)
{
	/* KVM 6.1 leaves nent as it was; later ones say how many. */
	if (!on_kvm() || cpuid->head.nent != 300)
		EXPECT_EQ(count, cpuid->head.nent);
	if (count)
		EXPECT(cpuid->entries[count - 1].function, "entry %u is empty", count - 1);
	EXPECT_EQ(0, cpuid->entries[count].function | cpuid->entries[count].eax);
}

TEST(cpuid_is_empty_at_first)
{
	struct cpuid cpuid = { .head.nent = 300 };

	EXPECT_EQ(0, ioctl(bare_vcpu(), MINIVMM_GET_CPUID2, &cpuid));
	expect_count(0, &cpuid);
}

TEST(cpuid_round_trip)
{
	struct minivmm_cpuid2 *in = device_cpuid();
	struct cpuid out = { .head.nent = 300 };
	int fd = bare_vcpu();

	ASSERT_EQ(0, ioctl(fd, MINIVMM_SET_CPUID2, in));
	ASSERT_EQ(0, ioctl(fd, MINIVMM_GET_CPUID2, &out));
	expect_count(in->nent, &out);
	for (uint32_t i = 0; i < in->nent; i++) {
		EXPECT_EQ(in->entries[i].function, out.entries[i].function);
		EXPECT_EQ(in->entries[i].index, out.entries[i].index);
		EXPECT_EQ(in->entries[i].flags, out.entries[i].flags);
	}
}

TEST(emulated_cpuid_names_features)
{
	struct cpuid cpuid = { .head.nent = 300 };

	ASSERT_EQ(0, ioctl(device_open(), MINIVMM_GET_EMULATED_CPUID, &cpuid));
	ASSERT_EQ(3, cpuid.head.nent);
	EXPECT_EQ(0, cpuid.entries[0].function);
	EXPECT_EQ(7, cpuid.entries[0].eax);
	EXPECT_EQ(1, cpuid.entries[1].function);
	EXPECT_EQ(1 << 22, cpuid.entries[1].ecx);	/* MOVBE */
	EXPECT_EQ(7, cpuid.entries[2].function);
	EXPECT_EQ(1, cpuid.entries[2].flags);
	EXPECT_EQ(1 << 22, cpuid.entries[2].ecx);	/* RDPID */
	EXPECT_EQ(0, cpuid.entries[2].ebx | cpuid.entries[2].edx);
}

TEST(emulated_cpuid_too_small_is_e2big)
{
	struct cpuid cpuid = { .head.nent = 2 };

	EXPECT_ERRNO(E2BIG, ioctl(device_open(), MINIVMM_GET_EMULATED_CPUID, &cpuid));
	EXPECT_EQ(2, cpuid.head.nent);
	cpuid.head.nent = 0;
	EXPECT_ERRNO(E2BIG, ioctl(device_open(), MINIVMM_GET_EMULATED_CPUID, &cpuid));
}

TEST(emulated_cpuid_padding_is_einval)
{
	struct cpuid cpuid = { .head.nent = 10 };

	cpuid.entries[9].padding[2] = 1;
	EXPECT_ERRNO(EINVAL, ioctl(device_open(), MINIVMM_GET_EMULATED_CPUID, &cpuid));
	cpuid.entries[9].padding[2] = 0;
	cpuid.entries[10].padding[0] = 1;
	EXPECT_OK(ioctl(device_open(), MINIVMM_GET_EMULATED_CPUID, &cpuid));
}

TEST(emulated_cpuid_bad_pointer_is_efault)
{
	EXPECT_ERRNO(EFAULT, ioctl(device_open(), MINIVMM_GET_EMULATED_CPUID, BAD_POINTER));
}

TEST(cpuid_get_too_small_is_e2big)
{
	struct minivmm_cpuid2 *in = device_cpuid();
	struct cpuid out = { .head.nent = 1 };
	int fd = bare_vcpu();

	ASSERT_EQ(0, ioctl(fd, MINIVMM_SET_CPUID2, in));
	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_CPUID2, &out));
	EXPECT_EQ(0, out.entries[0].eax);
	out.head.nent = in->nent - 1;
	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_CPUID2, &out));
	out.head.nent = in->nent;
	EXPECT_EQ(0, ioctl(fd, MINIVMM_GET_CPUID2, &out));
}

TEST(cpuid_too_many_are_e2big)
{
	struct cpuid cpuid = { .head.nent = 257 };
	int fd = bare_vcpu();

	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_SET_CPUID2, &cpuid));
	cpuid.head.nent = ~0U;
	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_SET_CPUID2, &cpuid));
	for (int i = 0; i < 256; i++)
		cpuid.entries[i].function = 0x40001000 + i;
	cpuid.head.nent = 256;
	EXPECT_EQ(0, ioctl(fd, MINIVMM_SET_CPUID2, &cpuid));
}

TEST(cpuid_none_empties_the_table)
{
	struct cpuid cpuid = { .head.nent = 0 };
	int fd = bare_vcpu();

	ASSERT_EQ(0, ioctl(fd, MINIVMM_SET_CPUID2, device_cpuid()));
	EXPECT_EQ(0, ioctl(fd, MINIVMM_SET_CPUID2, &cpuid));
	cpuid.head.nent = 300;
	EXPECT_EQ(0, ioctl(fd, MINIVMM_GET_CPUID2, &cpuid));
	expect_count(0, &cpuid);
}

TEST(cpuid_entries_at_a_bad_pointer_are_efault)
{
	uint32_t *head = last_word_of_page() - 1;
	int fd = bare_vcpu();

	head[0] = 1;
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_SET_CPUID2, head));
	ASSERT_EQ(0, ioctl(fd, MINIVMM_SET_CPUID2, device_cpuid()));
	head[0] = 256;
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_CPUID2, head));
}

TEST(cpuid_bad_linear_address_width_is_einval)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *e = cpuid_entry(cpuid, 0x80000008, 0);

	ASSERT_TRUE(e);
	e->eax = (e->eax & ~0xff00U) | 49 << 8;
	EXPECT_ERRNO(EINVAL, ioctl(bare_vcpu(), MINIVMM_SET_CPUID2, cpuid));
}

TEST(cpuid_change_after_run_is_einval)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	/* The same again is accepted. */
	EXPECT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	cpuid_entry(cpuid, 0, 0)->ebx ^= 1;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	cpuid->nent--;
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
}

/* ---- in the guest ---- */

GUEST64(do_cpuid, "1: cpuid\n"
		  "hlt\n"
		  "jmp 1b\n");

static struct minivmm_regs guest_cpuid(struct vcpu *vcpu, uint32_t function, uint32_t index)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rax = function | 0xffffffff00000000;
	regs.rcx = index;
	regs.rbx = ~0ULL;
	regs.rdx = ~0ULL;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	return vcpu_regs(vcpu);
}

static void expect_answer(struct minivmm_regs regs, uint64_t eax, uint64_t ebx, uint64_t ecx,
			  uint64_t edx)
{
	/* The upper halves are cleared. */
	EXPECT_EQ(eax, regs.rax);
	EXPECT_EQ(ebx, regs.rbx);
	EXPECT_EQ(ecx, regs.rcx);
	EXPECT_EQ(edx, regs.rdx);
}

static struct vcpu *guest_with_cpuid(struct cpuid *cpuid)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, do_cpuid);

	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	return vcpu;
}

TEST(cpuid_in_the_guest_is_the_table)
{
	struct cpuid cpuid = {
		.head.nent = 5,
		.entries = {
			{ .function = 0, .eax = 4, .ebx = 0x756e6547, .ecx = 0x6c65746e,
			  .edx = 0x49656e69 },
			{ .function = 4, .index = 0, .flags = 1, .eax = 10, .ebx = 11,
			  .ecx = 12, .edx = 13 },
			{ .function = 4, .index = 1, .flags = 1, .eax = 20, .ebx = 21,
			  .ecx = 22, .edx = 23 },
			{ .function = 0x80000000, .eax = 0x80000001 },
			{ .function = 0x80000001, .index = 5, .eax = 30, .ebx = 31, .ecx = 32,
			  .edx = 0x20100800 },
		},
	};
	struct vcpu *vcpu = guest_with_cpuid(&cpuid);

	expect_answer(guest_cpuid(vcpu, 0, 0), 4, 0x756e6547, 0x6c65746e, 0x49656e69);
	expect_answer(guest_cpuid(vcpu, 4, 0), 10, 11, 12, 13);
	expect_answer(guest_cpuid(vcpu, 4, 1), 20, 21, 22, 23);
	/* A leaf without subleaves does not care about ECX. */
	expect_answer(guest_cpuid(vcpu, 0x80000001, 99), 30, 31, 32, 0x20100800);
	/* Within the range, but not in the table. */
	expect_answer(guest_cpuid(vcpu, 3, 0), 0, 0, 0, 0);
	expect_answer(guest_cpuid(vcpu, 4, 7), 0, 0, 0, 0);
}

TEST(cpuid_beyond_the_last_leaf_is_the_last_basic_one)
{
	struct cpuid cpuid = {
		.head.nent = 3,
		.entries = {
			{ .function = 0, .eax = 2, .ebx = 0x756e6547, .ecx = 0x6c65746e,
			  .edx = 0x49656e69 },
			{ .function = 2, .eax = 40, .ebx = 41, .ecx = 42, .edx = 43 },
			{ .function = 0x80000001, .edx = 0x20100800 },
		},
	};
	struct vcpu *vcpu = guest_with_cpuid(&cpuid);

	/* So Intel's processors answer; the table says that it is one. */
	expect_answer(guest_cpuid(vcpu, 0x77, 0), 40, 41, 42, 43);
	expect_answer(guest_cpuid(vcpu, 0x80000077, 0), 40, 41, 42, 43);
}

TEST(cpuid_in_the_guest_follows_cr4)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, do_cpuid);
	struct minivmm_sregs s = vcpu_sregs(vcpu);

	if (!(cpuid_entry(device_cpuid(), 1, 0)->ecx & 1 << 26))
		SKIP("no XSAVE here");
	/* Leaf 1, ECX bit 27 is CR4.OSXSAVE. */
	EXPECT_EQ(0, guest_cpuid(vcpu, 1, 0).rcx & 1 << 27);
	s.cr4 |= 1 << 18;
	vcpu_set_sregs(vcpu, &s);
	EXPECT_EQ(1 << 27, guest_cpuid(vcpu, 1, 0).rcx & 1 << 27);
}
