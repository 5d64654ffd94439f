// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: lines, messages, routes and chips with what fits and what does
 * not, and eventfds that are signalled and closed whatever they stand for.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuzz.h"

/* Where guests write, and devices of the kernel are. */
static const uint64_t places[] = {
	0x20, 0x21, 0x40, 0x43, 0x61, 0xa0, 0x1f0, 0x4d0, 0xfec00000, 0xfec00010, 0xfee000b0,
	0xfee00300, 0x10000000, RAM_SIZE - 4, RAM_SIZE,
};

static uint64_t place(struct worker *w)
{
	return below(&w->rng, 8) ? pick(&w->rng, places) : number(&w->rng);
}

static uint32_t gsi(struct worker *w)
{
	return below(&w->rng, 8) ? below(&w->rng, 26) : number(&w->rng);
}

static void make_message(struct worker *w, uint32_t *lo, uint32_t *hi, uint32_t *data)
{
	*lo = 0xfee00000 | (rnd(&w->rng) & 0xff00c);
	*hi = below(&w->rng, 4) ? 0 : rnd(&w->rng);
	*data = below(&w->rng, 4) ? 0x20 + below(&w->rng, 224) : rnd(&w->rng) & 0xcfff;
}

void *make_irqfd(struct worker *w)
{
	struct minivmm_irqfd *args = (void *)w->scratch;

	*args = (struct minivmm_irqfd){
		.fd = pick_fd(w, EVENT), .gsi = gsi(w), .resamplefd = pick_fd(w, EVENT),
		.flags = below(&w->rng, 16) ? below(&w->rng, 4) : number(&w->rng),
	};
	return args;
}

void *make_ioeventfd(struct worker *w)
{
	static const uint32_t lengths[] = { 0, 1, 2, 4, 8 };
	struct minivmm_ioeventfd *args = (void *)w->scratch;

	*args = (struct minivmm_ioeventfd){
		.fd = pick_fd(w, EVENT), .addr = place(w), .datamatch = below(&w->rng, 3),
		.len = below(&w->rng, 16) ? pick(&w->rng, lengths) : number(&w->rng),
		.flags = below(&w->rng, 16) ? below(&w->rng, 8) : number(&w->rng),
	};
	return args;
}

void *make_zone(struct worker *w)
{
	struct minivmm_coalesced_mmio_zone *args = (void *)w->scratch;

	*args = (struct minivmm_coalesced_mmio_zone){
		.addr = place(w), .size = below(&w->rng, 4) ? below(&w->rng, 16) : number(&w->rng),
		.pio = below(&w->rng, 16) ? below(&w->rng, 2) : number(&w->rng),
	};
	return args;
}

void *make_routing(struct worker *w)
{
	struct minivmm_irq_routing *table = (void *)w->scratch;

	*table = (struct minivmm_irq_routing){ 0 };
	table->nr = below(&w->rng, 16) ? below(&w->rng, 40) : number(&w->rng);
	for (unsigned int i = 0; i < table->nr && i < 100; i++) {
		struct minivmm_irq_routing_entry *entry = &table->entries[i];

		*entry = (struct minivmm_irq_routing_entry){
			.gsi = below(&w->rng, 200) ? i : number(&w->rng),
			.type = below(&w->rng, 200) ? 1 + below(&w->rng, 2) : number(&w->rng),
		};
		if (entry->type == MINIVMM_IRQ_ROUTING_MSI) {
			make_message(w, &entry->u.msi.address_lo, &entry->u.msi.address_hi,
				     &entry->u.msi.data);
			continue;
		}
		entry->u.irqchip.irqchip = below(&w->rng, 200) ? below(&w->rng, 3) :
								 number(&w->rng);
		entry->u.irqchip.pin = below(&w->rng, 200) ? below(&w->rng, 8) : number(&w->rng);
	}
	return table;
}

void *make_line(struct worker *w)
{
	struct minivmm_irq_level *line = (void *)w->scratch;

	line->irq = gsi(w);
	line->level = below(&w->rng, 16) ? below(&w->rng, 2) : number(&w->rng);
	return line;
}

void *make_msi(struct worker *w)
{
	struct minivmm_msi *msi = (void *)w->scratch;

	*msi = (struct minivmm_msi){ .flags = below(&w->rng, 16) ? 0 : number(&w->rng) };
	make_message(w, &msi->address_lo, &msi->address_hi, &msi->data);
	return msi;
}

/* What chips are given is taken as it is: all of it is the fuzzer's. */
void *make_irqchip(struct worker *w)
{
	struct minivmm_irqchip *chip = (void *)w->scratch;

	for (unsigned int i = 0; i < sizeof(chip->chip); i++)
		chip->chip.dummy[i] = below(&w->rng, 2) ? 0 : rnd(&w->rng);
	chip->chip_id = below(&w->rng, 16) ? below(&w->rng, 3) : number(&w->rng);
	return chip;
}

void *make_pit_config(struct worker *w)
{
	struct minivmm_pit_config *config = (void *)w->scratch;

	*config = (struct minivmm_pit_config){
		.flags = below(&w->rng, 8) ? below(&w->rng, 2) : number(&w->rng),
	};
	return config;
}

void *make_lapic(struct worker *w)
{
	struct minivmm_lapic_state *lapic = (void *)w->scratch;

	memset(lapic, 0, sizeof(*lapic));
	for (unsigned int i = below(&w->rng, 64); i; i--)
		*(uint32_t *)&lapic->regs[below(&w->rng, 64) * 16] = number(&w->rng);
	if (below(&w->rng, 4))
		*(uint32_t *)&lapic->regs[0xf0] = 0x1ff;
	return lapic;
}

void setup_events(void)
{
	for (unsigned int i = 0; i < NR_EVENTS; i++)
		fds[EVENT][i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void step_event(struct worker *w)
{
	uint64_t value = below(&w->rng, 8) ? 1 : number(&w->rng);
	int fd = pick_fd(w, EVENT);

	switch (below(&w->rng, 8)) {
	case 0:
		fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (fd >= 0)
			keep_fd(w, EVENT, fd);
		break;
	case 1:
		if (read(fd, &value, sizeof(value)) < 0)
			return;
		break;
	default:
		if (write(fd, &value, sizeof(value)) < 0)
			return;
	}
}
