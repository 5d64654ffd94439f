// SPDX-License-Identifier: GPL-2.0-only
/*
 * CREATE_PIT2, GET_PIT2 and SET_PIT2, REINJECT_CONTROL: the 8254 as a caller sees
 * it, and how many of its ticks a guest gets.
 */
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "errors.h"
#include "module.h"

#define TICK_COUNT	1193	/* 1 ms */
#define TICK_NS		1000000LL

static struct vm *vm_with_pit(uint32_t flags)
{
	struct minivmm_pit_config config = { .flags = flags };
	struct vm *vm = vm_create();

	vm_add_memory(vm, 0, GUEST_MEMORY);
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_PIT2, &config));
	return vm;
}

static struct minivmm_pit_state2 get_pit(struct vm *vm)
{
	struct minivmm_pit_state2 state;

	memset(&state, 0xff, sizeof(state));
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_GET_PIT2, &state));
	return state;
}

static void set_pit(struct vm *vm, const struct minivmm_pit_state2 *state)
{
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_SET_PIT2, state));
}

static void set_reinject(struct vm *vm, bool on)
{
	struct minivmm_reinject_control control = { .pit_reinject = on };

	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_REINJECT_CONTROL, &control));
}

/* ---- Calls that are refused -------------------------------------------- */

TEST(create_pit2_twice_is_eexist)
{
	struct minivmm_pit_config config = { 0 };

	EXPECT_ERRNO(EEXIST, ioctl(vm_with_pit(0)->fd, MINIVMM_CREATE_PIT2, &config));
}

TEST(create_pit2_without_irqchip_is_enoent)
{
	struct minivmm_pit_config config = { 0 };
	struct vm *vm = vm_create();

	MINIVMM_ONLY("Linux 6.1's makes one that does not tick");
	EXPECT_ERRNO(ENOENT, ioctl(vm->fd, MINIVMM_CREATE_PIT2, &config));
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_PIT2, &config));
}

TEST(pit_bad_pointer_is_efault)
{
	struct vm *vms[] = { vm_create(), vm_with_pit(0) };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_CREATE_PIT2, BAD_POINTER));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_CREATE_PIT2, last_word_of_page()));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_SET_PIT2, BAD_POINTER));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_SET_PIT2, last_word_of_page()));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_REINJECT_CONTROL, BAD_POINTER));
	}
	EXPECT_ERRNO(EFAULT, ioctl(vms[1]->fd, MINIVMM_GET_PIT2, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vms[1]->fd, MINIVMM_GET_PIT2, KERNEL_POINTER));
}

TEST(pit_state_without_pit_is_enxio)
{
	struct minivmm_pit_state2 state = { 0 };
	struct vm *vm = vm_create();

	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_GET_PIT2, &state));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_SET_PIT2, &state));
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_GET_PIT2, &state));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_SET_PIT2, &state));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_GET_PIT2, BAD_POINTER));
}

TEST(reinject_control_without_pit_is_enxio)
{
	struct minivmm_reinject_control control = { 0 };
	struct vm *vm = vm_create();

	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_REINJECT_CONTROL, &control));
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_REINJECT_CONTROL, &control));
}

/* ---- The state --------------------------------------------------------- */

TEST(new_pit_has_no_mode)
{
	struct minivmm_pit_state2 state = get_pit(vm_with_pit(0));
	unsigned int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0x10000, state.channels[i].count);
		EXPECT_EQ(0xff, state.channels[i].mode);
		EXPECT_EQ(i != 2, state.channels[i].gate);
		EXPECT_EQ(0, state.channels[i].rw_mode);
	}
	EXPECT_EQ(0, state.flags);
	for (i = 0; i < 9; i++)
		EXPECT_EQ(0, state.reserved[i]);
}

TEST(create_pit2_takes_any_other_flag)
{
	EXPECT_EQ(0, get_pit(vm_with_pit(~0U)).flags);
}

TEST(pit_state_is_kept)
{
	struct vm *vm = vm_with_pit(0);
	struct minivmm_pit_state2 state, got;
	unsigned int i;

	memset(&state, 0xa5, sizeof(state));
	for (i = 0; i < 3; i++)
		state.channels[i].mode = 5;
	set_pit(vm, &state);
	got = get_pit(vm);
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(!memcmp(&state.channels[i], &got.channels[i],
				    offsetof(struct minivmm_pit_channel_state, count_load_time)));
	EXPECT_EQ(0xa5a5a5a5, got.flags);
	EXPECT_EQ(0, got.reserved[0]);
	EXPECT_EQ(0, got.reserved[8]);
}

TEST(pit_count_0_is_65536)
{
	struct vm *vm = vm_with_pit(0);
	struct minivmm_pit_state2 state = get_pit(vm);
	unsigned int i;

	for (i = 0; i < 3; i++)
		state.channels[i].count = 0;
	set_pit(vm, &state);
	state = get_pit(vm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0x10000, state.channels[i].count);
}

GUEST64(speaker_guest, "in $0x61, %al\n"
		       "and $0x2f, %al\n"
		       "out %al, $0x10\n"
		       "mov $3, %al\n"
		       "out %al, $0x61\n"
		       "in $0x61, %al\n"
		       "and $0x0f, %al\n"
		       "out %al, $0x10\n");

static struct vcpu *new_guest(struct vm *vm, const void *code, size_t size)
{
	struct vcpu *vcpu = vcpu_create(vm, 0);

	vcpu_set_mode(vcpu, MODE_LONG);
	vm_write(vm, GUEST_CODE, code, size);
	return vcpu;
}

#define guest_with(vm, name) new_guest(vm, name, name##_end - (name))

TEST(speaker_port_is_the_pits)
{
	struct vm *vm = vm_with_pit(MINIVMM_PIT_SPEAKER_DUMMY);
	struct vcpu *vcpu = guest_with(vm, speaker_guest);

	EXPECT_EQ(0, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(3, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON, get_pit(vm).flags);
	EXPECT_EQ(1, get_pit(vm).channels[2].gate);
}

TEST(speaker_port_is_the_callers)
{
	struct vcpu *vcpu = guest_with(vm_with_pit(0), speaker_guest);

	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(MINIVMM_EXIT_IO_IN, vcpu->run->io.direction);
	EXPECT_EQ(0x61, vcpu->run->io.port);
}

/* Latches channel 2's count. */
GUEST64(count_guest, "1: mov $0x80, %al\n"
		     "out %al, $0x43\n"
		     "in $0x42, %al\n"
		     "mov %al, %bl\n"
		     "in $0x42, %al\n"
		     "mov %al, %bh\n"
		     "mov %bx, %ax\n"
		     "out %ax, $0x10\n"
		     "jmp 1b\n");

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

TEST(counter_counts)
{
	struct vm *vm = vm_with_pit(0);
	struct vcpu *vcpu = guest_with(vm, count_guest);
	struct minivmm_pit_state2 state = get_pit(vm);
	long long before, after, least, most;
	unsigned int passed;

	state.channels[2].count = 0;
	state.channels[2].mode = 0;
	state.channels[2].rw_mode = 3;
	state.channels[2].read_state = 3;
	before = now_ns();
	set_pit(vm, &state);
	least = now_ns();
	usleep(10000);
	least = now_ns() - least;
	passed = 0x10000 - vcpu_run_to_out(vcpu, 0x10);
	after = now_ns();
	most = (after - before) * 1193182 / 1000000000 + 2;
	least = least * 1193182 / 1000000000 - 2;
	if (most >= 0x10000)
		SKIP("the host was too busy: %lld ticks", most);
	EXPECT(passed >= least && passed <= most, "%u ticks, not %lld to %lld",
	       passed, least, most);
}

/* ---- Ticks -------------------------------------------------------------- */

/* Says so each time an interrupt of line 0 comes; ends it. */
GUEST64(tick_guest, "1: sti\n"
		    "2: hlt\n"
		    "jmp 2b\n"
		    ".org tick_guest + 0x100\n"
		    "out %al, $0x10\n"
		    "mov $0x20, %al\n"
		    "out %al, $0x20\n"
		    "iretq\n");

/* The same by the I/O APIC's pin 0 and the local APIC, which it makes ready. */
GUEST64(apic_tick_guest, "mov $0xfee000f0, %ebx\n"
			 "movl $0x1ff, (%rbx)\n"
			 "mov $0xfec00000, %ebx\n"
			 "movl $0x10, (%rbx)\n"
			 "movl $0x20, 0x10(%rbx)\n"
			 "1: sti\n"
			 "2: hlt\n"
			 "jmp 2b\n"
			 ".org apic_tick_guest + 0x100\n"
			 "out %al, $0x10\n"
			 "mov $0xfee000b0, %ecx\n"
			 "movl $0, (%rcx)\n"
			 "iretq\n");

/* The PIC's lines at 0x20; channel 0 ticks each ms from the call on. */
static void start_pit(struct vcpu *vcpu, bool reinject, unsigned int mode, bool mask_pic)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_PIC_MASTER };
	struct minivmm_pit_state2 state = get_pit(vcpu->vm);

	vcpu_set_handler(vcpu, 0x20, GUEST_CODE + 0x100);
	chip.chip.pic.irq_base = 0x20;
	chip.chip.pic.imr = mask_pic ? 0xff : 0;
	ASSERT_EQ(0, ioctl(vcpu->vm->fd, MINIVMM_SET_IRQCHIP, &chip));
	set_reinject(vcpu->vm, reinject);
	state.channels[0].mode = mode;
	state.channels[0].count = TICK_COUNT;
	set_pit(vcpu->vm, &state);
}

static struct vcpu *start_ticks(bool reinject, unsigned int mode)
{
	struct vcpu *vcpu = guest_with(vm_with_pit(0), tick_guest);

	start_pit(vcpu, reinject, mode, false);
	return vcpu;
}

static struct vcpu *start_apic_ticks(bool reinject)
{
	struct vcpu *vcpu = guest_with(vm_with_pit(0), apic_tick_guest);

	start_pit(vcpu, reinject, 2, true);
	return vcpu;
}

/* Runs the guest for so many ticks; the time they took in ns. */
static long long ticks(struct vcpu *vcpu, unsigned int count)
{
	long long start = now_ns();

	while (count--)
		vcpu_run_to_out(vcpu, 0x10);
	return now_ns() - start;
}

TEST(periodic_ticks_come_in_time)
{
	long long start = now_ns(), took;

	ticks(start_ticks(true, 2), 50);
	took = now_ns() - start;
	EXPECT(took >= 50 * TICK_NS * 99 / 100, "50 ticks in %lld ns", took);
}

/* 20 guests that take none, each with 1000 in a second. */
TEST(ticks_that_nobody_takes_cost_the_host_nothing)
{
	unsigned long long before, ticks;

	MINIVMM_ONLY("KVM has the host tick on");
	for (unsigned int i = 0; i < 20; i++)
		start_ticks(true, 2);
	before = host_timer_interrupts();
	usleep(200000);
	ticks = host_timer_interrupts() - before;
	EXPECT(ticks < 500, "%llu in 200 ms", ticks);
}

TEST(missed_ticks_are_made_up_for)
{
	struct vcpu *vcpu;
	long long took;

	if (exits_are_slow())
		SKIP(TOO_SLOW);
	vcpu = start_ticks(true, 2);
	usleep(200000);
	took = ticks(vcpu, 150);
	EXPECT(took < 140 * TICK_NS, "150 of 200 ticks took %lld ns", took);
}

TEST(missed_ticks_are_lost_without_reinjection)
{
	struct vcpu *vcpu = start_ticks(false, 2);
	long long took;

	usleep(200000);
	took = ticks(vcpu, 30);
	EXPECT(took >= 27 * TICK_NS, "30 ticks took %lld ns", took);
}

TEST(ticks_missed_at_the_ioapic_are_made_up_for)
{
	struct vcpu *vcpu;
	long long took;

	if (exits_are_slow())
		SKIP(TOO_SLOW);
	vcpu = start_apic_ticks(true);
	ticks(vcpu, 1);
	usleep(200000);
	took = ticks(vcpu, 150);
	EXPECT(took < 140 * TICK_NS, "150 of 200 ticks took %lld ns", took);
}

TEST(ticks_missed_at_the_ioapic_are_lost_without_reinjection)
{
	struct vcpu *vcpu = start_apic_ticks(false);
	long long took;

	ticks(vcpu, 1);
	usleep(200000);
	took = ticks(vcpu, 30);
	EXPECT(took >= 27 * TICK_NS, "30 ticks took %lld ns", took);
}

/* One that is lost must not be waited for, either. */
TEST(ticks_while_masked_are_forgotten)
{
	struct vcpu *vcpu = start_apic_ticks(true);
	long long took;

	usleep(200000);
	took = ticks(vcpu, 30);
	EXPECT(took >= 27 * TICK_NS, "30 ticks took %lld ns", took);
}

TEST(ticks_never_run_ahead)
{
	long long start = now_ns(), took;
	struct vcpu *vcpu = start_ticks(true, 2);

	usleep(50000);
	ticks(vcpu, 100);
	took = now_ns() - start;
	EXPECT(took >= 100 * TICK_NS * 99 / 100, "100 ticks in %lld ns", took);
}

static void on_alarm(int number)
{
	(void)number;
}

/* RUN, which a signal ends after 50 ms, for the guest halts. */
static int run_50_ms(struct vcpu *vcpu)
{
	struct itimerval timer = { .it_value.tv_usec = 50000 }, none = { 0 };
	int result, error;

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &timer, NULL);
	result = vcpu_run(vcpu);
	error = errno;
	setitimer(ITIMER_REAL, &none, NULL);
	errno = error;
	return result;
}

TEST(one_shot_ticks_once)
{
	static const uint8_t modes[] = { 0, 1, 4 };
	struct vcpu *vcpu;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		vcpu = start_ticks(true, modes[i]);
		ticks(vcpu, 1);
		EXPECT_ERRNO(EINTR, run_50_ms(vcpu));
		guest_free(vcpu);
	}
}

TEST(mode_5_does_not_tick)
{
	EXPECT_ERRNO(EINTR, run_50_ms(start_ticks(true, 5)));
}

TEST(hpet_keeps_the_pit_from_ticking)
{
	struct vcpu *vcpu = start_ticks(true, 2);
	struct minivmm_pit_state2 state = get_pit(vcpu->vm);
	int late = 10;

	ticks(vcpu, 1);
	state.flags = MINIVMM_PIT_FLAGS_HPET_LEGACY;
	set_pit(vcpu->vm, &state);
	/* Some may have been on their way. */
	while (late-- && !run_50_ms(vcpu))
		;
	EXPECT_ERRNO(EINTR, run_50_ms(vcpu));
	state.flags = 0;
	set_pit(vcpu->vm, &state);
	ticks(vcpu, 3);
}
