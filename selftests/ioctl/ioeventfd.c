// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOEVENTFD: what it refuses, and which writes of a guest signal what.
 *
 * Documentation/abi.md, "MINIVMM_IOEVENTFD", has the table of errors.
 */
#include <pthread.h>
#include <poll.h>
#include <unistd.h>

#include "errors.h"
#include "eventfd.h"

#define PORT	0x1f0
#define DOORBELL 0x10000000ULL	/* no memory there */

#define PIO	MINIVMM_IOEVENTFD_FLAG_PIO
#define MATCH	MINIVMM_IOEVENTFD_FLAG_DATAMATCH
#define DEASSIGN MINIVMM_IOEVENTFD_FLAG_DEASSIGN

static int ioeventfd(struct vm *vm, int fd, uint64_t addr, uint32_t len, uint32_t flags,
		     uint64_t datamatch)
{
	struct minivmm_ioeventfd args = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = datamatch,
	};

	return ioctl(vm->fd, MINIVMM_IOEVENTFD, &args);
}

TEST(capabilities_are_1)
{
	EXPECT_EQ(1, device_capability(MINIVMM_CAP_IOEVENTFD));
	EXPECT_EQ(1, device_capability(MINIVMM_CAP_IOEVENTFD_NO_LENGTH));
	EXPECT_EQ(1, device_capability(MINIVMM_CAP_IOEVENTFD_ANY_LENGTH));
}

TEST(ioeventfd_bad_pointer_is_efault)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_IOEVENTFD, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_IOEVENTFD, KERNEL_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_IOEVENTFD, last_word_of_page()));
}

TEST(ioeventfd_bad_length_is_einval)
{
	static const uint32_t bad[] = { 3, 5, 6, 7, 9, 16, 4096, 0x80000000, ~0U };
	struct vm *vm = vm_create();
	int fd = new_eventfd();

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_ERRNO(EINVAL, ioeventfd(vm, fd, DOORBELL, bad[i], 0, 0));
	EXPECT_OK(ioeventfd(vm, fd, DOORBELL, 8, 0, 0));
}

TEST(ioeventfd_range_that_wraps_is_einval)
{
	struct vm *vm = vm_create();
	int fd = new_eventfd();

	EXPECT_ERRNO(EINVAL, ioeventfd(vm, fd, ~0ULL, 4, 0, 0));
	EXPECT_ERRNO(EINVAL, ioeventfd(vm, fd, ~0ULL - 2, 4, 0, 0));
	EXPECT_OK(ioeventfd(vm, fd, ~0ULL - 4, 4, 0, 0));
	EXPECT_OK(ioeventfd(vm, fd, ~0ULL, 0, 0, 0));
}

TEST(ioeventfd_unknown_flag_is_einval)
{
	struct vm *vm = vm_create();
	int fd = new_eventfd();

	for (unsigned int bit = 5; bit < 32; bit++)
		EXPECT_ERRNO(EINVAL, ioeventfd(vm, fd, DOORBELL, 4, 1U << bit, 0));
}

TEST(ioeventfd_flag_without_effect_is_einval)
{
	struct vm *vm = vm_create();

	MINIVMM_ONLY("KVM takes that of s390, and one of its own, and does nothing");
	EXPECT_ERRNO(EINVAL, ioeventfd(vm, new_eventfd(), DOORBELL, 4,
				       MINIVMM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY, 0));
	EXPECT_ERRNO(EINVAL, ioeventfd(vm, new_eventfd(), DOORBELL, 4, 1 << 4, 0));
}

TEST(ioeventfd_datamatch_without_length_is_einval)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EINVAL, ioeventfd(vm, new_eventfd(), DOORBELL, 0, MATCH, 0));
	EXPECT_ERRNO(EINVAL, ioeventfd(vm, new_eventfd(), PORT, 0, MATCH | PIO, 0));
}

TEST(ioeventfd_without_descriptor_is_ebadf)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EBADF, ioeventfd(vm, -1, DOORBELL, 4, 0, 0));
	EXPECT_ERRNO(EBADF, ioeventfd(vm, 1000, DOORBELL, 4, 0, 0));
	EXPECT_ERRNO(EBADF, ioeventfd(vm, -1, DOORBELL, 4, DEASSIGN, 0));
}

TEST(ioeventfd_with_another_descriptor_is_einval)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EINVAL, ioeventfd(vm, vm->fd, DOORBELL, 4, 0, 0));
	EXPECT_ERRNO(EINVAL, ioeventfd(vm, vm->fd, DOORBELL, 4, DEASSIGN, 0));
}

TEST(ioeventfd_for_the_same_write_is_eexist)
{
	struct vm *vm = vm_create();
	int a = new_eventfd(), b = new_eventfd();

	/* One value, and others beside it */
	EXPECT_OK(ioeventfd(vm, a, DOORBELL, 4, MATCH, 1));
	EXPECT_ERRNO(EEXIST, ioeventfd(vm, b, DOORBELL, 4, MATCH, 1));
	EXPECT_ERRNO(EEXIST, ioeventfd(vm, b, DOORBELL, 4, 0, 0));
	EXPECT_ERRNO(EEXIST, ioeventfd(vm, b, DOORBELL, 0, 0, 0));
	EXPECT_OK(ioeventfd(vm, b, DOORBELL, 4, MATCH, 2));
	EXPECT_OK(ioeventfd(vm, b, DOORBELL, 2, 0, 0));
	/* Any value of one length, then one value of it */
	EXPECT_ERRNO(EEXIST, ioeventfd(vm, a, DOORBELL, 2, MATCH, 7));
	/* Any length */
	EXPECT_OK(ioeventfd(vm, a, DOORBELL + 8, 0, 0, 0));
	EXPECT_ERRNO(EEXIST, ioeventfd(vm, b, DOORBELL + 8, 4, MATCH, 1));
	/* A port is something else */
	EXPECT_OK(ioeventfd(vm, a, DOORBELL + 8, 4, PIO, 0));
}

TEST(ioeventfd_that_is_not_there_is_enoent)
{
	struct vm *vm = vm_create();
	int a = new_eventfd(), b = new_eventfd();

	EXPECT_ERRNO(ENOENT, ioeventfd(vm, a, DOORBELL, 4, DEASSIGN, 0));
	EXPECT_OK(ioeventfd(vm, a, DOORBELL, 4, MATCH, 1));
	EXPECT_ERRNO(ENOENT, ioeventfd(vm, b, DOORBELL, 4, MATCH | DEASSIGN, 1));
	EXPECT_ERRNO(ENOENT, ioeventfd(vm, a, DOORBELL, 4, MATCH | DEASSIGN, 2));
	EXPECT_ERRNO(ENOENT, ioeventfd(vm, a, DOORBELL, 4, DEASSIGN, 1));
	EXPECT_ERRNO(ENOENT, ioeventfd(vm, a, DOORBELL, 2, MATCH | DEASSIGN, 1));
	EXPECT_ERRNO(ENOENT, ioeventfd(vm, a, DOORBELL, 4, MATCH | PIO | DEASSIGN, 1));
	EXPECT_OK(ioeventfd(vm, a, DOORBELL, 4, MATCH | DEASSIGN, 1));
	EXPECT_ERRNO(ENOENT, ioeventfd(vm, a, DOORBELL, 4, MATCH | DEASSIGN, 1));
}

TEST(bus_is_full_is_enospc)
{
	struct minivmm_coalesced_mmio_zone zone = { .addr = DOORBELL, .size = 4 };
	struct vm *vm = vm_create();
	int fd = new_eventfd();

	MINIVMM_ONLY("KVM lets one have as many as there is memory for");
	for (unsigned int i = 0; i < 4096; i++)
		ASSERT_OK(ioeventfd(vm, fd, DOORBELL, 4, MATCH, i));
	EXPECT_ERRNO(ENOSPC, ioeventfd(vm, fd, DOORBELL, 4, MATCH, 4096));
	EXPECT_ERRNO(ENOSPC, ioctl(vm->fd, MINIVMM_REGISTER_COALESCED_MMIO, &zone));
	EXPECT_OK(ioeventfd(vm, fd, DOORBELL, 4, MATCH | DEASSIGN, 100));
	EXPECT_OK(ioeventfd(vm, fd, DOORBELL, 4, MATCH, 4096));
}

TEST(ioeventfd_deassigned_can_be_assigned_again)
{
	struct vm *vm = vm_create();
	int fd = new_eventfd();

	for (unsigned int i = 0; i < 20; i++) {
		EXPECT_OK(ioeventfd(vm, fd, DOORBELL, 0, 0, 0));
		EXPECT_OK(ioeventfd(vm, fd, DOORBELL, 0, DEASSIGN, 0));
	}
}

GUEST64(ports, "mov $0x1f0, %edx\n mov $0x11223344, %eax\n"
	       "out %al, %dx\n out %ax, %dx\n out %eax, %dx\n"
	       "inc %edx\n out %al, %dx\n"
	       "hlt\n");

TEST(port_of_a_length_is_signalled_by_that_length)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, ports);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 2, PIO, 0));
	EXPECT_EQ(0x44, vcpu_run_to_out(vcpu, PORT));
	EXPECT_EQ(0, count(fd));
	EXPECT_EQ(0x11223344, vcpu_run_to_out(vcpu, PORT));
	EXPECT_EQ(1, count(fd));
	EXPECT_EQ(0x44, vcpu_run_to_out(vcpu, PORT + 1));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, count(fd));
}

TEST(port_of_any_length_is_signalled_by_each)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, ports);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 0, PIO, 0));
	EXPECT_EQ(0x44, vcpu_run_to_out(vcpu, PORT + 1));
	EXPECT_EQ(3, count(fd));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(port_deassigned_goes_to_the_owner)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, ports);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 1, PIO, 0));
	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 4, PIO, 0));
	EXPECT_EQ(0x3344, vcpu_run_to_out(vcpu, PORT));
	EXPECT_EQ(1, count(fd));
	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 4, PIO | DEASSIGN, 0));
	EXPECT_EQ(0x11223344, vcpu_run_to_out(vcpu, PORT));
	EXPECT_EQ(0, count(fd));
}

GUEST64(values, "mov $0x1f0, %edx\n mov $1, %eax\n"
		"1: out %ax, %dx\n inc %eax\n cmp $6, %eax\n jb 1b\n"
		"hlt\n");

TEST(datamatch_tells_values_apart)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, values);
	int one = new_eventfd(), three = new_eventfd(), high = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, one, PORT, 2, PIO | MATCH, 1));
	EXPECT_OK(ioeventfd(vcpu->vm, three, PORT, 2, PIO | MATCH, 3));
	/* All 64 bits are compared, so this never matches. */
	EXPECT_OK(ioeventfd(vcpu->vm, high, PORT, 2, PIO | MATCH, 0x10002));
	EXPECT_EQ(2, vcpu_run_to_out(vcpu, PORT));
	EXPECT_EQ(1, count(one));
	EXPECT_EQ(4, vcpu_run_to_out(vcpu, PORT));
	EXPECT_EQ(5, vcpu_run_to_out(vcpu, PORT));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, count(one));
	EXPECT_EQ(1, count(three));
	EXPECT_EQ(0, count(high));
}

GUEST64(strings, "mov $0x1f0, %edx\n mov $0x40000, %esi\n mov $5, %ecx\n"
		 "rep outsb\n mov %ecx, %eax\n out %al, $0x10\n hlt\n");

TEST(string_out_signals_each_element)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, strings);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 1, PIO, 0));
	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(5, count(fd));
	EXPECT_EQ(0x40005, vcpu_regs(vcpu).rsi);
}

TEST(string_out_leaves_the_rest_to_the_owner)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, strings);
	int fd = new_eventfd();

	MINIVMM_ONLY("KVM 6.1 drops what is behind the first element that matches");
	vm_write(vcpu->vm, GUEST_FREE, "\1\1\2\3\1", 5);
	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 1, PIO | MATCH, 1));
	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(2, count(fd));
	EXPECT_EQ(3, vcpu->run->io.count);
	EXPECT_EQ(0, memcmp(vcpu_io_data(vcpu), "\2\3\1", 3));
	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0x40005, vcpu_regs(vcpu).rsi);
}

GUEST64(mmio, "mov $0x10000000, %ebx\n movabs $0x1122334455667788, %rax\n"
	      "mov %al, (%rbx)\n mov %ax, (%rbx)\n mov %eax, (%rbx)\n mov %rax, (%rbx)\n"
	      "mov %al, 1(%rbx)\n hlt\n");

static void expect_mmio(struct vcpu *vcpu, uint64_t gpa, uint32_t len)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(gpa, vcpu->run->mmio.phys_addr);
	EXPECT_EQ(len, vcpu->run->mmio.len);
}

TEST(mmio_of_a_length_is_signalled_by_that_length)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, 4, 0, 0));
	expect_mmio(vcpu, DOORBELL, 1);
	expect_mmio(vcpu, DOORBELL, 2);
	EXPECT_EQ(0, count(fd));
	expect_mmio(vcpu, DOORBELL, 8);
	EXPECT_EQ(1, count(fd));
	expect_mmio(vcpu, DOORBELL + 1, 1);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(mmio_datamatch_compares_eight_bytes)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, 8, MATCH, 0x1122334455667788));
	expect_mmio(vcpu, DOORBELL, 1);
	expect_mmio(vcpu, DOORBELL, 2);
	expect_mmio(vcpu, DOORBELL, 4);
	expect_mmio(vcpu, DOORBELL + 1, 1);
	EXPECT_EQ(1, count(fd));
}

TEST(mmio_of_any_length_is_signalled_by_each)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, 0, 0, 0));
	expect_mmio(vcpu, DOORBELL + 1, 1);
	EXPECT_EQ(4, count(fd));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, 0, DEASSIGN, 0));
	EXPECT_EQ(0, count(fd));
}

GUEST64(not_only_written, "mov $0x10000000, %ebx\n mov $7, %eax\n"
			  "mov %eax, (%rbx)\n"	/* known to be MMIO from now on */
			  "mov (%rbx), %eax\n out %eax, $0x10\n"
			  "hlt\n");

TEST(mmio_of_any_length_still_answers_reads)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, not_only_written);
	int fd = new_eventfd();

	MINIVMM_ONLY("KVM takes any access to such an address for a write");
	EXPECT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, 0, 0, 0));
	expect_mmio(vcpu, DOORBELL, 4);
	EXPECT_EQ(0, vcpu->run->mmio.is_write);
	EXPECT_EQ(1, count(fd));
	memcpy(vcpu->run->mmio.data, "\x55\0\0\0", 4);
	EXPECT_EQ(0x55, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0, count(fd));
}

TEST(mmio_of_any_length_does_not_shadow_memory)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);
	int fd = new_eventfd();
	uint8_t *memory;

	EXPECT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, 0, 0, 0));
	memory = vm_add_memory(vcpu->vm, DOORBELL, PAGE);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, count(fd));
	EXPECT_EQ(0x88, memory[0]);
	EXPECT_EQ(0x88, memory[1]);
}

GUEST64(doorbell_forever, "mov $0x10000000, %ebx\n mov $0x1f0, %edx\n"
			  "1: mov %eax, (%rbx)\n out %al, %dx\n jmp 1b\n");

static void *run_forever(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!vcpu_run(vcpu) && (vcpu->run->exit_reason == MINIVMM_EXIT_IO ||
				   vcpu->run->exit_reason == MINIVMM_EXIT_MMIO))
		;
	return NULL;
}

/* Each wait sees a signal: the thread that waits is run though the guest spins. */
TEST(signals_wake_up_who_waits)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, doorbell_forever);
	int mmio_fd = new_eventfd(), pio_fd = new_eventfd();
	struct pollfd wait[2] = { { .fd = mmio_fd, .events = POLLIN },
				  { .fd = pio_fd, .events = POLLIN } };
	pthread_t thread;

	EXPECT_OK(ioeventfd(vcpu->vm, mmio_fd, DOORBELL, 0, 0, 0));
	EXPECT_OK(ioeventfd(vcpu->vm, pio_fd, PORT, 1, PIO, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_forever, vcpu));
	for (unsigned int i = 0; i < 100; i++) {
		ASSERT_EQ(1, poll(&wait[i % 2], 1, 20000));
		EXPECT_TRUE(count(wait[i % 2].fd) > 0);
	}
}

/* A guest rings while its doorbells come and go, and their eventfds with them. */
TEST(assign_and_deassign_while_the_guest_rings)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, doorbell_forever);
	uint64_t rung = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_forever, vcpu));
	for (unsigned int i = 0; i < 60; i++) {
		unsigned int len = i % 2 ? 4 : 0;
		int fd = new_eventfd();

		ASSERT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, len, 0, 0));
		ASSERT_OK(ioeventfd(vcpu->vm, fd, PORT, 1, PIO, 0));
		usleep(1000);
		ASSERT_OK(ioeventfd(vcpu->vm, fd, PORT, 1, PIO | DEASSIGN, 0));
		ASSERT_OK(ioeventfd(vcpu->vm, fd, DOORBELL, len, DEASSIGN, 0));
		rung += count(fd);
		close(fd);
	}
	EXPECT_TRUE(rung > 0);
}

TEST(closing_the_eventfd_first_is_harmless)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, ports);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 0, PIO, 0));
	close(fd);
	EXPECT_EQ(0x44, vcpu_run_to_out(vcpu, PORT + 1));
	guest_free(vcpu);
}

TEST(closing_the_vm_first_is_harmless)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, ports);
	int fd = new_eventfd();

	EXPECT_OK(ioeventfd(vcpu->vm, fd, PORT, 0, PIO, 0));
	EXPECT_EQ(0x44, vcpu_run_to_out(vcpu, PORT + 1));
	guest_free(vcpu);
	EXPECT_EQ(3, count(fd));
}
