// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that spins for a lock gives way to the one that may hold it.
 *
 * On a machine of its own a CPU that waits for a spinlock gets it soon. A vCPU
 * that holds one may itself wait for a CPU of the host, and all who spin for it
 * only keep it from running. The processor notices many PAUSEs in a short time
 * and exits (PAUSE-loop exiting); then another vCPU of the VM that wants to run
 * and does not is given this one's place.
 *
 * SDM: "Changes to Instruction Behavior in VMX Non-Root Operation", PAUSE.
 * Read on in run.c.
 */
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "backend.h"

/**
 * vcpu_set_runner - note whose thread runs a vCPU
 * @vcpu: its mutex is held, by the calling thread
 */
void vcpu_set_runner(struct vcpu *vcpu)
{
	struct pid *old = rcu_dereference_protected(vcpu->runner,
						    lockdep_is_held(&vcpu->mutex));

	if (likely(old == task_pid(current)))
		return;
	rcu_assign_pointer(vcpu->runner, get_task_pid(current, PIDTYPE_PID));
	if (old) {
		synchronize_rcu();
		put_pid(old);
	}
}

/**
 * vcpu_forget_runner - undo vcpu_set_runner()
 * @vcpu: nobody uses it any more
 */
void vcpu_forget_runner(struct vcpu *vcpu)
{
	put_pid(rcu_dereference_protected(vcpu->runner, true));
}

/* True: it waited for a CPU, and is to have one now. */
static bool yield_to_vcpu(struct vcpu *vcpu)
{
	struct task_struct *runner = NULL;
	struct pid *pid;
	bool yielded;

	rcu_read_lock();
	pid = rcu_dereference(vcpu->runner);
	if (pid)
		runner = get_pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	if (!runner)
		return false;
	yielded = yield_to(runner, true) > 0;
	put_task_struct(runner);
	return yielded;
}

/**
 * vcpu_spins - a vCPU does nothing but wait for another
 * @vcpu: the calling thread's, outside the window
 *
 * Each time another one has its turn: who holds the lock is not known.
 */
void vcpu_spins(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	int end = READ_ONCE(vm->vcpus_end);
	int tried, id = READ_ONCE(vm->yielded_to);

	for (tried = 0; tried < end; tried++) {
		struct vcpu *other;

		id = id + 1 < end ? id + 1 : 0;
		other = vm_vcpu(vm, id);
		if (!other || other == vcpu || !yield_to_vcpu(other))
			continue;
		WRITE_ONCE(vm->yielded_to, id);
		return;
	}
}

/**
 * vcpu_yield_to - a vCPU knows for whom it waits
 * @vcpu: the calling thread's, outside the window
 * @id: the other vCPU's number, from the guest: any
 */
void vcpu_yield_to(struct vcpu *vcpu, unsigned long id)
{
	struct vcpu *other;

	if (id >= MINIVMM_MAX_VCPUS)
		return;
	id = array_index_nospec(id, MINIVMM_MAX_VCPUS);
	other = vm_vcpu(vcpu->vm, id);
	if (other && other != vcpu)
		yield_to_vcpu(other);
}
