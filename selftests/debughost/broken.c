// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that makes one mistake of each kind that the debug host is to see.
 *
 *   echo KIND >/sys/module/broken/parameters/make
 *
 * Never load it into a machine that you need. Read next: debughost.sh, which
 * does, in the test host.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);
static DEFINE_SPINLOCK(spinlock);

static int numbers[4];
static int __rcu *shared = (int __rcu *)&numbers[0];
/* Not known to the compiler, which would see through all this. */
static volatile int one = 1, four = 4, forty = 40;
static void * volatile memory;

/* Several: the address of one may still stand on a stack, and count as known. */
static void leak(void)
{
	int i;

	for (i = 0; i < 8; i++)
		memory = kmalloc(1000, GFP_KERNEL);
	memory = NULL;
}

static void use_after_free(void)
{
	int *freed = kmalloc(sizeof(*freed), GFP_KERNEL);

	memory = freed;
	kfree(memory);
	numbers[0] = READ_ONCE(*freed);
}

static void out_of_bounds(void)
{
	char *bytes = kmalloc(20, GFP_KERNEL);

	memory = bytes;
	WRITE_ONCE(bytes[5 * four], 0);
	kfree(bytes);
}

static void sleep(void)
{
	spin_lock(&spinlock);
	kfree(kmalloc(10, GFP_KERNEL));
	spin_unlock(&spinlock);
}

static void locks(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);
	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
}

static void rcu(void)
{
	numbers[1] = *rcu_dereference(shared);
}

static void shift(void)
{
	numbers[2] = one << forty;
}

static void array(void)
{
	WRITE_ONCE(numbers[3], numbers[four]);
}

static void refcount(void)
{
	refcount_t count = REFCOUNT_INIT(1);

	refcount_dec(&count);
}

static void no_timeout(struct timer_list *unused)
{
}

static void object(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	timer_setup(timer, no_timeout, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void list(void)
{
	struct list_head head, entry;

	INIT_LIST_HEAD(&head);
	list_add(&entry, &head);
	head.next = &head;
	list_del(&entry);
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "leak", leak },
	{ "use-after-free", use_after_free },
	{ "out-of-bounds", out_of_bounds },
	{ "sleep", sleep },
	{ "locks", locks },
	{ "rcu", rcu },
	{ "shift", shift },
	{ "array", array },
	{ "refcount", refcount },
	{ "object", object },
	{ "list", list },
};

static int make(const char *name, const struct kernel_param *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!sysfs_streq(name, mistakes[i].name))
			continue;
		pr_info("broken: making %s\n", mistakes[i].name);
		mistakes[i].make();
		pr_info("broken: made it\n");
		return 0;
	}
	return -EINVAL;
}

static const struct kernel_param_ops ops = {
	.set = make,
};

module_param_cb(make, &ops, NULL, 0200);
MODULE_PARM_DESC(make, "the kind of mistake to make now");

/* No init and no exit: it only waits to be told. */
MODULE_DESCRIPTION("Mistakes that the debug host has to see");
MODULE_LICENSE("GPL");
