// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOEVENTFD: a write of the guest signals an eventfd, and the guest goes on.
 *
 * The owner need not be told by an exit that the guest has rung a doorbell: a
 * thread of its own, or another process, waits for the eventfd. What was
 * written is lost; that one of several values was written can be told apart by
 * an eventfd for each (DATAMATCH).
 *
 * An ioeventfd is a device on a bus (../bus.c). One on MMIO that does not care
 * for the length of the write is on the fast bus as well, where the exit itself
 * says enough to signal it.
 *
 * Read on in irqfd.c, the other direction.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"
#include "../compat.h"

#define VALID_FLAGS	(MINIVMM_IOEVENTFD_FLAG_DATAMATCH | \
			 MINIVMM_IOEVENTFD_FLAG_PIO)

/**
 * struct ioeventfd - one of a VM's
 * @link: in vm->ioeventfds
 * @eventfd: what is signalled
 * @kind: of the bus
 * @device: its address and length there
 * @fast: the same on BUS_FAST_MMIO, if it is there too
 * @datamatch: what has to be written
 * @any_data: no, anything will do
 */
struct ioeventfd {
	struct list_head link;
	struct eventfd_ctx *eventfd;
	enum bus_kind kind;
	struct bus_device device;
	struct bus_device fast;
	u64 datamatch;
	bool any_data;
};

static int ioeventfd_write(struct vcpu *vcpu, void *owner, u64 addr,
			   unsigned int len, const void *data)
{
	const struct ioeventfd *io = owner;
	u64 value = 0;

	if (addr != io->device.start)
		return -EOPNOTSUPP;
	if (io->device.size && len != io->device.size)
		return -EOPNOTSUPP;
	if (!io->any_data) {
		memcpy(&value, data, len);
		if (value != io->datamatch)
			return -EOPNOTSUPP;
	}
	compat_eventfd_signal(io->eventfd);
	return 0;
}

static const struct bus_ops ioeventfd_ops = {
	.write = ioeventfd_write,
};

static bool is_fast(const struct ioeventfd *io)
{
	return io->kind == BUS_MMIO && !io->device.size;
}

/* Both would be signalled by the same write. */
static bool collide(const struct ioeventfd *a, const struct ioeventfd *b)
{
	if (a->kind != b->kind || a->device.start != b->device.start)
		return false;
	if (!a->device.size || !b->device.size)
		return true;
	return a->device.size == b->device.size &&
	       (a->any_data || b->any_data || a->datamatch == b->datamatch);
}

static int attach(struct vm *vm, struct ioeventfd *io)
{
	struct ioeventfd *other;
	int ret;

	list_for_each_entry(other, &vm->ioeventfds, link)
		if (collide(io, other))
			return -EEXIST;
	ret = bus_attach(vm, io->kind, &io->device);
	if (ret)
		return ret;
	if (is_fast(io)) {
		ret = bus_attach(vm, BUS_FAST_MMIO, &io->fast);
		if (ret) {
			bus_detach(vm, io->kind, &io->device);
			return ret;
		}
	}
	list_add_tail(&io->link, &vm->ioeventfds);
	return 0;
}

static void free_ioeventfd(struct ioeventfd *io)
{
	eventfd_ctx_put(io->eventfd);
	kfree(io);
}

static int check_args(const struct minivmm_ioeventfd *args)
{
	if (args->len > 8 || (args->len && !is_power_of_2(args->len)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (args->flags & ~VALID_FLAGS)
		return -EINVAL;
	if (!args->len && args->flags & MINIVMM_IOEVENTFD_FLAG_DATAMATCH)
		return -EINVAL;
	return 0;
}

static enum bus_kind bus_of(const struct minivmm_ioeventfd *args)
{
	return args->flags & MINIVMM_IOEVENTFD_FLAG_PIO ? BUS_PIO : BUS_MMIO;
}

/* @eventfd becomes the new ioeventfd's. */
static struct ioeventfd *new_ioeventfd(const struct minivmm_ioeventfd *args,
				       struct eventfd_ctx *eventfd)
{
	struct ioeventfd *io = kzalloc(sizeof(*io), GFP_KERNEL_ACCOUNT);

	if (!io)
		return NULL;
	io->eventfd = eventfd;
	io->kind = bus_of(args);
	io->datamatch = args->datamatch;
	io->any_data = !(args->flags & MINIVMM_IOEVENTFD_FLAG_DATAMATCH);
	io->device = (struct bus_device){
		.start = args->addr,
		.size = args->len,
		.ops = &ioeventfd_ops,
		.owner = io,
	};
	io->fast = io->device;
	return io;
}

static int assign(struct vm *vm, const struct minivmm_ioeventfd *args)
{
	struct eventfd_ctx *eventfd;
	struct ioeventfd *io;
	int ret = check_args(args);

	if (ret)
		return ret;
	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	io = new_ioeventfd(args, eventfd);
	if (!io) {
		eventfd_ctx_put(eventfd);
		return -ENOMEM;
	}
	mutex_lock(&vm->lock);
	ret = attach(vm, io);
	mutex_unlock(&vm->lock);
	if (ret)
		free_ioeventfd(io);
	return ret;
}

static bool is_the_one(const struct ioeventfd *io,
		       const struct minivmm_ioeventfd *args,
		       const struct eventfd_ctx *eventfd)
{
	bool any_data = !(args->flags & MINIVMM_IOEVENTFD_FLAG_DATAMATCH);

	return io->eventfd == eventfd && io->kind == bus_of(args) &&
	       io->device.start == args->addr && io->device.size == args->len &&
	       io->any_data == any_data &&
	       (any_data || io->datamatch == args->datamatch);
}

static int deassign(struct vm *vm, const struct minivmm_ioeventfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct ioeventfd *io, *next;
	int ret = -ENOENT;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	mutex_lock(&vm->lock);
	list_for_each_entry_safe(io, next, &vm->ioeventfds, link) {
		if (!is_the_one(io, args, eventfd))
			continue;
		list_del(&io->link);
		bus_detach(vm, io->kind, &io->device);
		if (is_fast(io))
			bus_detach(vm, BUS_FAST_MMIO, &io->fast);
		free_ioeventfd(io);
		ret = 0;
		break;
	}
	mutex_unlock(&vm->lock);
	eventfd_ctx_put(eventfd);
	return ret;
}

/**
 * ioeventfd_ioctl - serve IOEVENTFD
 * @vm: the VM
 * @user: struct minivmm_ioeventfd
 *
 * Return: 0; -EFAULT; -EINVAL: a length, flag or range that cannot be, or no
 * eventfd; -EBADF; -EEXIST: another one is signalled by the same write;
 * -ENOENT: there is none to deassign; -ENOSPC; -ENOMEM.
 */
long ioeventfd_ioctl(struct vm *vm, void __user *user)
{
	struct minivmm_ioeventfd args;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.flags & MINIVMM_IOEVENTFD_FLAG_DEASSIGN)
		return deassign(vm, &args);
	return assign(vm, &args);
}

/**
 * ioeventfd_release - let go of a VM's eventfds
 * @vm: nobody uses it any more
 */
void ioeventfd_release(struct vm *vm)
{
	struct ioeventfd *io, *next;

	list_for_each_entry_safe(io, next, &vm->ioeventfds, link)
		free_ioeventfd(io);
}
