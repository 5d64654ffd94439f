// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory read and written by the host, through the caller's mapping.
 *
 * Used by the page walk and the emulator. An access never crosses a page; the
 * thread runs in the address space that owns the memory (vcpu.c sees to it).
 * Read on in fault.c.
 */
#include <linux/uaccess.h>

#include "../minivmm.h"

/**
 * guest_access_begin - begin to look at guest memory
 * @access: its @memory is set
 *
 * Slots do not go away until guest_access_end(). The thread may sleep.
 */
void guest_access_begin(struct guest_access *access)
	__acquires(&access->memory->srcu)
{
	access->srcu = srcu_read_lock(&access->memory->srcu);
	access->slot = NULL;
}

/**
 * guest_access_end - undo guest_access_begin()
 * @access: the access
 */
void guest_access_end(struct guest_access *access)
	__releases(&access->memory->srcu)
{
	srcu_read_unlock(&access->memory->srcu, access->srcu);
}

static noinline const struct memory_slot *
another_slot(struct guest_access *access, u64 gfn)
{
	const struct memory_slot *slot = memory_slot(access->memory, gfn);

	if (slot)
		access->slot = slot;
	return slot;
}

static __always_inline const struct memory_slot *
find_slot(struct guest_access *access, u64 gfn)
{
	const struct memory_slot *slot = access->slot;

	/* A frame below the slot makes a large number. */
	if (slot && gfn - slot->base_gfn < slot->npages)
		return slot;
	return another_slot(access, gfn);
}

static __always_inline void __user *
slot_to_user(const struct memory_slot *slot, u64 gpa)
{
	return (void __user *)(slot->hva + (gpa - (slot->base_gfn << PAGE_SHIFT)));
}

/* The slot of @gpa, NULL if there is none that the guest may write. */
static __always_inline const struct memory_slot *
find_writable_slot(struct guest_access *access, u64 gpa)
{
	const struct memory_slot *slot = find_slot(access, gpa >> PAGE_SHIFT);

	return slot && !(slot->flags & MINIVMM_MEM_READONLY) ? slot : NULL;
}

/*
 * Pieces of 8, 4, 2 and 1 bytes, each in one access as the guest's processor
 * would make it; @user, @data and @len go on with each. What copy_from_user()
 * does beyond that is for objects whose size is not known.
 */
#define copy_piece(access, type, user, data, len, fault)		\
do {									\
	access(*(type *)(data), (type __user *)(user), fault);		\
	(user) += sizeof(type);						\
	(data) += sizeof(type);						\
	(len) -= sizeof(type);						\
} while (0)

#define copy_pieces(access, user, data, len, fault)			\
do {									\
	while ((len) >= 8)						\
		copy_piece(access, u64, user, data, len, fault);	\
	if (likely(!(len)))						\
		break;							\
	if ((len) >= 4)							\
		copy_piece(access, u32, user, data, len, fault);	\
	if ((len) >= 2)							\
		copy_piece(access, u16, user, data, len, fault);	\
	if (len)							\
		copy_piece(access, u8, user, data, len, fault);		\
} while (0)

/**
 * guest_read - read guest memory
 * @access: begun
 * @gpa: guest-physical address
 * @data: gets the bytes
 * @len: how many; not across a page
 *
 * Return: 0; 1: there is no memory here; -EFAULT: the caller has no memory
 * mapped behind the slot.
 */
int guest_read(struct guest_access *access, u64 gpa, void *data,
	       unsigned int len)
{
	const struct memory_slot *slot = find_slot(access, gpa >> PAGE_SHIFT);
	const void __user *from;

	if (!slot)
		return 1;
	from = slot_to_user(slot, gpa);
	if (!user_read_access_begin(from, len))
		return -EFAULT;
	copy_pieces(unsafe_get_user, from, data, len, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/**
 * guest_write - write guest memory
 * @access: begun
 * @gpa: guest-physical address
 * @data: the bytes
 * @len: how many; not across a page
 *
 * Return: 0; 1: there is no memory here that the guest may write; -EFAULT: the
 * caller has no memory mapped behind the slot.
 */
int guest_write(struct guest_access *access, u64 gpa, const void *data,
		unsigned int len)
{
	const struct memory_slot *slot = find_writable_slot(access, gpa);
	void __user *to;

	if (!slot)
		return 1;
	to = slot_to_user(slot, gpa);
	if (!user_write_access_begin(to, len))
		return -EFAULT;
	copy_pieces(unsafe_put_user, to, data, len, fault);
	user_write_access_end();
	memory_mark_dirty(slot, gpa >> PAGE_SHIFT);
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* The size is in the type: one exchange for each. */
#define user_cmpxchg(type, to, old, new)				\
({									\
	type expected = *(old);						\
	int result = 0;							\
									\
	if (!user_write_access_begin(to, sizeof(type))) {		\
		result = -EFAULT;					\
	} else {							\
		__label__ fault, out;					\
		unsafe_try_cmpxchg_user((type __user *)(to), &expected,	\
					(type)(new), fault);		\
		goto out;						\
fault:									\
		result = -EFAULT;					\
out:									\
		user_write_access_end();				\
	}								\
	*(old) = expected;						\
	result;								\
})

static int user_cmpxchg_sized(void __user *to, u64 *old, u64 new,
			      unsigned int len)
{
	switch (len) {
	case 1:
		return user_cmpxchg(u8, to, old, new);
	case 2:
		return user_cmpxchg(u16, to, old, new);
	case 4:
		return user_cmpxchg(u32, to, old, new);
	default:
		return user_cmpxchg(u64, to, old, new);
	}
}

/**
 * guest_cmpxchg - compare and exchange guest memory in one piece
 * @access: begun
 * @gpa: guest-physical address, aligned to @len
 * @old: what it should hold; gets what it did hold
 * @new: what to put there if it did
 * @len: 1, 2, 4 or 8
 *
 * Return: as guest_write().
 */
int guest_cmpxchg(struct guest_access *access, u64 gpa, u64 *old, u64 new,
		  unsigned int len)
{
	const struct memory_slot *slot = find_writable_slot(access, gpa);
	int ret;

	if (!slot)
		return 1;
	ret = user_cmpxchg_sized(slot_to_user(slot, gpa), old, new, len);
	if (!ret)
		memory_mark_dirty(slot, gpa >> PAGE_SHIFT);
	return ret;
}
