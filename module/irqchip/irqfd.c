// SPDX-License-Identifier: GPL-2.0-only
/*
 * IRQFD: a write to an eventfd interrupts the guest.
 *
 * Who writes needs to know nothing of the VM: a thread with a device model,
 * another process, a driver. We stand in the eventfd's wait queue, in front of
 * all others, and deliver the interrupt right there.
 *
 * With a second eventfd (resample) the interrupt is level-triggered: the line
 * stays up until the guest has ended the interrupt, and then the second
 * eventfd is signalled, so that the device, if it still wants to be served,
 * raises the first one again. Several devices may share such a line.
 *
 * An irqfd ends by DEASSIGN, with its eventfd, or with the VM's descriptor:
 * whoever comes first takes it out of the list, and a work item does the rest,
 * because the eventfd tells us of its end with its own lock held.
 *
 * Read on in routing.c. The other direction is ioeventfd.c.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "../backend.h"
#include "../compat.h"

#define VALID_FLAGS	(MINIVMM_IRQFD_FLAG_DEASSIGN | \
			 MINIVMM_IRQFD_FLAG_RESAMPLE)

/* With interrupts off, the end of an interrupt may have to signal all of them. */
#define MAX_IRQFDS	4096

/**
 * struct resampler - what is done when the guest ends a GSI's interrupt
 * @link: in vm->irqfds.resamplers
 * @irqfds: whose resamplefd is signalled
 * @gsi: which
 */
struct resampler {
	struct list_head link;
	struct list_head irqfds;
	u32 gsi;
};

/**
 * struct irqfd - one of a VM's
 * @vm: whose
 * @gsi: what it raises
 * @link: in vm->irqfds.all; empty: it is about to end
 * @eventfd: what raises it
 * @wait: we in its wait queue
 * @poll: how we get there
 * @end: does the rest when it ends
 * @resampler: with FLAG_RESAMPLE
 * @resampler_link: in @resampler's list
 * @resamplefd: what it signals
 */
struct irqfd {
	struct vm *vm;
	u32 gsi;
	struct list_head link;
	struct eventfd_ctx *eventfd;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct end;
	struct resampler *resampler;
	struct list_head resampler_link;
	struct eventfd_ctx *resamplefd;
};

/* Its own, so that all that is on it can be waited for. */
static struct workqueue_struct *irqfd_queue;

static void inject(struct irqfd *irqfd)
{
	if (irqfd->resampler)
		irq_route_set(irqfd->vm, IRQ_SOURCE_RESAMPLE, irqfd->gsi, true);
	else
		irq_route_pulse(irqfd->vm, IRQ_SOURCE_IRQFD, irqfd->gsi);
}

/* Its list's lock is held. */
static void begin_end(struct irqfd *irqfd)
{
	list_del_init(&irqfd->link);
	irqfd->vm->irqfds.count--;
	queue_work(irqfd_queue, &irqfd->end);
}

/* Called with the eventfd's lock held and interrupts off. */
static int wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync,
		  void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	struct vm_irqfds *irqfds = &irqfd->vm->irqfds;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		inject(irqfd);
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&irqfds->lock, flags);
		if (!list_empty(&irqfd->link))
			begin_end(irqfd);
		spin_unlock_irqrestore(&irqfds->lock, flags);
	}
	return events & EPOLLIN ? 1 : 0;
}

static void stand_in_front(struct file *file, wait_queue_head_t *queue,
			   poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	add_wait_queue_priority(queue, &irqfd->wait);
}

/**
 * irqfd_acked - the guest has ended the interrupt of a GSI
 * @vm: the VM; inside rcu_read_lock(), without other locks
 * @gsi: which
 *
 * The line goes down first: who is told may raise it again.
 */
void irqfd_acked(struct vm *vm, u32 gsi)
{
	struct resampler *resampler;
	struct irqfd *irqfd;

	list_for_each_entry_rcu(resampler, &vm->irqfds.resamplers, link) {
		if (resampler->gsi != gsi)
			continue;
		irq_route_set(vm, IRQ_SOURCE_RESAMPLE, gsi, false);
		list_for_each_entry_rcu(irqfd, &resampler->irqfds,
					resampler_link)
			compat_eventfd_signal(irqfd->resamplefd);
	}
}

/**
 * irqfd_resampled_pins - where the I/O APIC's ends are waited for
 * @vm: the VM
 *
 * Return: a bit for each pin of the I/O APIC to which a resampled GSI leads.
 */
u32 irqfd_resampled_pins(struct vm *vm)
{
	struct resampler *resampler;
	u32 pins = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(resampler, &vm->irqfds.resamplers, link)
		pins |= irq_route_ioapic_pin(vm, resampler->gsi);
	rcu_read_unlock();
	return pins;
}

static struct resampler *find_resampler(struct vm_irqfds *irqfds, u32 gsi)
{
	struct resampler *resampler;

	list_for_each_entry(resampler, &irqfds->resamplers, link)
		if (resampler->gsi == gsi)
			return resampler;
	resampler = kzalloc(sizeof(*resampler), GFP_KERNEL_ACCOUNT);
	if (!resampler)
		return NULL;
	INIT_LIST_HEAD(&resampler->irqfds);
	resampler->gsi = gsi;
	list_add_rcu(&resampler->link, &irqfds->resamplers);
	return resampler;
}

/* irqfds.mutex is held. @irqfd has a resamplefd. */
static int join_resampler(struct irqfd *irqfd)
{
	struct resampler *resampler;

	resampler = find_resampler(&irqfd->vm->irqfds, irqfd->gsi);
	if (!resampler)
		return -ENOMEM;
	irqfd->resampler = resampler;
	list_add_rcu(&irqfd->resampler_link, &resampler->irqfds);
	irqchip_watch(irqfd->vm);
	return 0;
}

/* irqfds.mutex is held. The last one lowers the line. */
static void leave_resampler(struct irqfd *irqfd)
{
	struct resampler *resampler = irqfd->resampler;
	bool last;

	list_del_rcu(&irqfd->resampler_link);
	last = list_empty(&resampler->irqfds);
	if (last) {
		list_del_rcu(&resampler->link);
		irqchip_watch(irqfd->vm);
	}
	synchronize_rcu_expedited();
	if (last) {
		irq_route_set(irqfd->vm, IRQ_SOURCE_RESAMPLE, irqfd->gsi, false);
		kfree(resampler);
	}
}

/* Nobody finds it any more. */
static void free_irqfd(struct irqfd *irqfd)
{
	if (irqfd->resampler)
		leave_resampler(irqfd);
	if (irqfd->resamplefd)
		eventfd_ctx_put(irqfd->resamplefd);
	if (irqfd->eventfd)
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static void end_irqfd(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, end);
	struct vm_irqfds *irqfds = &irqfd->vm->irqfds;
	u64 count;

	/* Not before assign() is through with it. */
	mutex_lock(&irqfds->mutex);
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	free_irqfd(irqfd);
	mutex_unlock(&irqfds->mutex);
}

/* An eventfd raises one GSI of a VM. */
static int add_to_list(struct irqfd *irqfd)
{
	struct vm_irqfds *irqfds = &irqfd->vm->irqfds;
	struct irqfd *other;
	int ret = 0;

	spin_lock_irq(&irqfds->lock);
	list_for_each_entry(other, &irqfds->all, link)
		if (other->eventfd == irqfd->eventfd)
			ret = -EBUSY;
	if (!ret && irqfds->count >= MAX_IRQFDS)
		ret = -ENOSPC;
	if (!ret) {
		irqfds->count++;
		list_add_tail(&irqfd->link, &irqfds->all);
	}
	spin_unlock_irq(&irqfds->lock);
	return ret;
}

/*
 * irqfds.mutex is held. The eventfd's @file stays open until we stand in its
 * queue; a signal that came before is not lost.
 */
static int connect(struct irqfd *irqfd, struct file *file,
		   const struct minivmm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	int ret;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	irqfd->eventfd = eventfd;
	if (args->flags & MINIVMM_IRQFD_FLAG_RESAMPLE) {
		eventfd = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
		irqfd->resamplefd = eventfd;
		ret = join_resampler(irqfd);
		if (ret)
			return ret;
	}
	init_waitqueue_func_entry(&irqfd->wait, wakeup);
	init_poll_funcptr(&irqfd->poll, stand_in_front);
	ret = add_to_list(irqfd);
	if (ret)
		return ret;
	if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		inject(irqfd);
	return 0;
}

static int assign(struct vm *vm, const struct minivmm_irqfd *args)
{
	struct irqfd *irqfd;
	struct file *file;
	int ret;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->vm = vm;
	irqfd->gsi = args->gsi;
	INIT_WORK(&irqfd->end, end_irqfd);
	file = eventfd_fget(args->fd);
	if (IS_ERR(file)) {
		kfree(irqfd);
		return PTR_ERR(file);
	}
	mutex_lock(&vm->irqfds.mutex);
	ret = connect(irqfd, file, args);
	if (ret)
		free_irqfd(irqfd);
	mutex_unlock(&vm->irqfds.mutex);
	fput(file);
	return ret;
}

static int deassign(struct vm *vm, const struct minivmm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct irqfd *irqfd, *next;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	spin_lock_irq(&vm->irqfds.lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds.all, link)
		if (irqfd->eventfd == eventfd && irqfd->gsi == args->gsi)
			begin_end(irqfd);
	spin_unlock_irq(&vm->irqfds.lock);
	eventfd_ctx_put(eventfd);
	/* From here on it interrupts nobody. */
	flush_workqueue(irqfd_queue);
	return 0;
}

/**
 * irqfd_ioctl - serve IRQFD
 * @vm: the VM
 * @user: struct minivmm_irqfd
 *
 * Return: 0; -EFAULT; -EINVAL: an unknown flag, no eventfd, no local APICs in
 * the kernel, or FLAG_RESAMPLE without PIC and I/O APIC there; -EBADF; -EBUSY:
 * the eventfd raises a GSI already; -ENOSPC: too many; -ENOMEM.
 */
long irqfd_ioctl(struct vm *vm, void __user *user)
{
	struct minivmm_irqfd args;
	enum irqchip_kind kind;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~VALID_FLAGS)
		return -EINVAL;
	if (args.flags & MINIVMM_IRQFD_FLAG_DEASSIGN)
		return deassign(vm, &args);
	/* Pairs with irqchip_create(): the chips are there. */
	kind = smp_load_acquire(&vm->irqchip_kind);
	if (kind == IRQCHIP_NONE ||
	    (kind == IRQCHIP_SPLIT && args.flags & MINIVMM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return assign(vm, &args);
}

/**
 * irqfd_init - prepare a new VM
 * @vm: the VM
 */
void irqfd_init(struct vm *vm)
{
	mutex_init(&vm->irqfds.mutex);
	spin_lock_init(&vm->irqfds.lock);
	INIT_LIST_HEAD(&vm->irqfds.all);
	INIT_LIST_HEAD(&vm->irqfds.resamplers);
}

/**
 * irqfd_release - end all irqfds of a VM whose descriptor is closed
 * @vm: the VM; when this returns, no eventfd knows it any more
 */
void irqfd_release(struct vm *vm)
{
	struct irqfd *irqfd, *next;

	spin_lock_irq(&vm->irqfds.lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds.all, link)
		begin_end(irqfd);
	spin_unlock_irq(&vm->irqfds.lock);
	flush_workqueue(irqfd_queue);
}

/**
 * irqfd_setup - what all VMs share
 *
 * Return: 0 or -ENOMEM.
 */
int __init irqfd_setup(void)
{
	irqfd_queue = alloc_workqueue("minivmm-irqfd", WQ_UNBOUND, 0);
	return irqfd_queue ? 0 : -ENOMEM;
}

/**
 * irqfd_cleanup - undo irqfd_setup(); no VM is left
 */
void irqfd_cleanup(void)
{
	destroy_workqueue(irqfd_queue);
}
