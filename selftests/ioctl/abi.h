/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How abi*.c compare the contract with <linux/kvm.h>: when they are compiled.
 */
#ifndef SELFTESTS_ABI_H
#define SELFTESTS_ABI_H

#include <assert.h>
#include <stddef.h>
#include <linux/kvm.h>
#include <linux/minivmm.h>

#include "ktap.h"

/* The names that are not MINIVMM_X for KVM_X. */
#define MINIVMM_IO			MINIVMMIO
#define KVM_IO				KVMIO
#define KVM_SYNC_REGS_SIZE_BYTES	SYNC_REGS_SIZE_BYTES

#define NUMBER(name) \
	static_assert(MINIVMM_##name == KVM_##name && \
		      sizeof(MINIVMM_##name) == sizeof(KVM_##name), \
		      "number " #name)

#define STRUCT(name) \
	static_assert(sizeof(struct minivmm_##name) == sizeof(struct kvm_##name), \
		      "size of struct " #name)

#define MEMBER(name, member) \
	static_assert(offsetof(struct minivmm_##name, member) == \
		      offsetof(struct kvm_##name, member) && \
		      sizeof(((struct minivmm_##name *)0)->member) == \
		      sizeof(((struct kvm_##name *)0)->member), \
		      "place or size of " #member " in struct " #name)

/* A member without a size of its own, an array at the end: its items count. */
#define FLEX(name, member) \
	static_assert(offsetof(struct minivmm_##name, member) == \
		      offsetof(struct kvm_##name, member) && \
		      sizeof(((struct minivmm_##name *)0)->member[0]) == \
		      sizeof(((struct kvm_##name *)0)->member[0]), \
		      "place or items of " #member " in struct " #name)

#endif
