// SPDX-License-Identifier: GPL-2.0-only
/*
 * IRQFD: what it refuses, what a write to its eventfd does, and what happens
 * when one of the two ends goes away first.
 *
 * Documentation/abi.md, "IRQFD", has the table of errors.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "errors.h"
#include "eventfd.h"
#include "irq.h"

#define RESAMPLE	MINIVMM_IRQFD_FLAG_RESAMPLE
#define DEASSIGN	MINIVMM_IRQFD_FLAG_DEASSIGN

static void raise_fd(int fd)
{
	uint64_t one = 1;

	ASSERT_EQ(sizeof(one), write(fd, &one, sizeof(one)));
}

static int irqfd(struct vm *vm, int fd, uint32_t gsi, uint32_t flags, int resamplefd)
{
	struct minivmm_irqfd args = {
		.fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resamplefd,
	};

	return ioctl(vm->fd, MINIVMM_IRQFD, &args);
}

TEST(capabilities_are_1)
{
	EXPECT_EQ(1, device_capability(MINIVMM_CAP_IRQFD));
	EXPECT_EQ(1, device_capability(MINIVMM_CAP_IRQFD_RESAMPLE));
}

TEST(irqfd_bad_pointer_is_efault)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_IRQFD, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_IRQFD, last_word_of_page()));
}

TEST(irqfd_without_irqchip_is_einval)
{
	EXPECT_ERRNO(EINVAL, irqfd(vm_create(), new_eventfd(), 5, 0, 0));
}

TEST(irqfd_unknown_flag_is_einval)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd();

	for (unsigned int bit = 2; bit < 32; bit++)
		EXPECT_ERRNO(EINVAL, irqfd(vm, fd, 5, 1U << bit, fd));
}

TEST(irqfd_without_descriptor_is_ebadf)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EBADF, irqfd(vm, -1, 5, 0, 0));
	EXPECT_ERRNO(EBADF, irqfd(vm, 1000, 5, 0, 0));
	EXPECT_ERRNO(EBADF, irqfd(vm, -1, 5, DEASSIGN, 0));
	EXPECT_ERRNO(EBADF, irqfd(vm, new_eventfd(), 5, RESAMPLE, -1));
}

TEST(irqfd_with_another_descriptor_is_einval)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EINVAL, irqfd(vm, vm->fd, 5, 0, 0));
	EXPECT_ERRNO(EINVAL, irqfd(vm, vm->fd, 5, DEASSIGN, 0));
	EXPECT_ERRNO(EINVAL, irqfd(vm, new_eventfd(), 5, RESAMPLE, vm->fd));
}

TEST(irqfd_twice_is_ebusy)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd(), other = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 5, 0, 0));
	EXPECT_ERRNO(EBUSY, irqfd(vm, fd, 5, 0, 0));
	EXPECT_ERRNO(EBUSY, irqfd(vm, fd, 6, 0, 0));
	EXPECT_ERRNO(EBUSY, irqfd(vm, fd, 6, RESAMPLE, other));
	EXPECT_OK(irqfd(vm, other, 5, 0, 0));
}

TEST(irqfd_resample_of_a_split_irqchip_is_einval)
{
	struct vm *vm = irq_vm_create_split();
	int fd = new_eventfd();

	EXPECT_ERRNO(EINVAL, irqfd(vm, fd, 5, RESAMPLE, new_eventfd()));
	EXPECT_OK(irqfd(vm, fd, 5, 0, 0));
}

TEST(too_many_irqfds_is_enospc)
{
	struct rlimit limit = { 5000, 5000 };
	struct vm *vm = irq_vm_create();

	MINIVMM_ONLY("KVM has no limit but that of descriptors");
	if (setrlimit(RLIMIT_NOFILE, &limit))
		SKIP("no more descriptors to be had");
	for (unsigned int i = 0; i < 4096; i++)
		ASSERT_OK(irqfd(vm, new_eventfd(), 5, 0, 0));
	EXPECT_ERRNO(ENOSPC, irqfd(vm, new_eventfd(), 5, 0, 0));
}

TEST(irqfd_that_is_not_there_can_be_deassigned)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 5, DEASSIGN, 0));
	EXPECT_OK(irqfd(vm_create(), fd, 5, DEASSIGN, 0));
}

TEST(write_raises_the_line_once)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 5, 0, 0));
	EXPECT_EQ(0, pic_requests(vm));
	raise_fd(fd);
	usleep(10000);		/* KVM leaves it to another thread */
	EXPECT_EQ(1 << 5, pic_requests(vm));
	/* An edge: the line is down again, and what was written is used up. */
	EXPECT_EQ(0, ioapic(vm).chip.ioapic.irr);
	EXPECT_EQ(0, count(fd));
}

TEST(write_before_assignment_counts)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd();

	raise_fd(fd);
	EXPECT_OK(irqfd(vm, fd, 5, 0, 0));
	usleep(10000);
	EXPECT_EQ(1 << 5, pic_requests(vm));
}

TEST(write_after_deassignment_does_not)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 5, 0, 0));
	/* Another GSI is another irqfd: this one stays. */
	EXPECT_OK(irqfd(vm, fd, 6, DEASSIGN, 0));
	EXPECT_ERRNO(EBUSY, irqfd(vm, fd, 6, 0, 0));
	EXPECT_OK(irqfd(vm, fd, 5, DEASSIGN, 0));
	raise_fd(fd);
	usleep(10000);
	EXPECT_EQ(0, pic_requests(vm));
	EXPECT_EQ(1, count(fd));
	EXPECT_OK(irqfd(vm, fd, 6, 0, 0));
}

TEST(line_without_a_route_is_harmless)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 4000, 0, 0));
	raise_fd(fd);
	EXPECT_EQ(0, count(fd));
	EXPECT_EQ(0, pic_requests(vm));
}

/* Handlers end the interrupt and say which one it was. */
#define HANDLER(vector) \
	"push %rax\n push %rbx\n mov $0xfee000b0, %ebx\n movl $0, (%rbx)\n" \
	"mov $" #vector ", %al\n out %al, $0x11\n pop %rbx\n pop %rax\n iretq\n"

GUEST64(halt, "sti\n 1: hlt\n jmp 1b\n"
	      ".org 0x100 + halt\n" HANDLER(0x41)
	      ".org 0x200 + halt\n" HANDLER(0x42)
	      ".org 0x300 + halt\n" HANDLER(0x45));

static struct vcpu *halting_guest(struct vm *vm)
{
	struct vcpu *vcpu = irq_guest_new(vm, halt);

	vcpu_set_handler(vcpu, 0x41, GUEST_CODE + 0x100);
	vcpu_set_handler(vcpu, 0x42, GUEST_CODE + 0x200);
	vcpu_set_handler(vcpu, 0x45, GUEST_CODE + 0x300);
	return vcpu;
}

static void *raise_later(void *arg)
{
	usleep(30000);
	raise_fd(*(int *)arg);
	return NULL;
}

static void raise_from_a_thread(int *fd)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_later, fd));
	pthread_detach(thread);
}

TEST(message_wakes_a_halted_guest)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = halting_guest(vm);
	int fd = new_eventfd();

	irq_route_msi(vm, 30, 0x41);
	EXPECT_OK(irqfd(vm, fd, 30, 0, 0));
	for (unsigned int i = 0; i < 3; i++) {
		raise_from_a_thread(&fd);
		EXPECT_EQ(0x41, vcpu_run_to_out(vcpu, 0x11));
	}
}

TEST(message_of_a_split_irqchip_wakes_a_halted_guest)
{
	struct vm *vm = irq_vm_create_split();
	struct vcpu *vcpu = halting_guest(vm);
	int fd = new_eventfd();

	irq_route_msi(vm, 30, 0x42);
	EXPECT_OK(irqfd(vm, fd, 30, 0, 0));
	raise_from_a_thread(&fd);
	EXPECT_EQ(0x42, vcpu_run_to_out(vcpu, 0x11));
}

TEST(new_route_counts_for_irqfds_that_are_there)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = halting_guest(vm);
	int fd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 30, 0, 0));
	raise_fd(fd);
	irq_route_msi(vm, 30, 0x41);
	raise_fd(fd);
	EXPECT_EQ(0x41, vcpu_run_to_out(vcpu, 0x11));
	irq_route_msi(vm, 30, 0x42);
	raise_fd(fd);
	EXPECT_EQ(0x42, vcpu_run_to_out(vcpu, 0x11));
}

/* Pin 5 of the I/O APIC: level-triggered, vector 0x45. The 8259 is masked. */
static void open_level_pin(struct vm *vm)
{
	struct minivmm_irqchip pic = { .chip_id = MINIVMM_IRQCHIP_PIC_MASTER };
	struct minivmm_irqchip chip = ioapic(vm);

	pic.chip.pic.imr = 0xff;
	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_IRQCHIP, &pic));
	chip.chip.ioapic.redirtbl[5].bits = 0x8045;
	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_IRQCHIP, &chip));
}

static void expect_signal(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	ASSERT_EQ(1, poll(&wait, 1, 20000));
	EXPECT_EQ(1, count(fd));
}

TEST(end_of_interrupt_is_signalled_and_lowers_the_line)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = halting_guest(vm);
	int fd = new_eventfd(), resamplefd = new_eventfd();

	open_level_pin(vm);
	EXPECT_OK(irqfd(vm, fd, 5, RESAMPLE, resamplefd));
	for (unsigned int i = 0; i < 3; i++) {
		raise_from_a_thread(&fd);
		EXPECT_EQ(0x45, vcpu_run_to_out(vcpu, 0x11));
		expect_signal(resamplefd);
		EXPECT_EQ(0, ioapic(vm).chip.ioapic.irr);
	}
}

TEST(line_stays_up_until_the_interrupt_ends)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = halting_guest(vm);
	int fd = new_eventfd(), resamplefd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 5, RESAMPLE, resamplefd));
	raise_fd(fd);
	usleep(10000);
	EXPECT_EQ(1 << 5, ioapic(vm).chip.ioapic.irr);
	EXPECT_EQ(0, count(resamplefd));
	open_level_pin(vm);
	EXPECT_EQ(0x45, vcpu_run_to_out(vcpu, 0x11));
	expect_signal(resamplefd);
}

/* Who shares a line is signalled, whoever raised it. */
TEST(shared_line_signals_all)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = halting_guest(vm);
	int fd[2] = { new_eventfd(), new_eventfd() };
	int resamplefd[2] = { new_eventfd(), new_eventfd() };

	open_level_pin(vm);
	EXPECT_OK(irqfd(vm, fd[0], 5, RESAMPLE, resamplefd[0]));
	EXPECT_OK(irqfd(vm, fd[1], 5, RESAMPLE, resamplefd[1]));
	raise_fd(fd[0]);
	EXPECT_EQ(0x45, vcpu_run_to_out(vcpu, 0x11));
	expect_signal(resamplefd[0]);
	expect_signal(resamplefd[1]);
	EXPECT_OK(irqfd(vm, fd[0], 5, DEASSIGN, 0));
	raise_fd(fd[1]);
	EXPECT_EQ(0x45, vcpu_run_to_out(vcpu, 0x11));
	expect_signal(resamplefd[1]);
	EXPECT_EQ(0, count(resamplefd[0]));
}

TEST(line_held_by_another_source_stays_up)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd(), resamplefd = new_eventfd();

	irq_line(vm, 5, 1);
	EXPECT_OK(irqfd(vm, fd, 5, RESAMPLE, resamplefd));
	raise_fd(fd);
	usleep(10000);
	EXPECT_OK(irqfd(vm, fd, 5, DEASSIGN, 0));
	EXPECT_EQ(1 << 5, ioapic(vm).chip.ioapic.irr);
	irq_line(vm, 5, 0);
	EXPECT_EQ(0, ioapic(vm).chip.ioapic.irr);
}

TEST(deassigning_the_last_lowers_the_line)
{
	struct vm *vm = irq_vm_create();
	int fd = new_eventfd(), resamplefd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 5, RESAMPLE, resamplefd));
	raise_fd(fd);
	usleep(10000);
	EXPECT_EQ(1 << 5, ioapic(vm).chip.ioapic.irr);
	EXPECT_OK(irqfd(vm, fd, 5, DEASSIGN, 0));
	EXPECT_EQ(0, ioapic(vm).chip.ioapic.irr);
}

/* An eventfd that raises its own line whenever the guest has ended it. */
TEST(resampling_into_itself_is_harmless)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = halting_guest(vm);
	int fd = new_eventfd();

	open_level_pin(vm);
	EXPECT_OK(irqfd(vm, fd, 5, RESAMPLE, fd));
	raise_fd(fd);
	for (unsigned int i = 0; i < 20; i++)
		EXPECT_EQ(0x45, vcpu_run_to_out(vcpu, 0x11));
	EXPECT_OK(irqfd(vm, fd, 5, DEASSIGN, 0));
}

GUEST64(ring, "sti\n mov $0x1f0, %edx\n 1: out %al, %dx\n jmp 1b\n"
	      ".org 0x100 + ring\n" HANDLER(0x41));

/* The guest's own write interrupts it, with nobody in between. */
TEST(ioeventfd_and_irqfd_in_one)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = irq_guest_new(vm, ring);
	struct minivmm_ioeventfd doorbell = {
		.addr = 0x1f0, .len = 1, .fd = new_eventfd(),
		.flags = MINIVMM_IOEVENTFD_FLAG_PIO,
	};

	vcpu_set_handler(vcpu, 0x41, GUEST_CODE + 0x100);
	irq_route_msi(vm, 30, 0x41);
	EXPECT_OK(irqfd(vm, doorbell.fd, 30, 0, 0));
	EXPECT_OK(ioctl(vm->fd, MINIVMM_IOEVENTFD, &doorbell));
	for (unsigned int i = 0; i < 20; i++)
		EXPECT_EQ(0x41, vcpu_run_to_out(vcpu, 0x11));
}

/* ---- Who goes first ---- */

TEST(closing_the_eventfd_ends_the_irqfd)
{
	struct vm *vm = irq_vm_create();
	int fd;

	for (unsigned int i = 0; i < 50; i++) {
		fd = new_eventfd();
		ASSERT_OK(irqfd(vm, fd, 5, i % 2 ? RESAMPLE : 0, fd));
		raise_fd(fd);
		close(fd);
	}
	/* Were the old ones still there, these would find the line up. */
	for (unsigned int i = 0; i < 100 && ioapic(vm).chip.ioapic.irr; i++)
		usleep(10000);
	EXPECT_EQ(0, ioapic(vm).chip.ioapic.irr);
	vm_free(vm);
}

TEST(closing_the_vm_ends_the_irqfd)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct vm *vm = irq_vm_create();
		int fd = new_eventfd();

		ASSERT_OK(irqfd(vm, fd, 5, i % 2 ? RESAMPLE : 0, fd));
		vm_free(vm);
		raise_fd(fd);
		EXPECT_EQ(1, count(fd));
		close(fd);
	}
}

TEST(closing_the_vm_with_a_vcpu_left_ends_the_irqfd)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = halting_guest(vm);
	int fd = new_eventfd();

	EXPECT_OK(irqfd(vm, fd, 5, 0, 0));
	close(vm->fd);
	raise_fd(fd);
	EXPECT_EQ(1, count(fd));
	close(vcpu->fd);
}

struct race {
	_Atomic bool stop;
	struct vm *vm;
	int fd;
};

static void *keep_raising(void *arg)
{
	struct race *race = arg;
	uint64_t one = 1;

	while (!race->stop)
		if (write(race->fd, &one, sizeof(one)) < 0)
			usleep(100);
	return NULL;
}

static void *keep_assigning(void *arg)
{
	struct race *race = arg;

	while (!race->stop) {
		irqfd(race->vm, race->fd, 5, RESAMPLE, race->fd);
		irqfd(race->vm, race->fd, 5, DEASSIGN, 0);
	}
	return NULL;
}

/* Two threads assign and deassign one eventfd, a third writes to it. */
TEST(assign_and_deassign_in_two_threads)
{
	struct race race = { .vm = irq_vm_create(), .fd = new_eventfd() };
	pthread_t threads[3];

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, keep_raising, &race));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, keep_assigning, &race));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, keep_assigning, &race));
	for (unsigned int i = 0; i < 100; i++) {
		irq_route_msi(race.vm, 5, 0x40 + i);
		usleep(3000);
	}
	race.stop = true;
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	vm_free(race.vm);
}

/* The eventfd and the VM are closed while another thread writes to it. */
TEST(closed_while_it_is_signalled)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct race race = { .vm = irq_vm_create(), .fd = new_eventfd() };
		int fd = dup(race.fd);
		pthread_t thread;

		ASSERT_OK(irqfd(race.vm, fd, 5, i % 2 ? RESAMPLE : 0, fd));
		ASSERT_EQ(0, pthread_create(&thread, NULL, keep_raising, &race));
		usleep(2000);
		close(fd);
		if (i % 4 < 2)
			close(race.fd);
		vm_free(race.vm);
		race.stop = true;
		pthread_join(thread, NULL);
		close(race.fd);
	}
}
