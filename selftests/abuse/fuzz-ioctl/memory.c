// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots, and what a process can do with the memory behind them while guests use
 * it. Nothing here touches that memory directly: it may be gone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define IMAGE_SIZE	GUEST_FREE

/*
 * Where no other memory of ours is for a long way up: guests write to whatever
 * a slot names, and that must not be the fuzzer's own.
 */
#define RAM		((uint8_t *)0x240000000UL)

uint8_t *ram;
static uint8_t *image;		/* of the part that has the tables */
static uint8_t *away;		/* where memory is moved to */
static int file;

void setup_memory(uint8_t *memory)
{
	ram = mremap(memory, RAM_SIZE, RAM_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, RAM);
	ASSERT_TRUE(ram == RAM);
	image = mmap(NULL, IMAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(image, ram, IMAGE_SIZE);
	away = mmap(NULL, RAM_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	file = memfd_create("fuzz", MFD_CLOEXEC);
	ASSERT_OK(ftruncate(file, RAM_SIZE));
}

void poke(void *at, const void *data, size_t size)
{
	struct iovec from = { (void *)data, size }, to = { at, size };

	if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) < 0)
		return;
}

static uint64_t pages(struct worker *w)
{
	return below(&w->rng, 4) ? 1 + below(&w->rng, 16) : below(&w->rng, 2 * RAM_SIZE / PAGE);
}

void *make_region(struct worker *w)
{
	static const uint64_t places[] = {
		0, 0x100000, 0x400000, 0x90000000, 0xfffff000, 0x100000000, 0xfffffffff000,
	};
	static const uint32_t flags[] = { 0, 0, 0, 0, 1, 1, 2, 3 };
	struct minivmm_userspace_memory_region *region = (void *)w->scratch;

	region->slot = below(&w->rng, 16) ? below(&w->rng, 6) : number(&w->rng);
	region->flags = below(&w->rng, 16) ? pick(&w->rng, flags) : number(&w->rng);
	region->guest_phys_addr = below(&w->rng, 16) ? pick(&w->rng, places) : number(&w->rng);
	region->memory_size = below(&w->rng, 4) ? RAM_SIZE : pages(w) * PAGE;
	region->userspace_addr = (uintptr_t)ram + below(&w->rng, 2) *
				 below(&w->rng, RAM_SIZE / PAGE) * PAGE;
	switch (below(&w->rng, 16)) {
	case 0:		/* the page shared with a vCPU as a guest's memory */
		region->userspace_addr = (uintptr_t)run_page(below(&w->rng, NR_VCPUS));
		break;
	case 1:
		region->userspace_addr = (uintptr_t)w->scratch;
		break;
	case 2:
		region->userspace_addr = number(&w->rng);
		if (region->userspace_addr < 1UL << 32)
			region->userspace_addr += 1UL << 34;
		break;
	case 3:
		region->memory_size = number(&w->rng);
		break;
	case 4:
	case 5:
	case 6:
		region->memory_size = 0;
		break;
	}
	return region;
}

static void restore(void)
{
	mmap(ram, RAM_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	poke(ram, image, IMAGE_SIZE);
}

static void move_away_and_back(uint8_t *at, size_t size)
{
	uint8_t *to = away + (at - ram);

	if (mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		return;
	if (mremap(to, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED)
		munmap(to, size);
}

static void advise(struct worker *w, uint8_t *at, size_t size)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_WILLNEED, MADV_COLD,
		MADV_PAGEOUT, MADV_DONTFORK, MADV_DOFORK, 22 /* POPULATE_READ */,
		23 /* POPULATE_WRITE */, 25 /* COLLAPSE */,
	};

	madvise(at, size, pick(&w->rng, advices));
}

/* The child keeps the memory shared for a moment, and writes to it. */
static void fork_a_moment(struct worker *w)
{
	uint64_t value = rnd(&w->rng), at = below(&w->rng, RAM_SIZE / 8);
	unsigned int moment = below(&w->rng, 3000);
	pid_t pid = fork();

	if (pid)
		return;
	poke(ram + 8 * at, &value, sizeof(value));
	usleep(moment);
	_exit(0);
}

void step_memory(struct worker *w)
{
	static const int protections[] = {
		PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	uint64_t first = below(&w->rng, RAM_SIZE / PAGE), count = pages(w);
	uint8_t *at = ram + first * PAGE;
	size_t size = (first + count > RAM_SIZE / PAGE ? RAM_SIZE / PAGE - first : count) * PAGE;

	switch (below(&w->rng, 12)) {
	case 0:
		munmap(at, size);
		break;
	case 1:
		mprotect(at, size, pick(&w->rng, protections));
		break;
	case 2:
	case 3:
	case 4:
		advise(w, at, size);
		break;
	case 5:
		move_away_and_back(at, size);
		break;
	case 6:
		mmap(at, size, PROT_READ | PROT_WRITE, MAP_FIXED |
		     (below(&w->rng, 2) ? MAP_SHARED : MAP_PRIVATE), file, first * PAGE);
		break;
	case 7:
		if (ftruncate(file, below(&w->rng, 2) * RAM_SIZE))
			return;
		break;
	case 8:
		fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first * PAGE, size);
		break;
	case 9:
		fork_a_moment(w);
		break;
	default:
		restore();
	}
}
