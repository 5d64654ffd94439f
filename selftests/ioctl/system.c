// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls on the system fd, /dev/minivmm: each one's success and each of its
 * errors. Documentation/abi.md, "The system fd".
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "errors.h"

TEST(get_api_version)
{
	EXPECT_EQ(MINIVMM_API_VERSION, ioctl(device_open(), MINIVMM_GET_API_VERSION, 0));
}

TEST(get_api_version_with_argument_is_einval)
{
	EXPECT_ERRNO(EINVAL, ioctl(device_open(), MINIVMM_GET_API_VERSION, 1));
}

TEST(get_vcpu_mmap_size_holds_run_and_pio_page)
{
	int size = ioctl(device_open(), MINIVMM_GET_VCPU_MMAP_SIZE, 0);

	EXPECT(size >= (MINIVMM_PIO_PAGE_OFFSET + 1) * PAGE, "%d bytes", size);
	EXPECT_EQ(0, size % PAGE);
}

TEST(get_vcpu_mmap_size_with_argument_is_einval)
{
	EXPECT_ERRNO(EINVAL, ioctl(device_open(), MINIVMM_GET_VCPU_MMAP_SIZE, 1));
}

TEST(unknown_ioctl_on_system_fd_is_einval)
{
	int fd = device_open();

	EXPECT_ERRNO(EINVAL, ioctl(fd, _IO(MINIVMMIO, 0xff), 0));
	/* Another type byte, another direction, another size: other numbers. */
	EXPECT_ERRNO(EINVAL, ioctl(fd, _IO('x', 0x01), 0));
	EXPECT_ERRNO(EINVAL, ioctl(fd, _IOW(MINIVMMIO, 0x01, int), 0));
}

TEST(calls_of_other_fds_on_system_fd_are_einval)
{
	struct minivmm_userspace_memory_region region = { 0 };
	struct minivmm_regs regs = { 0 };
	int fd = device_open();

	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_CREATE_VCPU, 0));
	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_SET_USER_MEMORY_REGION, &region));
	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_SET_TSS_ADDR, 0));
	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_RUN, 0));
	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_GET_REGS, &regs));
}

TEST(system_fd_cannot_be_mapped_or_read)
{
	int fd = device_open();
	char byte;

	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV,
	       "mmap: %s, expected ENODEV", strerror(errno));
	EXPECT_ERRNO(EINVAL, read(fd, &byte, 1));
	EXPECT_ERRNO(EINVAL, write(fd, "x", 1));
}

TEST(create_vm_returns_a_new_fd_each_time)
{
	int fd = device_open();
	int first = ioctl(fd, MINIVMM_CREATE_VM, 0);
	int second = ioctl(fd, MINIVMM_CREATE_VM, 0);

	EXPECT(first >= 0 && second >= 0 && first != second, "fds %d and %d", first, second);
	EXPECT_TRUE(fcntl(first, F_GETFD) & FD_CLOEXEC);
}

TEST(create_vm_with_bad_type_is_einval)
{
	int fd = device_open();

	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_CREATE_VM, 1));
	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_CREATE_VM, 1UL << 31));
	EXPECT_ERRNO(EINVAL, ioctl(fd, MINIVMM_CREATE_VM, ~0UL));
}

TEST(create_vm_without_free_fds_is_emfile)
{
	int fd = device_open(), last;

	do {
		last = dup(fd);
	} while (last >= 0);
	ASSERT_EQ(EMFILE, errno);
	EXPECT_ERRNO(EMFILE, ioctl(fd, MINIVMM_CREATE_VM, 0));
}

TEST(create_vm_works_on_a_read_only_fd)
{
	int fd = open(device_path(), O_RDONLY);

	ASSERT_OK(fd);
	EXPECT_OK(ioctl(fd, MINIVMM_CREATE_VM, 0));
}

TEST(vm_outlives_the_system_fd)
{
	int fd = device_open();
	int vm = ioctl(fd, MINIVMM_CREATE_VM, 0);

	close(fd);
	EXPECT_OK(ioctl(vm, MINIVMM_CREATE_VCPU, 0));
}

/* ---- GET_MSR_INDEX_LIST ---- */

struct msr_list {
	struct minivmm_msr_list head;
	uint32_t indices[512];
};

TEST(get_msr_index_list)
{
	struct msr_list list = { .head.nmsrs = 512 };
	bool tsc = false, efer = false;

	ASSERT_EQ(0, ioctl(device_open(), MINIVMM_GET_MSR_INDEX_LIST, &list));
	ASSERT(list.head.nmsrs > 0 && list.head.nmsrs < 512, "%u MSRs", list.head.nmsrs);
	for (uint32_t i = 0; i < list.head.nmsrs; i++) {
		tsc |= list.indices[i] == 0x10;
		efer |= list.indices[i] == 0xc0000081;	/* STAR */
		for (uint32_t j = 0; j < i; j++)
			EXPECT(list.indices[i] != list.indices[j], "%#x is listed twice",
			       list.indices[i]);
	}
	EXPECT(tsc, "IA32_TIME_STAMP_COUNTER is not listed");
	EXPECT(efer, "IA32_STAR is not listed");
}

TEST(get_msr_index_list_too_small_is_e2big_and_says_how_many)
{
	struct msr_list list = { .head.nmsrs = 0 };
	int fd = device_open();
	uint32_t count;

	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_MSR_INDEX_LIST, &list));
	count = list.head.nmsrs;
	ASSERT(count > 0 && count < 512, "%u MSRs", count);
	EXPECT_EQ(0, list.indices[0]);

	list.head.nmsrs = count - 1;
	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_MSR_INDEX_LIST, &list));
	EXPECT_EQ(count, list.head.nmsrs);
	/* Just enough is enough. */
	EXPECT_EQ(0, ioctl(fd, MINIVMM_GET_MSR_INDEX_LIST, &list));
	EXPECT_EQ(count, list.head.nmsrs);
	EXPECT_EQ(0, list.indices[count]);
}

/* A processor's revision is told by all; further features as they are there. */
TEST(get_msr_feature_index_list_and_get_msrs_go_together)
{
	struct msr_list list = { .head.nmsrs = 512 };
	struct {
		struct minivmm_msrs head;
		struct minivmm_msr_entry entry[2];
	} msrs = { .head.nmsrs = 1 };
	int fd = device_open();
	bool revision = false;

	ASSERT_EQ(0, ioctl(fd, MINIVMM_GET_MSR_FEATURE_INDEX_LIST, &list));
	for (uint32_t i = 0; i < list.head.nmsrs; i++) {
		revision |= list.indices[i] == 0x8b;
		msrs.entry[0].index = list.indices[i];
		EXPECT(ioctl(fd, MINIVMM_GET_MSRS, &msrs) == 1,
		       "MSR %#x is listed, but cannot be read", list.indices[i]);
	}
	EXPECT(revision, "IA32_BIOS_SIGN_ID is not listed");

	/* How many there were before the first that is no feature. */
	msrs.head.nmsrs = 2;
	msrs.entry[0].index = 0x8b;
	msrs.entry[1].index = 0x10;
	EXPECT_EQ(1, ioctl(fd, MINIVMM_GET_MSRS, &msrs));
}

TEST(get_msr_feature_index_list_too_small_is_e2big_and_says_how_many)
{
	struct msr_list list = { .head.nmsrs = 0 };
	int fd = device_open();

	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_MSR_FEATURE_INDEX_LIST, &list));
	ASSERT(list.head.nmsrs > 0 && list.head.nmsrs < 512, "%u MSRs", list.head.nmsrs);
	EXPECT_EQ(0, list.indices[0]);
	EXPECT_EQ(0, ioctl(fd, MINIVMM_GET_MSR_FEATURE_INDEX_LIST, &list));
}

TEST(get_msr_feature_index_list_bad_pointer_is_efault)
{
	int fd = device_open();

	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_MSR_FEATURE_INDEX_LIST, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_MSR_FEATURE_INDEX_LIST, KERNEL_POINTER));
}

TEST(get_msrs_of_the_system_too_many_is_e2big)
{
	struct minivmm_msrs msrs = { .nmsrs = 256 };

	EXPECT_ERRNO(E2BIG, ioctl(device_open(), MINIVMM_GET_MSRS, &msrs));
}

TEST(get_msrs_of_the_system_bad_pointer_is_efault)
{
	int fd = device_open();

	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_MSRS, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_MSRS, KERNEL_POINTER));
}

TEST(get_msr_index_list_bad_pointer_is_efault)
{
	uint32_t *last = last_word_of_page();
	int fd = device_open();

	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_MSR_INDEX_LIST, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_MSR_INDEX_LIST, KERNEL_POINTER));
	/* The count can be read and written, the list after it cannot. */
	*last = 512;
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_MSR_INDEX_LIST, last));
}

/* ---- GET_SUPPORTED_CPUID ---- */

static struct minivmm_cpuid2 *cpuid_room(uint32_t nent)
{
	struct minivmm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + 300 * sizeof(cpuid->entries[0]));
	ASSERT_TRUE(cpuid);
	cpuid->nent = nent;
	return cpuid;
}

TEST(get_supported_cpuid)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *leaf1 = cpuid_entry(cpuid, 1, 0);
	struct minivmm_cpuid_entry2 *e;

	ASSERT(cpuid->nent > 4 && cpuid->nent < 256, "%u entries", cpuid->nent);
	ASSERT_TRUE(leaf1);
	EXPECT(cpuid_entry(cpuid, 0, 0), "leaf 0 is missing");
	EXPECT(leaf1->edx & 1 << 0, "no FPU");
	EXPECT(leaf1->edx & 1 << 5, "no MSRs");
	EXPECT(leaf1->edx & 1 << 6, "no PAE");
	EXPECT(!(leaf1->ecx & 1 << 3), "MONITOR is offered, and would stop the host's CPU");
	e = cpuid_entry(cpuid, 0x80000001, 0);
	ASSERT_TRUE(e);
	EXPECT(e->edx & 1 << 29, "no long mode");
	/* Otherwise Linux keeps a PIT running beside the local APIC's timer. */
	e = cpuid_entry(cpuid, 6, 0);
	ASSERT_TRUE(e);
	EXPECT_EQ(1 << 2, e->eax);
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		e = &cpuid->entries[i];
		EXPECT(!e->padding[0] && !e->padding[1] && !e->padding[2],
		       "leaf %#x: padding is not 0", e->function);
	}
}

TEST(get_supported_cpuid_too_small_is_e2big)
{
	struct minivmm_cpuid2 *cpuid = cpuid_room(0);
	uint32_t count = device_cpuid()->nent;
	int fd = device_open();

	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, cpuid));
	cpuid->nent = 1;
	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, cpuid));
	/* Unlike the list of MSRs, this does not say how many. */
	EXPECT_EQ(1, cpuid->nent);
	cpuid->nent = count - 1;
	EXPECT_ERRNO(E2BIG, ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, cpuid));
	EXPECT_EQ(0, cpuid->entries[0].eax);
	cpuid->nent = count;
	EXPECT_EQ(0, ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, cpuid));
	EXPECT_EQ(count, cpuid->nent);
}

TEST(get_supported_cpuid_with_too_much_room)
{
	uint32_t count = device_cpuid()->nent;
	struct minivmm_cpuid2 *cpuid = cpuid_room(300);

	/* More than 256 entries is taken as 256. */
	EXPECT_EQ(0, ioctl(device_open(), MINIVMM_GET_SUPPORTED_CPUID, cpuid));
	EXPECT_EQ(count, cpuid->nent);
}

TEST(get_supported_cpuid_bad_pointer_is_efault)
{
	uint32_t *last = last_word_of_page() - 1;
	int fd = device_open();

	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, KERNEL_POINTER));
	*last = 256;
	EXPECT_ERRNO(EFAULT, ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, last));
}
