// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same MSRs are there on /dev/minivmm and on /dev/kvm, have the same values
 * after reset, and take and refuse the same values: from the owner, and from the
 * guest.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../guest/trap.h"

/* Touched by Linux, QEMU or SeaBIOS; and numbers that nobody has. */
static const uint32_t msrs[] = {
	0x0, 0x1, 0x17, 0x1b, 0x2a, 0x2c, 0x34, 0x3a, 0x3b, 0x79, 0x8b, 0xcd, 0xce, 0xfe,
	0x10a, 0x11e, 0x140, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x17b, 0x198, 0x199, 0x1a0,
	0x1d9, 0x1db, 0x1dc, 0x1dd, 0x1de, 0x1fc,
	0x200, 0x201, 0x20e, 0x20f, 0x210, 0x250, 0x258, 0x259, 0x268, 0x26f, 0x277, 0x2ff,
	0x400, 0x401, 0x402, 0x403, 0x41c, 0x47f, 0x480, 0x606, 0x611, 0x619, 0x639, 0x641,
	0x6e0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100,
	0xc0000101, 0xc0000102, 0xc0000103, 0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d03,
	0x4b564d04, 0x4b564dff, 0x12345678,
};

static const uint64_t values[] = {
	0, 1, 2, 6, 0x18, 0x100, 0x806, 0xc06, 0x80000000, 0x0606060606060606,
	0x0007040600070406, 0x1234567812345678, 0x8000000000000000, 0xffffffffffffffff,
	0xffff800000000000, 0xfee00900, 0x1801,
};

#define MSRS	(sizeof(msrs) / sizeof(msrs[0]))
#define VALUES	(sizeof(values) / sizeof(values[0]))

struct record {
	uint64_t first[MSRS];
	uint8_t there[MSRS];
	uint8_t set[MSRS][VALUES];
	uint64_t after[MSRS][VALUES];
};

/*
 * VT-x for guests, ARCH_CAPABILITIES and the microcode differ from host to host; the
 * upper half of SYSCALL's mask KVM leaves to the processor; and on later
 * kernels' KVM the last branch's addresses, which are not there, take a 0.
 */
static bool differs(uint32_t msr)
{
	return (msr >= 0x1db && msr <= 0x1de) || msr == 0x3a || msr == 0x10a ||
	       msr == 0x8b || msr == 0x480 || msr == 0xc0000084;
}

/* A clock's page is written to: some addresses are the code. */
static bool is_clock(uint32_t msr)
{
	return msr == 0x11 || msr == 0x12 || msr >> 8 == 0x4b564d;
}

static void need_both(void)
{
	MINIVMM_ONLY("it compares with KVM");
	if (access("/dev/kvm", R_OK | W_OK))
		SKIP("kvm_intel is not loaded");
}

/* Both get our CPUID: KVM offers more. */
static struct minivmm_cpuid2 *our_cpuid(void)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();

	while (cpuid_entry(cpuid, 0x12, 0))
		*cpuid_entry(cpuid, 0x12, 0) = cpuid->entries[--cpuid->nent];
	return cpuid;
}

static void compare(const struct record *ours, const struct record *kvms, const char *who)
{
	unsigned int there = 0;

	for (unsigned int i = 0; i < MSRS; i++) {
		there += ours->there[i];
		EXPECT(ours->there[i] == kvms->there[i], "%s: MSR %#x: readable %d, KVM: %d", who,
		       msrs[i], ours->there[i], kvms->there[i]);
		EXPECT(ours->first[i] == kvms->first[i], "%s: MSR %#x is %llx, KVM: %llx", who,
		       msrs[i], (long long)ours->first[i], (long long)kvms->first[i]);
		for (unsigned int j = 0; j < VALUES; j++) {
			EXPECT(ours->set[i][j] == kvms->set[i][j],
			       "%s: MSR %#x takes %llx: %d, KVM: %d", who, msrs[i],
			       (long long)values[j], ours->set[i][j], kvms->set[i][j]);
			EXPECT(ours->after[i][j] == kvms->after[i][j],
			       "%s: MSR %#x, after %llx: %llx, KVM: %llx", who, msrs[i],
			       (long long)values[j], (long long)ours->after[i][j],
			       (long long)kvms->after[i][j]);
		}
	}
	EXPECT_TRUE(there > MSRS / 2);
}

static void fill_by_owner(const char *device, struct minivmm_cpuid2 *cpuid,
			  struct record *record)
{
	struct vcpu *vcpu;

	setenv("MINIVMM_DEVICE", device, 1);
	memset(record, 0, sizeof(*record));
	vcpu = vcpu_create(vm_create(), 0);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	for (unsigned int i = 0; i < MSRS; i++) {
		if (differs(msrs[i]))
			continue;
		record->there[i] = vcpu_get_msr(vcpu, msrs[i], &record->first[i]) == 1;
		for (unsigned int j = 0; j < VALUES; j++) {
			record->set[i][j] = vcpu_set_msr(vcpu, msrs[i], values[j]) == 1;
			record->after[i][j] = 0;
			vcpu_get_msr(vcpu, msrs[i], &record->after[i][j]);
		}
	}
	guest_free(vcpu);
}

TEST(msrs_same_for_the_owner)
{
	static struct record ours, kvms;
	const char *device = strdup(device_path());
	struct minivmm_cpuid2 *cpuid;

	need_both();
	cpuid = our_cpuid();
	fill_by_owner(device, cpuid, &ours);
	fill_by_owner("/dev/kvm", cpuid, &kvms);
	compare(&ours, &kvms, "owner");
}

/* RCX is the MSR, RBX what to write; RSI and RDI say which of them to do. */
GUEST64(guest_msr, "test %esi, %esi\n jz 1f\n mov %ebx, %eax\n mov %rbx, %rdx\n shr $32, %rdx\n"
		   "wrmsr\n 1: xor %eax, %eax\n xor %edx, %edx\n test %edi, %edi\n jz 2f\n"
		   "rdmsr\n 2: hlt\n");

/* One access in a guest; whether it went without an exception. */
static bool access_msr(struct vcpu *vcpu, uint32_t msr, bool write, uint64_t *value)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);
	uint64_t count = trap_record(vcpu)->count;

	regs.rip = GUEST_CODE;
	regs.rsp = GUEST_STACK;
	regs.rcx = msr;
	regs.rbx = *value;
	regs.rsi = write;
	regs.rdi = !write;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(vcpu);
	if (trap_record(vcpu)->count != count)
		return false;
	if (!write)
		*value = (uint32_t)regs.rax | regs.rdx << 32;
	return true;
}

/* Registers without which this guest does not run, and those of its own time. */
static bool vital(uint32_t msr)
{
	return msr == 0xc0000080 || msr == 0x1b || msr == 0xc0000103;
}

static void fill_by_guest(const char *device, struct minivmm_cpuid2 *cpuid,
			  struct record *record)
{
	struct vcpu *vcpu;

	setenv("MINIVMM_DEVICE", device, 1);
	memset(record, 0, sizeof(*record));
	vcpu = guest_new(MODE_LONG, guest_msr);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	trap_install(vcpu);
	for (unsigned int i = 0; i < MSRS; i++) {
		if (differs(msrs[i]) || is_clock(msrs[i]))
			continue;
		record->there[i] = access_msr(vcpu, msrs[i], false, &record->first[i]);
		for (unsigned int j = 0; j < VALUES && !vital(msrs[i]); j++) {
			uint64_t value = values[j];

			record->set[i][j] = access_msr(vcpu, msrs[i], true, &value);
			record->after[i][j] = 0;
			if (!access_msr(vcpu, msrs[i], false, &record->after[i][j]))
				record->after[i][j] = 0;
		}
	}
	guest_free(vcpu);
}

TEST(msrs_same_for_the_guest)
{
	static struct record ours, kvms;
	const char *device = strdup(device_path());
	struct minivmm_cpuid2 *cpuid;

	need_both();
	cpuid = our_cpuid();
	fill_by_guest(device, cpuid, &ours);
	fill_by_guest("/dev/kvm", cpuid, &kvms);
	compare(&ours, &kvms, "guest");
}

/* What is in the list can be read, and what was read can be written back. */
TEST(msrs_of_the_list_can_be_saved_and_restored)
{
	struct {
		struct minivmm_msr_list head;
		uint32_t indices[1000];
	} list = { .head.nmsrs = 1000 };
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	MINIVMM_ONLY("KVM lists what it then refuses");
	ASSERT_OK(ioctl(device_open(), MINIVMM_GET_MSR_INDEX_LIST, &list));
	for (unsigned int i = 0; i < list.head.nmsrs; i++) {
		uint64_t value = 0;

		EXPECT(vcpu_get_msr(vcpu, list.indices[i], &value) == 1, "MSR %#x: not read",
		       list.indices[i]);
		EXPECT(vcpu_set_msr(vcpu, list.indices[i], value) == 1, "MSR %#x: not set to %llx",
		       list.indices[i], (long long)value);
	}
}
