// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_DIRTY_LOG, CLEAR_DIRTY_LOG and CAP_MANUAL_DIRTY_LOG_PROTECT2: each error.
 * That the log is right is in guest/dirty_log.c.
 */
#include "errors.h"

#define PAGES	200ULL
#define SIZE	(PAGES * PAGE)

static struct vm *vm;
static uint64_t bitmap[4];

static uint8_t *memory(size_t size)
{
	uint8_t *hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_TRUE(hva != MAP_FAILED);
	return hva;
}

static int get_log(uint32_t slot, void *to)
{
	struct minivmm_dirty_log log = { .slot = slot, .dirty_bitmap = to };

	return ioctl(vm->fd, MINIVMM_GET_DIRTY_LOG, &log);
}

static int clear_log(uint32_t slot, uint64_t first, uint32_t pages, const void *from)
{
	struct minivmm_clear_dirty_log log = {
		.slot = slot, .first_page = first, .num_pages = pages,
		.dirty_bitmap = (void *)from,
	};

	return ioctl(vm->fd, MINIVMM_CLEAR_DIRTY_LOG, &log);
}

static int enable(uint32_t flags, uint64_t options)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .flags = flags,
		.args = { options },
	};

	return ioctl(vm->fd, MINIVMM_ENABLE_CAP, &cap);
}

/* Slot 0 has a log, slot 1 has none. */
static void vm_with_log(void)
{
	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, MINIVMM_MEM_LOG_DIRTY_PAGES, 0, SIZE, memory(SIZE)));
	ASSERT_OK(vm_set_slot(vm, 1, 0, SIZE, SIZE, memory(SIZE)));
}

/* ---- GET_DIRTY_LOG ---- */

TEST(dirty_log_of_a_new_slot_is_empty)
{
	vm_with_log();
	memset(bitmap, 0xff, sizeof(bitmap));
	EXPECT_EQ(0, get_log(0, bitmap));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(0, bitmap[i]);
}

TEST(get_dirty_log_bad_slot_number_is_einval)
{
	vm_with_log();
	EXPECT_ERRNO(EINVAL, get_log(device_capability(MINIVMM_CAP_NR_MEMSLOTS), bitmap));
	EXPECT_ERRNO(EINVAL, get_log(0xffff, bitmap));
	EXPECT_ERRNO(EINVAL, get_log(2 << 16, bitmap));
}

TEST(get_dirty_log_without_a_slot_is_enoent)
{
	vm_with_log();
	EXPECT_ERRNO(ENOENT, get_log(2, bitmap));
	ASSERT_OK(vm_set_slot(vm, 0, 0, 0, 0, NULL));
	EXPECT_ERRNO(ENOENT, get_log(0, bitmap));
}

TEST(get_dirty_log_of_a_slot_without_log_is_enoent)
{
	uint8_t *hva = memory(SIZE);

	vm_with_log();
	EXPECT_ERRNO(ENOENT, get_log(1, bitmap));
	ASSERT_OK(vm_set_slot(vm, 3, 0, 4 * SIZE, SIZE, hva));
	ASSERT_OK(vm_set_slot(vm, 3, MINIVMM_MEM_LOG_DIRTY_PAGES, 4 * SIZE, SIZE, hva));
	EXPECT_EQ(0, get_log(3, bitmap));
	ASSERT_OK(vm_set_slot(vm, 3, 0, 4 * SIZE, SIZE, hva));
	EXPECT_ERRNO(ENOENT, get_log(3, bitmap));
}

TEST(get_dirty_log_bad_pointer_is_efault)
{
	uint8_t *page = memory(2 * PAGE);

	vm_with_log();
	EXPECT_ERRNO(EFAULT, get_log(0, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, get_log(0, KERNEL_POINTER));
	ASSERT_OK(mprotect(page, PAGE, PROT_READ));
	EXPECT_ERRNO(EFAULT, get_log(0, page));
	/* one word too short */
	ASSERT_OK(munmap(page + PAGE, PAGE));
	EXPECT_ERRNO(EFAULT, get_log(0, page + PAGE - 24));
	ASSERT_OK(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, get_log(0, page + PAGE - 32));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_GET_DIRTY_LOG, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_GET_DIRTY_LOG, last_word_of_page()));
}

TEST(log_of_a_huge_slot)
{
	/* 2^31 - 1 pages: a bitmap of 256 MiB is the caller's own affair */
	const uint64_t size = 1ULL << 33;
	uint8_t *log = memory(size / PAGE / 8);

	vm = vm_create();
	ASSERT_OK(vm_set_slot(vm, 0, MINIVMM_MEM_LOG_DIRTY_PAGES, 0, size, memory(size)));
	EXPECT_EQ(0, get_log(0, log));
	EXPECT_EQ(0, log[size / PAGE / 8 - 1]);
}

/* ---- CLEAR_DIRTY_LOG ---- */

TEST(clear_dirty_log_works_without_manual_protect)
{
	vm_with_log();
	memset(bitmap, 0xff, sizeof(bitmap));
	EXPECT_EQ(0, clear_log(0, 0, PAGES, bitmap));
	EXPECT_EQ(0, clear_log(0, 64, 64, bitmap));
	EXPECT_EQ(0, clear_log(0, 64, 0, bitmap));
	EXPECT_EQ(0, clear_log(0, 192, PAGES - 192, bitmap));
}

TEST(clear_dirty_log_bad_slot_number_is_einval)
{
	vm_with_log();
	EXPECT_ERRNO(EINVAL, clear_log(device_capability(MINIVMM_CAP_NR_MEMSLOTS), 0, 64, bitmap));
	EXPECT_ERRNO(EINVAL, clear_log(2 << 16, 0, 64, bitmap));
}

TEST(clear_dirty_log_not_by_64_pages_is_einval)
{
	vm_with_log();
	for (unsigned int i = 1; i < 64; i++) {
		EXPECT_ERRNO(EINVAL, clear_log(0, i, 64, bitmap));
		EXPECT_ERRNO(EINVAL, clear_log(0, 0, i, bitmap));
		EXPECT_ERRNO(EINVAL, clear_log(0, 64, 64 + i, bitmap));
	}
}

TEST(clear_dirty_log_beyond_the_slot_is_einval)
{
	vm_with_log();
	EXPECT_ERRNO(EINVAL, clear_log(0, 0, 256, bitmap));
	EXPECT_ERRNO(EINVAL, clear_log(0, 192, 64, bitmap));
	EXPECT_ERRNO(EINVAL, clear_log(0, 256, 0, bitmap));
	EXPECT_ERRNO(EINVAL, clear_log(0, 0, ~63U, bitmap));
	EXPECT_ERRNO(EINVAL, clear_log(0, ~63ULL, 64, bitmap));
	EXPECT_ERRNO(EINVAL, clear_log(0, ~63ULL, ~63U, bitmap));
}

TEST(clear_dirty_log_without_a_log_is_enoent)
{
	vm_with_log();
	EXPECT_ERRNO(ENOENT, clear_log(1, 0, 64, bitmap));
	EXPECT_ERRNO(ENOENT, clear_log(2, 0, 64, bitmap));
}

TEST(clear_dirty_log_bad_pointer_is_efault)
{
	vm_with_log();
	EXPECT_ERRNO(EFAULT, clear_log(0, 0, PAGES, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, clear_log(0, 0, PAGES, KERNEL_POINTER));
	EXPECT_ERRNO(EFAULT, clear_log(0, 0, PAGES, last_word_of_page() - 1));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_CLEAR_DIRTY_LOG, BAD_POINTER));
}

/* ---- CAP_MANUAL_DIRTY_LOG_PROTECT2 ---- */

TEST(manual_protect_is_there)
{
	EXPECT_EQ(MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | MINIVMM_DIRTY_LOG_INITIALLY_SET,
		  device_capability(MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2));
	vm = vm_create();
	EXPECT_EQ(0, enable(0, 0));
	EXPECT_EQ(0, enable(0, 1));
	EXPECT_EQ(0, enable(0, 3));
	EXPECT_EQ(0, enable(0, 0));
}

TEST(manual_protect_bad_option_is_einval)
{
	vm = vm_create();
	/* the second wants the first */
	EXPECT_ERRNO(EINVAL, enable(0, 2));
	for (int bit = 2; bit < 64; bit++) {
		EXPECT_ERRNO(EINVAL, enable(0, 1ULL << bit));
		EXPECT_ERRNO(EINVAL, enable(0, 1ULL << bit | 3));
	}
	EXPECT_ERRNO(EINVAL, enable(1, 1));
}

TEST(manual_protect_with_all_set_at_first)
{
	uint8_t *hva = memory(SIZE);

	vm_with_log();
	ASSERT_OK(vm_set_slot(vm, 2, 0, 2 * SIZE, SIZE, hva));
	ASSERT_OK(enable(0, 3));
	/* a log that there is already stays as it is */
	ASSERT_OK(get_log(0, bitmap));
	EXPECT_EQ(0, bitmap[0]);
	ASSERT_OK(vm_set_slot(vm, 2, MINIVMM_MEM_LOG_DIRTY_PAGES, 2 * SIZE, SIZE, hva));
	ASSERT_OK(vm_set_slot(vm, 3, MINIVMM_MEM_LOG_DIRTY_PAGES, 3 * SIZE, SIZE, hva));
	for (unsigned int slot = 2; slot < 4; slot++) {
		ASSERT_OK(get_log(slot, bitmap));
		EXPECT_EQ(~0ULL, bitmap[0]);
		EXPECT_EQ(~0ULL, bitmap[2]);
		EXPECT_EQ(0xff, bitmap[3]);
	}
}

TEST(what_is_cleared_stays_so)
{
	vm = vm_create();
	ASSERT_OK(enable(0, 3));
	ASSERT_OK(vm_set_slot(vm, 0, MINIVMM_MEM_LOG_DIRTY_PAGES, 0, SIZE, memory(SIZE)));
	memset(bitmap, 0, sizeof(bitmap));
	bitmap[0] = 0xf0;
	ASSERT_OK(clear_log(0, 64, 64, bitmap));
	ASSERT_OK(get_log(0, bitmap));
	EXPECT_EQ(~0ULL, bitmap[0]);
	EXPECT_EQ(~0xf0ULL, bitmap[1]);
	/* back to the other way: reading takes away */
	ASSERT_OK(enable(0, 0));
	ASSERT_OK(get_log(0, bitmap));
	EXPECT_EQ(~0xf0ULL, bitmap[1]);
	ASSERT_OK(get_log(0, bitmap));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(0, bitmap[i]);
}
