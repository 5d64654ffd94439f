// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hypervisor answers itself: CPUID, control registers, MSRs, XSETBV,
 * cache and time-stamp instructions, VMX instructions; what is not allowed must
 * be #GP or #UD in the guest, as on a processor.
 *
 * SDM Vol. 2, the instructions' own pages; Vol. 3, "Control Registers",
 * "Model-Specific Registers".
 */
#include <stdlib.h>

#include "check.h"
#include "trap.h"

/*
 * The guest runs `before`, then `raises`, which must fault there with this
 * vector and error code 0. RAX to RDX are free to use.
 */
#define FAULT_TEST(name, mode, bits, before, raises, vector)		\
	GUEST_ASM(guest_##name, bits, before "at_" #name ": " raises "\n hlt\n"); \
	extern const uint8_t at_##name[];				\
	TEST(name)							\
	{								\
		struct vcpu *vcpu = trap_guest(mode, guest_##name);	\
		struct trap *trap = trap_expect(vcpu, vector, 0);	\
									\
		EXPECT_EQ(GUEST_CODE + (at_##name - guest_##name), trap->rip); \
	}

#define GP64(name, before, raises)	FAULT_TEST(name, MODE_LONG, 64, before, raises, GP)
#define UD64(name, before, raises)	FAULT_TEST(name, MODE_LONG, 64, before, raises, UD)

/*
 * The guest runs the code and halts; no exception may come. What follows is
 * done then, in turn.
 */
#define RUN_TEST(name, code, ...)					\
	GUEST64(guest_##name, code "hlt\n");				\
	static void check_##name(struct vcpu *vcpu, struct minivmm_regs regs) \
	{								\
		(void)vcpu;						\
		(void)regs;						\
		(__VA_ARGS__);						\
	}								\
	TEST(name)							\
	{								\
		struct vcpu *vcpu = trap_guest(MODE_LONG, guest_##name); \
									\
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);			\
		ASSERT(!trap_record(vcpu)->count, "exception %llu",	\
		       (unsigned long long)trap_record(vcpu)->vector);	\
		check_##name(vcpu, vcpu_regs(vcpu));			\
	}

static uint64_t msr(struct vcpu *vcpu, uint32_t index)
{
	uint64_t value;

	ASSERT_EQ(1, vcpu_get_msr(vcpu, index, &value));
	return value;
}

/* ---- CPUID ---- */

GUEST64(guest_cpuid, "1: cpuid\n out %al, $0x42\n jmp 1b\n");

static void set_cpuid(struct vcpu *vcpu, const struct minivmm_cpuid_entry2 *entries,
		      unsigned int count)
{
	struct minivmm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + count * sizeof(*entries));

	ASSERT_TRUE(cpuid);
	cpuid->nent = count;
	memcpy(cpuid->entries, entries, count * sizeof(*entries));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	free(cpuid);
}

static void expect_cpuid(struct vcpu *vcpu, uint32_t function, uint32_t index,
			 uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	/* the upper halves must be cleared */
	regs.rip = GUEST_CODE;
	regs.rax = 0xffffffff00000000 | function;
	regs.rbx = -1;
	regs.rcx = 0xffffffff00000000 | index;
	regs.rdx = -1;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to_out(vcpu, 0x42);
	regs = vcpu_regs(vcpu);
	EXPECT(regs.rax == eax && regs.rbx == ebx && regs.rcx == ecx && regs.rdx == edx,
	       "CPUID %#x.%#x is %llx %llx %llx %llx, expected %x %x %x %x",
	       function, index, regs.rax, regs.rbx, regs.rcx, regs.rdx, eax, ebx, ecx, edx);
}

static const struct minivmm_cpuid_entry2 some_leaves[] = {
	{ .function = 0, .eax = 5, .ebx = 0x756e6547, .edx = 0x49656e69, .ecx = 0x6c65746e },
	{ .function = 2, .eax = 0x11, .ebx = 0x22, .ecx = 0x33, .edx = 0x80000044 },
	{ .function = 4, .index = 1, .flags = MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX,
	  .eax = 0x51, .ebx = 0x52, .ecx = 0x53, .edx = 0x54 },
	{ .function = 5, .eax = 0x61, .ebx = 0x62, .ecx = 0x63, .edx = 0x64 },
	{ .function = 0x80000000, .eax = 0x80000001 },
	{ .function = 0x80000001, .eax = 0x71, .ebx = 0x72, .ecx = 0x73, .edx = 0x20100800 },
	{ .function = 0x40000000, .eax = 0x40000001, .ebx = 0x81, .ecx = 0x82, .edx = 0x83 },
};

TEST(cpuid_is_what_was_set)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cpuid);

	set_cpuid(vcpu, some_leaves, 7);
	expect_cpuid(vcpu, 0, 0, 5, 0x756e6547, 0x6c65746e, 0x49656e69);
	expect_cpuid(vcpu, 2, 0, 0x11, 0x22, 0x33, 0x80000044);
	/* without a significant index any ECX will do */
	expect_cpuid(vcpu, 2, 7, 0x11, 0x22, 0x33, 0x80000044);
	expect_cpuid(vcpu, 4, 1, 0x51, 0x52, 0x53, 0x54);
	expect_cpuid(vcpu, 0x80000001, 0, 0x71, 0x72, 0x73, 0x20100800);
	expect_cpuid(vcpu, 0x40000000, 0, 0x40000001, 0x81, 0x82, 0x83);
}

TEST(cpuid_leaf_that_was_not_set_is_zero)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cpuid);

	set_cpuid(vcpu, some_leaves, 7);
	expect_cpuid(vcpu, 3, 0, 0, 0, 0, 0);
	expect_cpuid(vcpu, 4, 0, 0, 0, 0, 0);
	expect_cpuid(vcpu, 4, 2, 0, 0, 0, 0);
}

/* As Intel's processors do: beyond the last leaf of a range, the last basic one. */
TEST(cpuid_leaf_out_of_range_is_the_last_basic_one)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cpuid);

	set_cpuid(vcpu, some_leaves, 7);
	expect_cpuid(vcpu, 6, 0, 0x61, 0x62, 0x63, 0x64);
	expect_cpuid(vcpu, 0x7fffffff, 0, 0x61, 0x62, 0x63, 0x64);
	expect_cpuid(vcpu, 0x80000002, 0, 0x61, 0x62, 0x63, 0x64);
}

GUEST64(guest_cpuid_osxsave,
	"mov $1, %eax\n cpuid\n mov %ecx, %esi\n"
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"mov $1, %eax\n cpuid\n mov %ecx, %edi\n hlt\n");

/* The one bit that software changes: CPUID.1:ECX[27] shows CR4.OSXSAVE. */
TEST(cpuid_shows_osxsave)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cpuid_osxsave);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu_regs(vcpu).rsi & (1 << 27));
	EXPECT_EQ(1 << 27, vcpu_regs(vcpu).rdi & (1 << 27));
}

/* ---- control registers ---- */

RUN_TEST(cr0_reads_back, "mov %cr0, %rbx\n mov %rbx, %rax\n xor $0x5000a, %rax\n mov %rax, %cr0\n"
	 "mov %cr0, %rcx\n", EQUAL(0x5000a, regs.rbx ^ regs.rcx),
	 EQUAL(regs.rcx, vcpu_sregs(vcpu).cr0))
/* Reserved bits of the lower half are ignored, ET is always 1. */
RUN_TEST(cr0_ignores_low_reserved_bits,
	 "mov %cr0, %rbx\n mov %rbx, %rax\n xor $0x10001fd0, %rax\n xor $0x10000000, %rax\n"
	 "mov %rax, %cr0\n mov %cr0, %rcx\n", EQUAL(0, regs.rbx ^ regs.rcx))
RUN_TEST(clts_clears_ts, "mov %cr0, %rax\n or $8, %eax\n mov %rax, %cr0\n mov %cr0, %rbx\n"
	 "clts\n mov %cr0, %rcx\n", EQUAL(8, regs.rbx & 8), EQUAL(0, regs.rcx & 8))
RUN_TEST(lmsw_and_smsw, "mov $0xb, %eax\n lmsw %ax\n smsw %rbx\n mov %cr0, %rcx\n",
	 EQUAL(0xb, regs.rbx & 0xf), EQUAL(regs.rbx & 0xffff, regs.rcx & 0xffff))
RUN_TEST(cr4_reads_back, "mov %cr4, %rbx\n mov %rbx, %rax\n xor $0xc8, %rax\n mov %rax, %cr4\n"
	 "mov %cr4, %rcx\n", EQUAL(0xc8, regs.rbx ^ regs.rcx),
	 EQUAL(regs.rcx, vcpu_sregs(vcpu).cr4))
RUN_TEST(cr3_reads_back, "mov %cr3, %rbx\n lea 0x18(%rbx), %rax\n mov %rax, %cr3\n"
	 "mov %cr3, %rcx\n", EQUAL(0x18, regs.rbx ^ regs.rcx),
	 EQUAL(regs.rcx, vcpu_sregs(vcpu).cr3))

GP64(cr0_upper_half, "mov %cr0, %rax\n bts $32, %rax\n", "mov %rax, %cr0")
GP64(cr0_pg_without_pe, "mov %cr0, %rax\n btr $0, %rax\n", "mov %rax, %cr0")
GP64(cr0_nw_without_cd, "mov %cr0, %rax\n bts $29, %rax\n", "mov %rax, %cr0")
GP64(cr0_paging_off_in_64_bit_code, "mov %cr0, %rax\n btr $31, %rax\n", "mov %rax, %cr0")
GP64(cr4_reserved_bit, "mov %cr4, %rax\n bts $31, %rax\n", "mov %rax, %cr4")
GP64(cr4_upper_half, "mov %cr4, %rax\n bts $40, %rax\n", "mov %rax, %cr4")
GP64(cr4_pae_off_in_long_mode, "mov %cr4, %rax\n btr $5, %rax\n", "mov %rax, %cr4")
GP64(cr3_reserved_bit, "mov %cr3, %rax\n bts $62, %rax\n", "mov %rax, %cr3")
GP64(cr8_above_15, "mov $16, %eax\n", "mov %rax, %cr8")
UD64(cr1_does_not_exist, "", ".byte 0x0f, 0x20, 0xc8")	/* mov %cr1, %rax */
UD64(cr5_does_not_exist, "", ".byte 0x0f, 0x22, 0xe8")	/* mov %rax, %cr5 */
FAULT_TEST(cr0_pg_without_pe_in_real_mode, MODE_REAL, 16,
	   "mov %cr0, %eax\n or $0x80000000, %eax\n", "mov %eax, %cr0", GP)

/* A bit of CR4 whose feature the guest's CPUID lacks is reserved. */
GUEST64(guest_cr4_fsgsbase, "mov %cr4, %rax\n bts $16, %rax\n mov %rax, %cr4\n hlt\n");

TEST(cr4_bit_without_cpuid_bit)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_cr4_fsgsbase);

	set_cpuid(vcpu, some_leaves, 7);
	trap_expect(vcpu, GP, 0);
}

TEST(cr4_bit_with_cpuid_bit)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *leaf7 = cpuid_entry(cpuid, 7, 0);
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_cr4_fsgsbase);

	if (!leaf7 || !(leaf7->ebx & 1))
		SKIP("no FSGSBASE on this processor");
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, trap_record(vcpu)->count);
	EXPECT_TRUE(vcpu_sregs(vcpu).cr4 & 1 << 16);
}

/* PAE's upper entries with reserved bits are #GP when CR3 is loaded. */
GUEST32(guest_bad_pdpte, "mov %cr3, %eax\n orl $0x1e6, 8(%eax)\n mov %eax, %cr3\n hlt\n");

TEST(cr3_with_reserved_bits_in_a_pdpte)
{
	trap_expect(trap_guest(MODE_PAE, guest_bad_pdpte), GP, 0);
}

/* ---- MSRs ---- */

#define WRMSR(msr, eax, edx)						\
	"mov $" #msr ", %ecx\n mov $" #eax ", %eax\n mov $" #edx ", %edx\n"

GP64(rdmsr_of_unknown, "mov $0x12345678, %ecx\n", "rdmsr")
GP64(wrmsr_of_unknown, WRMSR(0x12345678, 0, 0), "wrmsr")
GP64(wrmsr_efer_reserved_bit, WRMSR(0xc0000080, 0xd02, 0), "wrmsr")
GP64(wrmsr_efer_lme_with_paging_on, WRMSR(0xc0000080, 0x800, 0), "wrmsr")
GP64(wrmsr_lstar_not_canonical, WRMSR(0xc0000082, 0, 0x8000), "wrmsr")
GP64(wrmsr_fs_base_not_canonical, WRMSR(0xc0000100, 0, 0x800000), "wrmsr")
GP64(wrmsr_kernel_gs_base_not_canonical, WRMSR(0xc0000102, 0, 0x800000), "wrmsr")
GP64(wrmsr_pat_with_a_reserved_type, WRMSR(0x277, 0x02, 0), "wrmsr")
GP64(wrmsr_apic_base_reserved_bit, WRMSR(0x1b, 0xfee00901, 0), "wrmsr")

RUN_TEST(msrs_read_back,
	 WRMSR(0xc0000081, 0x11, 0x22) "wrmsr\n xor %eax, %eax\n xor %edx, %edx\n rdmsr\n"
	 "shl $32, %rdx\n or %rdx, %rax\n mov %rax, %rsi\n"
	 WRMSR(0xc0000102, 0x33, 0x44) "wrmsr\n xor %eax, %eax\n xor %edx, %edx\n rdmsr\n"
	 "shl $32, %rdx\n or %rdx, %rax\n mov %rax, %rdi\n",
	 EQUAL(0x2200000011, regs.rsi),
	 EQUAL(0x4400000033, regs.rdi),
	 EQUAL(0x2200000011, msr(vcpu, 0xc0000081)),
	 EQUAL(0x4400000033, msr(vcpu, 0xc0000102)))
RUN_TEST(fs_and_gs_bases_are_msrs,
	 WRMSR(0xc0000100, 0x9000, 0) "wrmsr\n" WRMSR(0xc0000101, 0x9100, 0) "wrmsr\n"
	 "movl $0x11, 0x9010\n movl $0x22, 0x9110\n mov %fs:0x10, %esi\n mov %gs:0x10, %edi\n"
	 WRMSR(0xc0000102, 0x9200, 0) "wrmsr\n swapgs\n movl $0x33, 0x9210\n mov %gs:0x10, %ebx\n",
	 EQUAL(0x11, regs.rsi), EQUAL(0x22, regs.rdi), EQUAL(0x33, regs.rbx),
	 EQUAL(0x9000, vcpu_sregs(vcpu).fs.base),
	 EQUAL(0x9200, vcpu_sregs(vcpu).gs.base),
	 EQUAL(0x9100, msr(vcpu, 0xc0000102)))
/* SYSCALL takes the guest's own STAR, LSTAR and mask. */
RUN_TEST(syscall_uses_the_guests_msrs,
	 "mov $0xc0000080, %ecx\n rdmsr\n or $1, %eax\n wrmsr\n"
	 WRMSR(0xc0000081, 0, 0x00200018) "wrmsr\n"
	 "lea 1f(%rip), %rax\n mov $0xc0000082, %ecx\n xor %edx, %edx\n wrmsr\n"
	 WRMSR(0xc0000084, 0x1, 0) "wrmsr\n"
	 "stc\n syscall\n 2: ud2\n"
	 "1: lea 2b(%rip), %rbx\n sub %rcx, %rbx\n mov %cs, %esi\n",
	 EQUAL(0, regs.rbx), EQUAL(0x18, regs.rsi), EQUAL(0, regs.rflags & 1),
	 EQUAL(1, regs.r11 & 1))
RUN_TEST(sysenter_uses_the_guests_msrs,
	 WRMSR(0x174, 0x18, 0) "wrmsr\n" WRMSR(0x175, 0x6800, 0) "wrmsr\n"
	 "lea 1f(%rip), %rax\n mov $0x176, %ecx\n xor %edx, %edx\n wrmsr\n"
	 "sysenter\n ud2\n 1: mov %cs, %esi\n",
	 EQUAL(0x18, regs.rsi), EQUAL(0x6800, regs.rsp))
RUN_TEST(apic_base_reads, "mov $0x1b, %ecx\n rdmsr\n", EQUAL(0xfee00900, regs.rax))

/* ---- XSETBV ---- */

#define OSXSAVE	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"

RUN_TEST(xsetbv_and_xgetbv, OSXSAVE WRMSR(0, 3, 0) "xsetbv\n xor %eax, %eax\n xgetbv\n",
	 EQUAL(3, regs.rax), EQUAL(0, regs.rdx))
UD64(xsetbv_without_osxsave, WRMSR(0, 1, 0), "xsetbv")
GP64(xsetbv_without_x87, OSXSAVE WRMSR(0, 2, 0), "xsetbv")
GP64(xsetbv_avx_without_sse, OSXSAVE WRMSR(0, 5, 0), "xsetbv")
GP64(xsetbv_unknown_component, OSXSAVE WRMSR(0, 3, 0x40000000), "xsetbv")
GP64(xsetbv_of_xcr1, OSXSAVE WRMSR(1, 1, 0), "xsetbv")

/* ---- cache, time, and what is not for guests ---- */

RUN_TEST(invd_and_wbinvd, "movl $0x1234, 0x9000\n wbinvd\n invd\n mov 0x9000, %ebx\n",
	 EQUAL(0x1234, regs.rbx))
RUN_TEST(invlpg, "invlpg 0x123000\n", (void)0)
RUN_TEST(rdtsc_grows, "rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %rbx\n cpuid\n"
	 "mov %rbx, %rsi\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %rdi\n",
	 EQUAL(true, regs.rdi > 0))
GP64(rdpmc_of_an_unknown_counter, "mov $0x3fffffff, %ecx\n", "rdpmc")
UD64(vmxon_without_vmx, "movl $0, 0x9000\n", "vmxon 0x9000")
UD64(vmread_without_vmx, "", "vmread %rax, %rbx")
UD64(vmlaunch_without_vmx, "", "vmlaunch")
UD64(invept_without_vmx, "", "invept 0x9000, %rax")
UD64(getsec, "xor %eax, %eax\n", "getsec")
UD64(rsm_outside_smm, "", "rsm")

/* An unknown hypercall is answered with -ENOSYS (1000), and RIP moves on. */
RUN_TEST(vmcall, "mov $0x7fffffff, %eax\n mov $1, %ebx\n vmcall\n mov $2, %ebx\n",
	 EQUAL(-1000ULL, regs.rax), EQUAL(2, regs.rbx))

GUEST64(guest_rdtsc, "1: rdtsc\n out %al, $0x42\n jmp 1b\n");

static uint64_t guest_tsc(struct vcpu *vcpu)
{
	struct minivmm_regs regs;

	vcpu_run_to_out(vcpu, 0x42);
	regs = vcpu_regs(vcpu);
	return regs.rdx << 32 | regs.rax;
}

TEST(tsc_is_what_was_set)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_rdtsc);
	uint64_t first, second, value;

	ASSERT_EQ(1, vcpu_set_msr(vcpu, 0x10, 0x100000000000));
	first = guest_tsc(vcpu);
	second = guest_tsc(vcpu);
	EXPECT_TRUE(first >= 0x100000000000 && first < 0x100100000000);
	EXPECT_TRUE(second > first);
	EXPECT_EQ(1, vcpu_get_msr(vcpu, 0x10, &value));
	EXPECT_TRUE(value > second && value < 0x100100000000);
}

GUEST64(guest_wrmsr_tsc, "mov $0x10, %ecx\n mov $0x5000, %edx\n xor %eax, %eax\n wrmsr\n"
			 "1: rdtsc\n out %al, $0x42\n jmp 1b\n");

TEST(tsc_is_what_the_guest_wrote)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_wrmsr_tsc);
	uint64_t value = guest_tsc(vcpu);

	EXPECT_TRUE(value >= 0x500000000000 && value < 0x500100000000);
}

/* A new vCPU's TSC starts near 0, whatever the host's is. */
TEST(tsc_starts_at_zero)
{
	uint64_t value = guest_tsc(guest_new(MODE_LONG, guest_rdtsc));

	EXPECT(value < 0x40000000, "%llx", (unsigned long long)value);
}

/* ---- the same from ring 3 ---- */

GP64(ring3_hlt, TO_RING_3, "hlt")
GP64(ring3_mov_cr0, TO_RING_3, "mov %cr0, %rax")
GP64(ring3_rdmsr, TO_RING_3 "mov $0x10, %ecx\n", "rdmsr")
GP64(ring3_invd, TO_RING_3, "invd")
GP64(ring3_wbinvd, TO_RING_3, "wbinvd")
GP64(ring3_xsetbv, OSXSAVE TO_RING_3 WRMSR(0, 1, 0), "xsetbv")
GP64(ring3_lgdt, TO_RING_3, "lgdt 0x9000")
