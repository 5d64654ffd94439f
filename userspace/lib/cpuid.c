// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's own CPUID. A device says which features it supports; which processor
 * of how many this one is, and that it is a virtual one, is for its client to
 * say.
 *
 * SDM: "CPUID--CPU Identification", leaves 1, 4 and 0BH; "Detecting Hardware
 * Multi-Threading Support and Topology".
 * Read next: start.c, the state in which a vCPU starts.
 */
#include <string.h>

#include "compiler.h"
#include "libminivmm.h"

#define LEAF_FEATURES		0x1
#define LEAF_CACHES		0x4
#define LEAF_TOPOLOGY		0xb
#define LEAF_TOPOLOGY_V2	0x1f

#define ECX_DEADLINE_TIMER	BIT_ULL(24)
#define ECX_HYPERVISOR		BIT_ULL(31)
#define EDX_HTT			BIT_ULL(28)

/* Leaf 0BH: ECX bits 15:8 */
#define LEVEL_THREADS		(1 << 8)
#define LEVEL_CORES		(2 << 8)

/* Leaf 4: EAX bits 7:5 are the cache's level; two counts less one */
#define CACHE_LEVEL(eax)	((eax) >> 5 & 7)
#define CACHE_SHARING_SHIFT	14
#define CACHE_CORES_SHIFT	26
#define CACHE_CORES_MAX		64

/* How many bits number @count things. */
static unsigned int bits_for(unsigned int count)
{
	unsigned int bits = 0;

	while (bits < 31 && 1U << bits < count)
		bits++;
	return bits;
}

static void set_features(struct minivmm_cpuid_entry2 *entry, unsigned int id,
			 unsigned int cpus, bool deadline_timer)
{
	unsigned int ids = 1U << bits_for(cpus);

	entry->ebx = (entry->ebx & 0xffff) | id << 24 |
		     (ids > 0xff ? 0xff : ids) << 16;
	entry->ecx |= (__u32)ECX_HYPERVISOR;
	entry->edx &= ~(__u32)EDX_HTT;
	if (cpus > 1)
		entry->edx |= EDX_HTT;
	entry->ecx &= ~(__u32)ECX_DEADLINE_TIMER;
	if (deadline_timer)
		entry->ecx |= ECX_DEADLINE_TIMER;
}

/* The last level is shared by all, the others are each core's own. */
static void set_cache(struct minivmm_cpuid_entry2 *entry, unsigned int cpus)
{
	unsigned int ids = 1U << bits_for(cpus);
	unsigned int cores = ids > CACHE_CORES_MAX ? CACHE_CORES_MAX : ids;

	if (!CACHE_LEVEL(entry->eax))
		return;
	entry->eax &= (1U << CACHE_SHARING_SHIFT) - 1;
	entry->eax |= (cores - 1) << CACHE_CORES_SHIFT;
	if (CACHE_LEVEL(entry->eax) > 2)
		entry->eax |= (ids - 1) << CACHE_SHARING_SHIFT;
}

static void set_topology(struct minivmm_cpuid_entry2 *entry, __u32 leaf,
			 __u32 index, unsigned int id, unsigned int cpus)
{
	*entry = (struct minivmm_cpuid_entry2){
		.function = leaf,
		.index = index,
		.flags = MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.ecx = index,
		.edx = id,
	};
	if (index == 0) {
		entry->ebx = 1;
		entry->ecx |= LEVEL_THREADS;
	} else if (index == 1) {
		entry->eax = bits_for(cpus);
		entry->ebx = cpus;
		entry->ecx |= LEVEL_CORES;
	}
}

void vmm_cpuid_for_vcpu(struct minivmm_cpuid2 *cpuid, unsigned int id,
			unsigned int cpus, bool deadline_timer)
{
	struct minivmm_cpuid_entry2 *entry;
	bool has_leaf[2] = { false, false };
	unsigned int i, kept = 0;

	for (i = 0; i < cpuid->nent; i++) {
		entry = &cpuid->entries[i];
		if (entry->function == LEAF_TOPOLOGY ||
		    entry->function == LEAF_TOPOLOGY_V2) {
			/* Its subleaves are written anew below. */
			has_leaf[entry->function == LEAF_TOPOLOGY_V2] = true;
			continue;
		}
		if (entry->function == LEAF_FEATURES)
			set_features(entry, id, cpus, deadline_timer);
		else if (entry->function == LEAF_CACHES)
			set_cache(entry, cpus);
		cpuid->entries[kept++] = *entry;
	}
	for (i = 0; i < 2; i++) {
		__u32 leaf = i ? LEAF_TOPOLOGY_V2 : LEAF_TOPOLOGY;

		if (!has_leaf[i])
			continue;
		set_topology(&cpuid->entries[kept++], leaf, 0, id, cpus);
		set_topology(&cpuid->entries[kept++], leaf, 1, id, cpus);
	}
	cpuid->nent = kept;
}
