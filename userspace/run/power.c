// SPDX-License-Identifier: GPL-2.0-only
/*
 * Off and on again, in the three ways that Linux tries: ACPI's sleeping state
 * S5, the chipset's reset control register, the keyboard controller's line to
 * the processor's reset. And port 0x80, which takes the firmware's progress
 * codes and which kernels write to for a short delay.
 *
 * The tables in ../boot/acpi.c say where ACPI's registers are. No event of
 * theirs ever comes, so that the status register is always 0 and the SCI is
 * never raised; ACPI mode is always on.
 *
 * ACPI 4.0: "ACPI Hardware Specification", "PM1 Control Registers", "Power
 * Management Timer". Intel ICH data sheets: "Reset Control Register".
 */
#include <stddef.h>
#include <string.h>

#include "../boot/platform.h"
#include "power.h"

#define CONTAINER(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

#define PM1_ENABLE		2	/* in the event block, after the status */
#define CONTROL_SCI		0x0001
#define CONTROL_TYPE_SHIFT	10
#define CONTROL_TYPE_MASK	7
#define CONTROL_SLEEP		0x2000
#define TIMER_HZ		3579545ULL
#define NS			1000000000ULL

#define RESET_BASE		0xcf8
#define RESET_CPU		0x04

#define KEYBOARD_PORT		0x64
#define KEYBOARD_PULSE_RESET	0xfe

#define DELAY_PORT		0x80

static __u32 timer(const struct power *p)
{
	__u64 now = p->nanoseconds();

	return (__u32)(now / NS * TIMER_HZ + now % NS * TIMER_HZ / NS);
}

/* Any part of the registers: a byte, or two registers at once. */
static bool pm_read(struct bus_device *device, __u64 offset, __u64 *value,
		    unsigned int len)
{
	struct power *p = CONTAINER(device, struct power, pm);
	unsigned char image[PM_PORTS] = { 0 };
	__u16 control;
	__u32 ticks;

	pthread_mutex_lock(&p->lock);
	control = p->control | CONTROL_SCI;
	memcpy(image + PM1_EVENT + PM1_ENABLE, &p->enable, sizeof(p->enable));
	pthread_mutex_unlock(&p->lock);
	memcpy(image + PM1_CONTROL, &control, sizeof(control));
	ticks = timer(p);
	memcpy(image + PM_TIMER, &ticks, sizeof(ticks));
	*value = 0;
	memcpy(value, image + offset, len);
	return true;
}

static bool pm_write(struct bus_device *device, __u64 offset, __u64 value,
		     unsigned int len)
{
	struct power *p = CONTAINER(device, struct power, pm);
	unsigned char image[PM_PORTS] = { 0 };
	unsigned int type;
	bool sleep;

	pthread_mutex_lock(&p->lock);
	memcpy(image + PM1_EVENT + PM1_ENABLE, &p->enable, sizeof(p->enable));
	memcpy(image + PM1_CONTROL, &p->control, sizeof(p->control));
	memcpy(image + offset, &value, len);
	memcpy(&p->enable, image + PM1_EVENT + PM1_ENABLE, sizeof(p->enable));
	memcpy(&p->control, image + PM1_CONTROL, sizeof(p->control));
	/* The bit that puts to sleep is not kept. */
	sleep = p->control & CONTROL_SLEEP;
	type = p->control >> CONTROL_TYPE_SHIFT & CONTROL_TYPE_MASK;
	p->control &= ~CONTROL_SLEEP;
	pthread_mutex_unlock(&p->lock);
	if (sleep && type == SLEEP_TYPE_OFF)
		p->asked(p->context, POWER_OFF);
	return true;
}

/*
 * The register lies amid the four ports by which PCI's configuration is
 * reached, of which a machine without PCI has no use. It takes bytes only.
 */
static bool reset_read(struct bus_device *device, __u64 offset, __u64 *value,
		       unsigned int len)
{
	(void)device;
	*value = 0;
	return RESET_BASE + offset == RESET_PORT && len == 1;
}

static bool reset_write(struct bus_device *device, __u64 offset, __u64 value,
			unsigned int len)
{
	struct power *p = CONTAINER(device, struct power, reset);

	if (RESET_BASE + offset != RESET_PORT || len != 1)
		return false;
	if (value & RESET_CPU)
		p->asked(p->context, POWER_RESET);
	return true;
}

/* No keyboard: nothing to read, and always ready for a command. */
static bool keyboard_read(struct bus_device *device, __u64 offset,
			  __u64 *value, unsigned int len)
{
	(void)device;
	(void)offset;
	(void)len;
	*value = 0;
	return true;
}

static bool keyboard_write(struct bus_device *device, __u64 offset,
			   __u64 value, unsigned int len)
{
	struct power *p = CONTAINER(device, struct power, keyboard);

	(void)offset;
	(void)len;
	if (value == KEYBOARD_PULSE_RESET)
		p->asked(p->context, POWER_RESET);
	return true;
}

static bool delay_read(struct bus_device *device, __u64 offset, __u64 *value,
		       unsigned int len)
{
	(void)device;
	(void)offset;
	(void)len;
	*value = 0;
	return true;
}

static bool delay_write(struct bus_device *device, __u64 offset, __u64 value,
			unsigned int len)
{
	(void)device;
	(void)offset;
	(void)value;
	(void)len;
	return true;
}

void power_init(struct power *power,
		void (*asked)(void *context, enum power_event event),
		__u64 (*nanoseconds)(void), void *context)
{
	*power = (struct power){
		.pm = { BUS_PORT, PM_PORT, PM_PORTS, 4, pm_read, pm_write, NULL },
		.reset = { BUS_PORT, RESET_BASE, 4, 4, reset_read, reset_write,
			   NULL },
		.keyboard = { BUS_PORT, KEYBOARD_PORT, 1, 1, keyboard_read,
			      keyboard_write, NULL },
		.delay = { BUS_PORT, DELAY_PORT, 1, 1, delay_read, delay_write,
			   NULL },
		.asked = asked,
		.nanoseconds = nanoseconds,
		.context = context,
	};
	pthread_mutex_init(&power->lock, NULL);
}

void power_add(struct power *power, struct bus *bus)
{
	bus_add(bus, &power->pm);
	bus_add(bus, &power->reset);
	bus_add(bus, &power->keyboard);
	bus_add(bus, &power->delay);
}

void power_restore(struct power *power, const struct power *saved)
{
	power->enable = saved->enable;
	power->control = saved->control & ~CONTROL_SLEEP;
}
