// SPDX-License-Identifier: GPL-2.0-only
/*
 * What holds for the vCPU fd as such: unknown calls, bad pointers, mapping
 * struct minivmm_run, and the errors of RUN itself. Documentation/abi.md,
 * "The vCPU fd".
 */
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include "errors.h"

static struct vcpu *new_vcpu(void)
{
	return vcpu_create(vm_create(), 0);
}

TEST(unknown_ioctl_on_vcpu_fd_is_einval)
{
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, _IO(MINIVMMIO, 0xff), 0));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, _IO('x', 0x80), 0));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, _IOR(MINIVMMIO, 0x81, int), 0));
}

TEST(calls_of_other_fds_on_vcpu_fd_are_einval)
{
	struct minivmm_userspace_memory_region region = { 0 };
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_GET_API_VERSION, 0));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_CREATE_VM, 0));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_CREATE_VCPU, 1));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_CHECK_EXTENSION, 0));
	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_USER_MEMORY_REGION, &region));
}

TEST(bad_pointer_is_efault)
{
	static const unsigned long calls[] = {
		MINIVMM_GET_REGS, MINIVMM_SET_REGS, MINIVMM_GET_SREGS, MINIVMM_SET_SREGS,
		MINIVMM_GET_FPU, MINIVMM_SET_FPU, MINIVMM_GET_MSRS, MINIVMM_SET_MSRS,
		MINIVMM_GET_CPUID2, MINIVMM_SET_CPUID2, MINIVMM_INTERRUPT,
		MINIVMM_SET_SIGNAL_MASK,
	};
	struct vcpu *vcpu = new_vcpu();

	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int bad = ioctl(vcpu->fd, calls[i], BAD_POINTER), bad_errno = errno;
		int kernel = ioctl(vcpu->fd, calls[i], KERNEL_POINTER), kernel_errno = errno;

		EXPECT(bad == -1 && bad_errno == EFAULT,
		       "call %#lx, pointer to nothing: %d, %s", calls[i], bad,
		       strerror(bad_errno));
		EXPECT(kernel == -1 && kernel_errno == EFAULT,
		       "call %#lx, pointer into the kernel: %d, %s", calls[i], kernel,
		       strerror(kernel_errno));
	}
}

/* ---- mmap ---- */

static sigjmp_buf fault;

static void on_sigbus(int number)
{
	siglongjmp(fault, number);
}

/* Is there a page behind this address? False if touching it is SIGBUS. */
static bool is_there(volatile uint8_t *page)
{
	signal(SIGBUS, on_sigbus);
	if (sigsetjmp(fault, 1))
		return false;
	(void)*page;
	return true;
}

TEST(mmap_shows_run_to_kernel_and_caller)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);
	struct minivmm_run *again = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
					 vcpu->fd, 0);

	ASSERT_TRUE(again != MAP_FAILED);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(MINIVMM_EXIT_HLT, again->exit_reason);
}

TEST(mmap_pages_within_the_size_are_there)
{
	struct vcpu *vcpu = new_vcpu();

	for (size_t at = 0; at < vcpu->run_size; at += PAGE)
		EXPECT(is_there((uint8_t *)vcpu->run + at), "SIGBUS at %zu", at);
}

TEST(mmap_beyond_the_size_has_no_pages)
{
	struct vcpu *vcpu = new_vcpu();
	uint8_t *pages;

	/* Refused at once, or SIGBUS when it is touched; never a page. */
	pages = mmap(NULL, vcpu->run_size + PAGE, PROT_READ, MAP_SHARED, vcpu->fd, 0);
	if (pages == MAP_FAILED)
		EXPECT_EQ(EINVAL, errno);
	else
		EXPECT_TRUE(!is_there(pages + vcpu->run_size));
	pages = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vcpu->fd, 1L << 40);
	if (pages == MAP_FAILED)
		EXPECT_EQ(EINVAL, errno);
	else
		EXPECT_TRUE(!is_there(pages));
}

TEST(mmap_lives_on_after_the_vcpu_fd_is_closed)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	close(vcpu->fd);
	close(vcpu->vm->fd);
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
}

/* ---- RUN ---- */

TEST(run_with_argument_is_einval)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_RUN, 1));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(run_with_immediate_exit_is_eintr)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);

	vcpu->run->immediate_exit = 1;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	EXPECT_EQ(GUEST_CODE, vcpu_regs(vcpu).rip);
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	vcpu->run->immediate_exit = 0;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(in_then_out, "in $0x20, %al\n"
		     "out %al, $0x10\n");

TEST(run_with_immediate_exit_completes_the_instruction)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, in_then_out);

	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(GUEST_CODE, vcpu_regs(vcpu).rip);
	*(uint8_t *)vcpu_io_data(vcpu) = 0x5a;
	vcpu->run->immediate_exit = 1;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	/* Nothing was run, but AL and RIP are those after IN. */
	EXPECT_EQ(0x5a, vcpu_regs(vcpu).rax & 0xff);
	EXPECT_EQ(GUEST_CODE + 2, vcpu_regs(vcpu).rip);
}

TEST(run_with_synchronised_registers_is_einval)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);

	vcpu->run->kvm_valid_regs = 1ULL << 40;
	EXPECT_ERRNO(EINVAL, vcpu_run(vcpu));
	vcpu->run->kvm_valid_regs = 0;
	vcpu->run->kvm_dirty_regs = 1ULL << 40;
	EXPECT_ERRNO(EINVAL, vcpu_run(vcpu));
	vcpu->run->kvm_dirty_regs = 0;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(run_with_bad_cr8_is_einval)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);

	vcpu->run->cr8 = 16;
	EXPECT_ERRNO(EINVAL, vcpu_run(vcpu));
	vcpu->run->cr8 = 15;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(15, vcpu->run->cr8);
	EXPECT_EQ(15, vcpu_sregs(vcpu).cr8);
}

static void expect_fetch_failed(struct vcpu *vcpu, uint64_t rip)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(MINIVMM_INTERNAL_ERROR_EMULATION, vcpu->run->internal.suberror);
	EXPECT(vcpu->run->internal.ndata >= 1 && vcpu->run->internal.ndata <= 16,
	       "ndata is %u", vcpu->run->internal.ndata);
	/* No byte of the instruction could be read. */
	EXPECT_EQ(0, vcpu->run->emulation_failure.flags);
	EXPECT_EQ(rip, vcpu_regs(vcpu).rip);
}

TEST(run_without_any_memory)
{
	struct vcpu *vcpu = new_vcpu();

	/* KVM sizes its page tables by the slots, and has room for none. */
	if (on_kvm())
		EXPECT_ERRNO(ENOSPC, vcpu_run(vcpu));
	else
		expect_fetch_failed(vcpu, 0xfff0);
}

TEST(run_without_memory_at_the_reset_vector)
{
	struct vcpu *vcpu = new_vcpu();

	vm_add_memory(vcpu->vm, 0, GUEST_MEMORY);
	expect_fetch_failed(vcpu, 0xfff0);
}

TEST(run_code_beyond_memory)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rip = GUEST_MEMORY;
	vcpu_set_regs(vcpu, &regs);
	expect_fetch_failed(vcpu, GUEST_MEMORY);
}

TEST(run_reports_the_guest_s_interrupt_flag)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4\xfb\x90\xf4", 4);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu->run->if_flag);
	EXPECT_EQ(0, vcpu->run->ready_for_interrupt_injection);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu->run->if_flag);
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
}
