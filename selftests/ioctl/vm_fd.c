// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls on a VM fd, except memory (memory.c): each one's success and each
 * of its errors. Documentation/abi.md, "The VM fd".
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errors.h"

TEST(unknown_ioctl_on_vm_fd_is_enotty)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(ENOTTY, ioctl(vm->fd, _IO(MINIVMMIO, 0xff), 0));
	EXPECT_ERRNO(ENOTTY, ioctl(vm->fd, _IO('x', 0x41), 0));
	EXPECT_ERRNO(ENOTTY, ioctl(vm->fd, _IOW(MINIVMMIO, 0x41, int), 0));
}

TEST(calls_of_other_fds_on_vm_fd_are_enotty)
{
	struct vm *vm = vm_create();
	struct minivmm_regs regs;

	EXPECT_ERRNO(ENOTTY, ioctl(vm->fd, MINIVMM_GET_API_VERSION, 0));
	EXPECT_ERRNO(ENOTTY, ioctl(vm->fd, MINIVMM_CREATE_VM, 0));
	EXPECT_ERRNO(ENOTTY, ioctl(vm->fd, MINIVMM_RUN, 0));
	EXPECT_ERRNO(ENOTTY, ioctl(vm->fd, MINIVMM_GET_REGS, &regs));
}

TEST(vm_fd_cannot_be_mapped_or_read)
{
	struct vm *vm = vm_create();
	char byte;

	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vm->fd, 0) == MAP_FAILED &&
	       errno == ENODEV, "mmap: %s, expected ENODEV", strerror(errno));
	EXPECT_ERRNO(EINVAL, read(vm->fd, &byte, 1));
}

/* In another process with its own memory; the child's status is the errno. */
static int errno_in_child(int fd, unsigned long request, unsigned long arg)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		errno = 0;
		ioctl(fd, request, arg);
		_exit(errno);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(vm_fd_in_another_process_is_eio)
{
	struct vm *vm = vm_create();

	EXPECT_EQ(EIO, errno_in_child(vm->fd, MINIVMM_CREATE_VCPU, 0));
	EXPECT_EQ(EIO, errno_in_child(vm->fd, MINIVMM_CHECK_EXTENSION, 0));
	EXPECT_EQ(EIO, errno_in_child(vm->fd, _IO(MINIVMMIO, 0xff), 0));
	/* Nothing of that reached the VM. */
	EXPECT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0));
}

TEST(vcpu_fd_in_another_process_is_eio)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	struct minivmm_regs regs;

	EXPECT_EQ(EIO, errno_in_child(vcpu->fd, MINIVMM_RUN, 0));
	EXPECT_EQ(EIO, errno_in_child(vcpu->fd, MINIVMM_GET_REGS, (unsigned long)&regs));
	EXPECT_EQ(EIO, errno_in_child(vcpu->fd, _IO(MINIVMMIO, 0xff), 0));
}

/* ---- SET_BOOT_CPU_ID ---- */

static uint32_t mp_state(struct vcpu *vcpu)
{
	struct minivmm_mp_state state;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_MP_STATE, &state));
	return state.mp_state;
}

TEST(set_boot_cpu_id_says_who_runs)
{
	struct vm *vm = vm_create();

	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_OK(ioctl(vm->fd, MINIVMM_SET_BOOT_CPU_ID, 1));
	EXPECT_EQ(MINIVMM_MP_STATE_UNINITIALIZED, mp_state(vcpu_create(vm, 0)));
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, mp_state(vcpu_create(vm, 1)));
}

TEST(set_boot_cpu_id_after_create_vcpu_is_ebusy)
{
	struct vm *vm = vm_create();

	vcpu_create(vm, 0);
	EXPECT_ERRNO(EBUSY, ioctl(vm->fd, MINIVMM_SET_BOOT_CPU_ID, 1));
}

/* ---- CREATE_VCPU ---- */

TEST(create_vcpu)
{
	struct vm *vm = vm_create();
	int fd = ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0);

	ASSERT_OK(fd);
	EXPECT_TRUE(fd != vm->fd);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

TEST(create_vcpu_ids_in_any_order)
{
	struct vm *vm = vm_create();

	EXPECT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, 3));
	EXPECT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0));
	EXPECT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, 1));
}

TEST(create_vcpu_id_twice_is_eexist)
{
	struct vm *vm = vm_create();
	int fd = ioctl(vm->fd, MINIVMM_CREATE_VCPU, 2);

	ASSERT_OK(fd);
	EXPECT_ERRNO(EEXIST, ioctl(vm->fd, MINIVMM_CREATE_VCPU, 2));
	/* The id stays taken while the VM lives. */
	close(fd);
	EXPECT_ERRNO(EEXIST, ioctl(vm->fd, MINIVMM_CREATE_VCPU, 2));
}

TEST(create_vcpu_id_too_large_is_einval)
{
	int max = device_capability(MINIVMM_CAP_MAX_VCPU_ID);
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_CREATE_VCPU, max));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_CREATE_VCPU, -1UL));
	EXPECT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, max - 1));
}

TEST(create_vcpu_too_many_is_einval)
{
	int max = device_capability(MINIVMM_CAP_MAX_VCPUS);
	struct rlimit files = { max + 64, max + 64 };
	struct vm *vm;

	if (device_capability(MINIVMM_CAP_MAX_VCPU_ID) <= max)
		SKIP("every id is in use before the count is");
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &files));
	vm = vm_create();
	for (int i = 0; i < max; i++)
		ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, i));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_CREATE_VCPU, max));
}

TEST(create_vcpu_without_free_fds_is_emfile)
{
	struct vm *vm = vm_create();
	int last;

	do {
		last = dup(vm->fd);
	} while (last >= 0);
	EXPECT_ERRNO(EMFILE, ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0));
	/* The id is free for another try. */
	close(vm->fd + 1);
	EXPECT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0));
}

TEST(vcpu_outlives_the_vm_fd)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	close(vm->fd);
	EXPECT_EQ(0xfff0, vcpu_regs(vcpu).rip);
}

/* ---- SET_NR_MMU_PAGES, GET_NR_MMU_PAGES ---- */

TEST(nr_mmu_pages_is_what_was_set)
{
	struct vm *vm = vm_create();

	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_SET_NR_MMU_PAGES, 64));
	EXPECT_EQ(64, ioctl(vm->fd, MINIVMM_GET_NR_MMU_PAGES, 0));
	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_SET_NR_MMU_PAGES, 1000));
	EXPECT_EQ(1000, ioctl(vm->fd, MINIVMM_GET_NR_MMU_PAGES, 0));
}

TEST(set_nr_mmu_pages_below_64_is_einval)
{
	struct vm *vm = vm_create();

	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_SET_NR_MMU_PAGES, 100));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_NR_MMU_PAGES, 63));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_NR_MMU_PAGES, 0));
	EXPECT_EQ(100, ioctl(vm->fd, MINIVMM_GET_NR_MMU_PAGES, 0));
}

/* ---- SET_TSS_ADDR, SET_IDENTITY_MAP_ADDR ---- */

TEST(set_tss_addr)
{
	struct vm *vm = vm_create();

	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_SET_TSS_ADDR, 0xfffbd000));
}

TEST(set_tss_addr_too_high_is_einval)
{
	struct vm *vm = vm_create();

	/* Three pages below 4 GiB: KVM allows one byte more than fits. */
	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_SET_TSS_ADDR, 0xffffd000));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_TSS_ADDR, 0xffffd001));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_TSS_ADDR, 1UL << 32));
}

TEST(set_identity_map_addr)
{
	uint64_t addr = 0xfffbc000, none = 0;
	struct vm *vm = vm_create();

	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_SET_IDENTITY_MAP_ADDR, &addr));
	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_SET_IDENTITY_MAP_ADDR, &none));
}

TEST(set_identity_map_addr_after_create_vcpu_is_einval)
{
	struct vm *vm = vm_create();
	uint64_t addr = 0xfffbc000;

	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_IDENTITY_MAP_ADDR, &addr));
}

TEST(set_identity_map_addr_bad_pointer_is_efault)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_IDENTITY_MAP_ADDR, BAD_POINTER));
}
