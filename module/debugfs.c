// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters that can be read: /sys/kernel/debug/minivmm.
 *
 *	vmreads vmwrites wrmsrs exits	totals since the module was loaded
 *	PID-FD/stats			of one VM (PID-FD-N, if there is one of that name)
 *	PID-FD/vcpuN/stats		of one vCPU
 *	PID-FD/vcpuN/exits		its VM exits by reason
 *
 * Nothing here may fail an ioctl: without debugfs there are no counters to
 * read, and that is all.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "backend.h"

static struct dentry *root;

static int counter_get(void *data, u64 *value)
{
	*value = backend->counter((unsigned long)data);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(counter_fops, counter_get, NULL, "%llu\n");

static int vcpu_stats_show(struct seq_file *seq, void *unused)
{
	const struct vcpu *vcpu = seq->private;
	const struct vcpu_stats *stats = &vcpu->stats;

	seq_printf(seq, "entries\t%llu\n", stats->entries);
	seq_printf(seq, "user_exits\t%llu\n", stats->user_exits);
	seq_printf(seq, "ept_faults\t%llu\n", stats->ept_faults);
	seq_printf(seq, "emulated\t%llu\n", stats->emulated);
	seq_printf(seq, "pv_eois\t%llu\n", stats->pv_eois);
	seq_printf(seq, "longest_window\t%llu\n", stats->longest_window);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpu_stats);

static int vcpu_exits_show(struct seq_file *seq, void *unused)
{
	const struct vcpu *vcpu = seq->private;
	unsigned int reason;

	for (reason = 0; reason < MINIVMM_NR_EXITS; reason++)
		if (vcpu->stats.exits[reason])
			seq_printf(seq, "%s\t%llu\n",
				   backend->exit_name(reason),
				   vcpu->stats.exits[reason]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpu_exits);

static int vm_stats_show(struct seq_file *seq, void *unused)
{
	struct vm *vm = seq->private;
	u64 entries = 0, user_exits = 0, ept_faults = 0, emulated = 0;
	u64 pv_eois = 0;
	const struct vcpu *vcpu;

	mutex_lock(&vm->lock);
	for_each_vcpu(vcpu, vm) {
		entries += vcpu->stats.entries;
		user_exits += vcpu->stats.user_exits;
		ept_faults += vcpu->stats.ept_faults;
		emulated += vcpu->stats.emulated;
		pv_eois += vcpu->stats.pv_eois;
	}
	seq_printf(seq, "vcpus\t%d\n", vm->nr_vcpus);
	mutex_unlock(&vm->lock);
	seq_printf(seq, "entries\t%llu\n", entries);
	seq_printf(seq, "user_exits\t%llu\n", user_exits);
	seq_printf(seq, "ept_faults\t%llu\n", ept_faults);
	seq_printf(seq, "emulated\t%llu\n", emulated);
	seq_printf(seq, "pv_eois\t%llu\n", pv_eois);
	seq_printf(seq, "flushes\t%llu\n",
		   READ_ONCE(vm->memory.flush_generation));
	seq_printf(seq, "pages_4k\t%llu\n", READ_ONCE(vm->memory.mapped[0]));
	seq_printf(seq, "pages_2m\t%llu\n", READ_ONCE(vm->memory.mapped[1]));
	seq_printf(seq, "pages_1g\t%llu\n", READ_ONCE(vm->memory.mapped[2]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vm_stats);

/**
 * vm_debugfs_add - show a new VM's counters
 * @vm: the VM
 * @fd: its descriptor, part of the directory's name
 */
void vm_debugfs_add(struct vm *vm, int fd)
{
	static atomic_t doubles = ATOMIC_INIT(1);
	struct dentry *there;
	char name[40];
	int len;

	len = snprintf(name, sizeof(name), "%d-%d", task_pid_nr(current), fd);
	/* A VM whose descriptor is closed may live on by a vCPU's. */
	there = debugfs_lookup(name, root);
	if (there) {
		dput(there);
		snprintf(name + len, sizeof(name) - len, "-%d",
			 atomic_inc_return(&doubles));
	}
	vm->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file("stats", 0400, vm->debugfs, vm, &vm_stats_fops);
}

/**
 * vm_debugfs_remove - take a VM's counters away
 * @vm: the VM; when this returns nobody reads them any more
 */
void vm_debugfs_remove(struct vm *vm)
{
	debugfs_remove(vm->debugfs);
}

/**
 * vcpu_debugfs_add - show a new vCPU's counters
 * @vcpu: the vCPU; they go with its VM's
 */
void vcpu_debugfs_add(struct vcpu *vcpu)
{
	struct dentry *dir;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	dir = debugfs_create_dir(name, vcpu->vm->debugfs);
	debugfs_create_file("stats", 0400, dir, vcpu, &vcpu_stats_fops);
	debugfs_create_file("exits", 0400, dir, vcpu, &vcpu_exits_fops);
}

/**
 * minivmm_debugfs_init - show the totals
 */
void __init minivmm_debugfs_init(void)
{
	static const char *const names[NR_BACKEND_COUNTERS] = {
		"vmreads", "vmwrites", "wrmsrs", "exits",
	};
	unsigned long i;

	root = debugfs_create_dir("minivmm", NULL);
	for (i = 0; i < NR_BACKEND_COUNTERS; i++)
		debugfs_create_file(names[i], 0400, root, (void *)i,
				    &counter_fops);
}

/**
 * minivmm_debugfs_exit - take everything away
 */
void minivmm_debugfs_exit(void)
{
	debugfs_remove(root);
}
