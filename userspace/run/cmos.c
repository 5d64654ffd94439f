// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CMOS with its clock, at ports 0x70 (index) and 0x71 (data).
 *
 * The time is the host's, in UTC, plus what the guest has set it ahead. It is
 * worked out when it is read. The clock raises no interrupt: its alarm and its
 * ticks do not come.
 *
 * Data sheet: Motorola MC146818A. Where memory's size is in the bytes above
 * the clock's is IBM's and everybody's since.
 * Read next: power.c.
 */
#include <string.h>
#include <time.h>

#include "../boot/platform.h"
#include "cmos.h"

enum { INDEX, DATA, PORTS };

enum {
	SECOND = 0x00,
	MINUTE = 0x02,
	HOUR = 0x04,
	WEEKDAY = 0x06,
	DAY = 0x07,
	MONTH = 0x08,
	YEAR = 0x09,
	STATUS_A = 0x0a,
	STATUS_B = 0x0b,
	STATUS_C = 0x0c,
	STATUS_D = 0x0d,
	BASE_KB = 0x15,
	EXTENDED_KB = 0x17,
	EXTENDED_KB_COPY = 0x30,
	ABOVE_16M_64KB = 0x34,
};

#define INDEX_MASK		0x7f	/* bit 7 once masked NMIs */

/* Divider for 32768 Hz, 1024 ticks a second; never busy with an update. */
#define A_DIVIDER		0x26
#define A_UPDATE		0x80
#define B_SET			0x80
#define B_BINARY		0x04
#define B_24_HOURS		0x02
#define D_BATTERY_GOOD		0x80
#define HOUR_PM			0x80

#define KB			10
#define OFFSET_MAX		(10000LL * 366 * 86400)

static bool is_time(unsigned int index)
{
	return index == SECOND || index == MINUTE || index == HOUR ||
	       (index >= WEEKDAY && index <= YEAR) || index == CMOS_CENTURY;
}

static unsigned char encode(const struct cmos *c, int value)
{
	if (c->bytes[STATUS_B] & B_BINARY)
		return (unsigned char)value;
	return (unsigned char)(value / 10 << 4 | value % 10);
}

static int decode(const struct cmos *c, unsigned char value)
{
	if (c->bytes[STATUS_B] & B_BINARY)
		return value;
	return (value >> 4) * 10 + (value & 0xf);
}

static unsigned char encode_hour(const struct cmos *c, int hour)
{
	if (c->bytes[STATUS_B] & B_24_HOURS)
		return encode(c, hour);
	return encode(c, hour % 12 ? hour % 12 : 12) |
	       (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const struct cmos *c, unsigned char value)
{
	if (c->bytes[STATUS_B] & B_24_HOURS)
		return decode(c, value);
	return decode(c, value & ~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

/* Puts the time that it is now into the registers. */
static void show_time(struct cmos *c)
{
	time_t now = c->now() + c->offset;
	struct tm tm;
	int year;

	if (!gmtime_r(&now, &tm))
		return;
	/* A guest may have set a date before the first year. */
	year = tm.tm_year < -1900 ? 0 : tm.tm_year + 1900;
	c->bytes[SECOND] = encode(c, tm.tm_sec);
	c->bytes[MINUTE] = encode(c, tm.tm_min);
	c->bytes[HOUR] = encode_hour(c, tm.tm_hour);
	c->bytes[WEEKDAY] = encode(c, tm.tm_wday + 1);
	c->bytes[DAY] = encode(c, tm.tm_mday);
	c->bytes[MONTH] = encode(c, tm.tm_mon + 1);
	c->bytes[YEAR] = encode(c, year % 100);
	c->bytes[CMOS_CENTURY] = encode(c, year / 100 % 100);
}

/* The time in the registers is what the guest says it is now. */
static void take_time(struct cmos *c)
{
	struct tm tm = {
		.tm_sec = decode(c, c->bytes[SECOND]),
		.tm_min = decode(c, c->bytes[MINUTE]),
		.tm_hour = decode_hour(c, c->bytes[HOUR]),
		.tm_mday = decode(c, c->bytes[DAY]),
		.tm_mon = decode(c, c->bytes[MONTH]) - 1,
		.tm_year = decode(c, c->bytes[CMOS_CENTURY]) * 100 +
			   decode(c, c->bytes[YEAR]) - 1900,
	};

	c->offset = timegm(&tm) - c->now();
}

static void write_time(struct cmos *c, unsigned char value)
{
	bool setting = c->bytes[STATUS_B] & B_SET;

	if (!setting)
		show_time(c);
	c->bytes[c->index] = value;
	if (!setting)
		take_time(c);
}

static void write_register(struct cmos *c, unsigned char value)
{
	unsigned char changed;

	switch (c->index) {
	case STATUS_A:
		c->bytes[STATUS_A] = value & ~A_UPDATE;
		break;
	case STATUS_B:
		changed = value ^ c->bytes[STATUS_B];
		/* Set aside or taken over in the notation that was used. */
		if (changed & B_SET && value & B_SET)
			show_time(c);
		else if (changed & B_SET)
			take_time(c);
		c->bytes[STATUS_B] = value;
		break;
	case STATUS_C:
	case STATUS_D:
		break;
	default:
		if (is_time(c->index))
			write_time(c, value);
		else
			c->bytes[c->index] = value;
	}
}

static bool cmos_read(struct bus_device *device, __u64 offset, __u64 *value,
		      unsigned int len)
{
	struct cmos *c = (struct cmos *)device;

	(void)len;
	/* The index cannot be read back. */
	if (offset == INDEX)
		return false;
	pthread_mutex_lock(&c->lock);
	if (is_time(c->index) && !(c->bytes[STATUS_B] & B_SET))
		show_time(c);
	*value = c->bytes[c->index];
	pthread_mutex_unlock(&c->lock);
	return true;
}

static bool cmos_write(struct bus_device *device, __u64 offset, __u64 value,
		       unsigned int len)
{
	struct cmos *c = (struct cmos *)device;

	(void)len;
	pthread_mutex_lock(&c->lock);
	if (offset == INDEX)
		c->index = value & INDEX_MASK;
	else
		write_register(c, (unsigned char)value);
	pthread_mutex_unlock(&c->lock);
	return true;
}

static void put_16(struct cmos *c, unsigned int index, __u64 value)
{
	if (value > 0xffff)
		value = 0xffff;
	c->bytes[index] = (unsigned char)value;
	c->bytes[index + 1] = (unsigned char)(value >> 8);
}

void cmos_init(struct cmos *cmos, __u64 memory, long long (*now)(void))
{
	__u64 above_1m = memory > 1 << 20 ? memory - (1 << 20) : 0;
	__u64 above_16m = memory > 16 << 20 ? memory - (16 << 20) : 0;

	memset(cmos, 0, sizeof(*cmos));
	cmos->device.space = BUS_PORT;
	cmos->device.base = CMOS_PORT;
	cmos->device.size = PORTS;
	cmos->device.width = 1;
	cmos->device.read = cmos_read;
	cmos->device.write = cmos_write;
	pthread_mutex_init(&cmos->lock, NULL);
	cmos->now = now;
	cmos->bytes[STATUS_A] = A_DIVIDER;
	cmos->bytes[STATUS_B] = B_24_HOURS;
	cmos->bytes[STATUS_D] = D_BATTERY_GOOD;
	put_16(cmos, BASE_KB, 640);
	put_16(cmos, EXTENDED_KB, above_1m >> KB);
	put_16(cmos, EXTENDED_KB_COPY, above_1m >> KB);
	put_16(cmos, ABOVE_16M_64KB, above_16m >> 16);
}

void cmos_restore(struct cmos *cmos, const struct cmos *saved)
{
	memcpy(cmos->bytes, saved->bytes, sizeof(cmos->bytes));
	cmos->index = saved->index & INDEX_MASK;
	/* No further than any two years of four digits are apart. */
	if (saved->offset > -OFFSET_MAX && saved->offset < OFFSET_MAX)
		cmos->offset = saved->offset;
}
