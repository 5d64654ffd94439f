// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers stay whose they are: the guest's over exits, each vCPU's beside
 * another's in the same thread, and the host thread's over RUN.
 *
 * SDM Vol. 3, "Loading Host State": what a VM exit does not load, or loads with
 * fixed values (limits of GDTR and TR, bases of FS and GS), is the
 * hypervisor's to put back.
 */
#include <asm/hwcap2.h>
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define RAM	GUEST_FREE

/* ---- general registers ---- */

GUEST64(guest_out_hlt, "out %al, $0x42\n out %al, $0x42\n hlt\n");

static void fill(struct minivmm_regs *regs, uint64_t seed)
{
	uint64_t *value = (uint64_t *)regs;

	/* rax to r15; RIP and RFLAGS follow */
	for (unsigned int i = 0; i < 16; i++)
		value[i] = seed * (i + 1);
}

TEST(general_registers_over_exits)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out_hlt);
	struct minivmm_regs regs = vcpu_regs(vcpu), after;

	fill(&regs, 0x123456789abcdef1);
	regs.rflags = 0xad7;		/* CF PF AF ZF SF IF OF */
	vcpu_set_regs(vcpu, &regs);
	for (unsigned int i = 0; i < 2; i++)
		vcpu_run_to_out(vcpu, 0x42);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	after = vcpu_regs(vcpu);
	EXPECT_TRUE(!memcmp(&regs, &after, 16 * 8));
	EXPECT_EQ(regs.rflags, after.rflags);
	EXPECT_EQ(GUEST_CODE + 5, after.rip);
}

/* What user space changes at an exit is what the guest goes on with. */
TEST(general_registers_set_at_an_exit)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out_hlt);
	struct minivmm_regs regs, after;

	vcpu_run_to_out(vcpu, 0x42);
	regs = vcpu_regs(vcpu);
	fill(&regs, 0xfedcba9876543211);
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to_out(vcpu, 0x42);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	after = vcpu_regs(vcpu);
	EXPECT_TRUE(!memcmp(&regs, &after, 16 * 8));
}

TEST(general_registers_of_two_vcpus)
{
	struct vcpu *vcpu[2];
	struct minivmm_regs regs[2], after;

	for (unsigned int i = 0; i < 2; i++) {
		vcpu[i] = guest_new(MODE_LONG, guest_out_hlt);
		regs[i] = vcpu_regs(vcpu[i]);
		fill(&regs[i], 0x123456789abcdef1 + i);
		vcpu_set_regs(vcpu[i], &regs[i]);
	}
	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < 2; i++)
			vcpu_run_to_out(vcpu[i], 0x42);
	for (unsigned int i = 0; i < 2; i++) {
		vcpu_run_to(vcpu[i], MINIVMM_EXIT_HLT);
		after = vcpu_regs(vcpu[i]);
		EXPECT_TRUE(!memcmp(&regs[i], &after, 16 * 8));
	}
}

GUEST64(guest_cr2, "movabs $0x1234567890, %rax\n mov %rax, %cr2\n out %al, $0x42\n"
		   "mov %cr2, %rbx\n hlt\n");

TEST(cr2_over_exits)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cr2);

	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(0x1234567890, vcpu_sregs(vcpu).cr2);
	/* page faults of the host's come in between */
	free(memset(malloc(1 << 20), 1, 1 << 20));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x1234567890, vcpu_regs(vcpu).rbx);
}

GUEST64(guest_dr,
	"mov %rax, %dr0\n inc %rax\n mov %rax, %dr1\n inc %rax\n mov %rax, %dr2\n"
	"inc %rax\n mov %rax, %dr3\n out %al, $0x42\n"
	"mov %dr0, %rbx\n mov %dr1, %rcx\n mov %dr2, %rdx\n mov %dr3, %rsi\n"
	"mov %dr6, %r8\n mov %dr7, %r9\n hlt\n");

TEST(debug_registers_of_two_vcpus)
{
	struct vcpu *vcpu[2];
	struct minivmm_regs regs;

	for (unsigned int i = 0; i < 2; i++) {
		vcpu[i] = guest_new(MODE_LONG, guest_dr);
		regs = vcpu_regs(vcpu[i]);
		regs.rax = 0x1000 * (i + 1);
		vcpu_set_regs(vcpu[i], &regs);
		vcpu_run_to_out(vcpu[i], 0x42);
	}
	for (unsigned int i = 0; i < 2; i++) {
		vcpu_run_to(vcpu[i], MINIVMM_EXIT_HLT);
		regs = vcpu_regs(vcpu[i]);
		EXPECT_EQ(0x1000 * (i + 1), regs.rbx);
		EXPECT_EQ(0x1000 * (i + 1) + 1, regs.rcx);
		EXPECT_EQ(0x1000 * (i + 1) + 2, regs.rdx);
		EXPECT_EQ(0x1000 * (i + 1) + 3, regs.rsi);
		EXPECT_EQ(0xffff0ff0, regs.r8);
		EXPECT_EQ(0x400, regs.r9);
	}
}

/* ---- the MSRs that the host's own system calls need ---- */

GUEST64(guest_spoil_msrs,
	"mov %rbx, %rax\n xor %edx, %edx\n"
	"mov $0xc0000082, %ecx\n wrmsr\n mov $0xc0000083, %ecx\n wrmsr\n"
	"mov $0xc0000081, %ecx\n wrmsr\n mov $0xc0000084, %ecx\n wrmsr\n"
	"mov $0xc0000102, %ecx\n wrmsr\n mov $0xc0000100, %ecx\n wrmsr\n"
	"mov $0xc0000101, %ecx\n wrmsr\n mov $0x174, %ecx\n wrmsr\n"
	"mov $0x175, %ecx\n wrmsr\n mov $0x176, %ecx\n wrmsr\n"
	"out %al, $0x42\n"
	"xor %ebp, %ebp\n"
	/* all must still be RBX: add up the differences */
	".macro check msr\n mov $\\msr, %ecx\n rdmsr\n sub %rbx, %rax\n or %rax, %rbp\n"
	" or %rdx, %rbp\n .endm\n"
	"check 0xc0000081\n check 0xc0000082\n check 0xc0000083\n check 0xc0000084\n"
	"check 0xc0000100\n check 0xc0000101\n check 0xc0000102\n check 0x174\n"
	"check 0x175\n check 0x176\n hlt\n");

TEST(msrs_of_two_vcpus_and_the_host)
{
	struct vcpu *vcpu[2];
	struct minivmm_regs regs;

	for (unsigned int i = 0; i < 2; i++) {
		vcpu[i] = guest_new(MODE_LONG, guest_spoil_msrs);
		regs = vcpu_regs(vcpu[i]);
		regs.rbx = 0x1000 * (i + 1);
		vcpu_set_regs(vcpu[i], &regs);
		vcpu_run_to_out(vcpu[i], 0x42);
		/* this system call would not come back */
		EXPECT_TRUE(getppid() > 0);
		sched_yield();
	}
	for (unsigned int i = 0; i < 2; i++) {
		vcpu_run_to(vcpu[i], MINIVMM_EXIT_HLT);
		EXPECT_EQ(0, vcpu_regs(vcpu[i]).rbp);
	}
}

/* ---- x87, SSE, AVX ---- */

#define ALL_REGISTERS(insn)						\
	".irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n " insn "\n .endr\n"

/* RSI: what to load, RDI: where to store. */
GUEST64(guest_sse,
	ALL_REGISTERS("movups \\r * 16(%rsi), %xmm\\r") "out %al, $0x42\n"
	ALL_REGISTERS("movups %xmm\\r, \\r * 16(%rdi)") "hlt\n");

GUEST64(guest_avx,
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $7, %eax\n xsetbv\n"
	ALL_REGISTERS("vmovups \\r * 32(%rsi), %ymm\\r") "out %al, $0x42\n"
	ALL_REGISTERS("vmovups %ymm\\r, \\r * 32(%rdi)") "hlt\n");

static struct vcpu *vector_guest(const uint8_t *code, size_t size, uint8_t seed)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, code, size);
	struct minivmm_regs regs = vcpu_regs(vcpu);
	uint8_t *from = vm_at(vcpu->vm, RAM);

	for (unsigned int i = 0; i < 512; i++)
		from[i] = seed + i;
	regs.rsi = RAM;
	regs.rdi = RAM + 0x1000;
	vcpu_set_regs(vcpu, &regs);
	return vcpu;
}

/* RUN with a pattern in the thread's vector registers: they must come back. */
static long run_with_sse(int fd, const uint8_t *in, uint8_t *out)
{
	long result = SYS_ioctl;

	asm volatile(ALL_REGISTERS("movups \\r * 16(%[in]), %%xmm\\r")
		     "syscall\n"
		     ALL_REGISTERS("movups %%xmm\\r, \\r * 16(%[out])")
		     : "+a"(result)
		     : "D"((long)fd), "S"(MINIVMM_RUN), "d"(0L), [in] "r"(in), [out] "r"(out)
		     : "memory", "rcx", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
		       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
		       "xmm13", "xmm14", "xmm15");
	return result;
}

static long run_with_avx(int fd, const uint8_t *in, uint8_t *out)
{
	long result = SYS_ioctl;

	asm volatile(ALL_REGISTERS("vmovups \\r * 32(%[in]), %%ymm\\r")
		     "syscall\n"
		     ALL_REGISTERS("vmovups %%ymm\\r, \\r * 32(%[out])")
		     "vzeroupper\n"
		     : "+a"(result)
		     : "D"((long)fd), "S"(MINIVMM_RUN), "d"(0L), [in] "r"(in), [out] "r"(out)
		     : "memory", "rcx", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
		       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
		       "xmm13", "xmm14", "xmm15");
	return result;
}

static void vector_test(const uint8_t *code, size_t size, unsigned int bytes,
			long (*run)(int fd, const uint8_t *in, uint8_t *out))
{
	uint8_t host[512], host_after[512];
	struct vcpu *vcpu[2];

	for (unsigned int i = 0; i < 512; i++)
		host[i] = 0x55 ^ i;
	for (unsigned int i = 0; i < 2; i++)
		vcpu[i] = vector_guest(code, size, 0x10 + 0x70 * i);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 2; i++) {
			ASSERT_EQ(0, run(vcpu[i]->fd, host, host_after));
			EXPECT_EQ(round ? MINIVMM_EXIT_HLT : MINIVMM_EXIT_IO,
				  vcpu[i]->run->exit_reason);
			EXPECT(!memcmp(host, host_after, bytes), "the host's registers");
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		EXPECT(!memcmp(vm_at(vcpu[i]->vm, RAM), vm_at(vcpu[i]->vm, RAM + 0x1000),
			       bytes), "vCPU %u's registers", i);
}

TEST(sse_registers_of_two_vcpus_and_the_host)
{
	vector_test(guest_sse, guest_sse_end - guest_sse, 256, run_with_sse);
}

static bool cpuid_has_avx(void)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *leaf = cpuid_entry(cpuid, 1, 0);

	return leaf && leaf->ecx & 1 << 28;
}

TEST(avx_registers_of_two_vcpus_and_the_host)
{
	if (!__builtin_cpu_supports("avx") || !cpuid_has_avx())
		SKIP("no AVX on this processor");
	vector_test(guest_avx, guest_avx_end - guest_avx, 512, run_with_avx);
}

/* AVX-512: 32 registers of 64 bytes, of which the guest's half is tested here. */
GUEST64(guest_avx512,
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $0xe7, %eax\n xsetbv\n"
	"mov $0x5a5a, %eax\n kmovw %eax, %k3\n"
	".irp r, 0,7,8,15,16,23,24,31\n vmovups \\r * 64(%rsi), %zmm\\r\n .endr\n"
	"out %al, $0x42\n"
	".irp r, 0,7,8,15,16,23,24,31\n vmovups %zmm\\r, \\r * 64(%rdi)\n .endr\n"
	"kmovw %k3, %ebx\n hlt\n");

TEST(avx512_registers_of_two_vcpus)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *leaf = cpuid_entry(cpuid, 7, 0);
	struct vcpu *vcpu[2];

	if (!leaf || !(leaf->ebx & 1 << 16))
		SKIP("no AVX-512 for guests");
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t *from;

		vcpu[i] = vector_guest(guest_avx512, guest_avx512_end - guest_avx512, 0);
		from = vm_at(vcpu[i]->vm, RAM);
		for (unsigned int at = 0; at < 2048; at++)
			from[at] = (at * 7) ^ (0x5a + i);
		vcpu_run_to_out(vcpu[i], 0x42);
	}
	for (unsigned int i = 0; i < 2; i++) {
		static const unsigned int numbers[] = { 0, 7, 8, 15, 16, 23, 24, 31 };

		vcpu_run_to(vcpu[i], MINIVMM_EXIT_HLT);
		EXPECT_EQ(0x5a5a, vcpu_regs(vcpu[i]).rbx);
		for (unsigned int k = 0; k < 8; k++)
			EXPECT(!memcmp(vm_at(vcpu[i]->vm, RAM + numbers[k] * 64),
				       vm_at(vcpu[i]->vm, RAM + 0x1000 + numbers[k] * 64), 64),
			       "vCPU %u, zmm%u", i, numbers[k]);
	}
}

GUEST64(guest_store_sse, ALL_REGISTERS("movups %xmm\\r, \\r * 16(%rdi)")
	"fnstcw 0x100(%rdi)\n stmxcsr 0x104(%rdi)\n fnstenv 0x108(%rdi)\n hlt\n");
GUEST64(guest_store_avx,
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $7, %eax\n xsetbv\n"
	ALL_REGISTERS("vmovups %ymm\\r, \\r * 32(%rdi)") "hlt\n");

/* A new vCPU's registers are those of a reset, and none of the thread's. */
TEST(no_register_leaks_into_a_new_vcpu)
{
	struct vcpu *vcpu = vector_guest(guest_store_sse,
					 guest_store_sse_end - guest_store_sse, 0);
	uint8_t host[512], *guest = vm_at(vcpu->vm, RAM + 0x1000);

	memset(host, 0x5a, sizeof(host));
	memset(guest, 0xff, 512);
	ASSERT_EQ(0, run_with_sse(vcpu->fd, host, host));
	for (unsigned int i = 0; i < 256; i++)
		ASSERT(!guest[i], "xmm%u", i / 16);
	EXPECT_EQ(0x37f, *(uint16_t *)(guest + 0x100));
	EXPECT_EQ(0x1f80, *(uint32_t *)(guest + 0x104));
	if (!__builtin_cpu_supports("avx") || !cpuid_has_avx())
		return;
	vcpu = vector_guest(guest_store_avx, guest_store_avx_end - guest_store_avx, 0);
	guest = vm_at(vcpu->vm, RAM + 0x1000);
	memset(guest, 0xff, 512);
	ASSERT_EQ(0, run_with_avx(vcpu->fd, host, host));
	for (unsigned int i = 0; i < 512; i++)
		ASSERT(!guest[i], "ymm%u", i / 32);
}

GUEST64(guest_control_words, "mov $0x9000, %esi\n movw $0x77f, (%rsi)\n fldcw (%rsi)\n"
	"movl $0x7f80, (%rsi)\n ldmxcsr (%rsi)\n fld1\n fldpi\n out %al, $0x42\n"
	"fnstcw 0x10(%rsi)\n stmxcsr 0x14(%rsi)\n fistpl 0x18(%rsi)\n fistpl 0x1c(%rsi)\n"
	"hlt\n");

TEST(rounding_modes_and_x87_stack)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_control_words);
	uint32_t mxcsr = 0x9fc0, *guest = vm_at(vcpu->vm, 0x9000);
	uint16_t fcw = 0x27f;

	asm volatile("fldcw %0; ldmxcsr %1" : : "m"(fcw), "m"(mxcsr));
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_OK(vcpu_run(vcpu));
		fcw = 0;
		mxcsr = 0;
		asm volatile("fnstcw %0; stmxcsr %1" : "+m"(fcw), "+m"(mxcsr));
		EXPECT_EQ(0x27f, fcw);
		EXPECT_EQ(0x9fc0, mxcsr & ~0x3f);
	}
	EXPECT_EQ(0x77f, guest[4] & 0xffff);
	EXPECT_EQ(0x7f80, guest[5]);
	EXPECT_EQ(3, guest[6]);		/* pi, rounded down */
	EXPECT_EQ(1, guest[7]);
}

/* SET_FPU reaches the guest, the guest's changes reach GET_FPU. */
TEST(fpu_through_the_ioctls)
{
	struct vcpu *vcpu = vector_guest(guest_sse, guest_sse_end - guest_sse, 0x30);
	struct minivmm_fpu fpu;

	vcpu_run_to_out(vcpu, 0x42);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_FPU, &fpu));
	EXPECT_TRUE(!memcmp(fpu.xmm, vm_at(vcpu->vm, RAM), 256));
	for (unsigned int i = 0; i < 256; i++)
		((uint8_t *)fpu.xmm)[i] = i ^ 0xa5;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_FPU, &fpu));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_TRUE(!memcmp(fpu.xmm, vm_at(vcpu->vm, RAM + 0x1000), 256));
}

/* ---- the host thread's own ---- */

GUEST64(guest_endless_out, "1: out %al, $0x42\n jmp 1b\n");

static uint16_t selector_of_es(void)
{
	uint16_t value;

	asm volatile("mov %%es, %0" : "=r"(value));
	return value;
}

TEST(host_keeps_fs_and_gs_bases)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_spoil_msrs);
	static const uint64_t mark = 0x1122334455667788;
	uint64_t fs, fs_after, gs, value;

	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_SET_GS, &mark));
	vcpu_run_to_out(vcpu, 0x42);
	asm volatile("mov %%gs:0, %0" : "=r"(value));
	EXPECT_EQ(mark, value);
	sched_yield();
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
	EXPECT_EQ((uint64_t)&mark, gs);
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_after));
	EXPECT_EQ(fs, fs_after);
}

/* With a selector, and a base that is not the one of its descriptor. */
TEST(host_keeps_gs_base_beside_a_selector)
{
	static const uint64_t mark = 0x1122334455667788;
	uint16_t selector = 0x2b;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
		SKIP("the host's kernel has no FSGSBASE");
	for (unsigned int mode = 0; mode < NR_MODES; mode++) {
		struct vcpu *vcpu = guest_create(mode, "\xe6\x42", 2);	/* out %al, $0x42 */
		uint16_t after;
		uint64_t base;

		asm volatile("mov %0, %%gs\n wrgsbase %1"
			     : : "r"(selector), "r"((uint64_t)&mark));
		vcpu_run_to_out(vcpu, 0x42);
		asm volatile("rdgsbase %0\n mov %%gs, %1" : "=r"(base), "=r"(after));
		EXPECT((uint64_t)&mark == base && after == selector,
		       "%s: GS is %#x, base %#llx", mode_name(mode), after,
		       (unsigned long long)base);
		guest_free(vcpu);
	}
}

TEST(host_keeps_its_ldt_and_selectors)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_endless_out);
	struct user_desc entry = {
		.entry_number = 0, .limit = 0xfff, .seg_32bit = 1, .contents = 0,
	};
	uint16_t selector = 7, old = selector_of_es();
	uint32_t rights = 0;

	if (syscall(SYS_modify_ldt, 1, &entry, sizeof(entry)))
		SKIP("modify_ldt: %s", strerror(errno));
	asm volatile("mov %0, %%es" : : "r"(selector));
	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(7, selector_of_es());
	asm volatile("lar %1, %0" : "+r"(rights) : "r"((uint32_t)selector) : "cc");
	EXPECT_EQ(0xf300, rights & 0xff00);
	asm volatile("mov %0, %%es" : : "r"(selector));
	asm volatile("mov %0, %%es" : : "r"(old));
}

struct pseudo_descriptor {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

TEST(host_keeps_its_gdt)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_endless_out);
	struct pseudo_descriptor before, after;

	asm volatile("sgdt %0" : "=m"(before));
	vcpu_run_to_out(vcpu, 0x42);
	asm volatile("sgdt %0" : "=m"(after));
	EXPECT_EQ(before.base, after.base);
	sched_yield();
	usleep(1000);
	asm volatile("sgdt %0" : "=m"(after));
	EXPECT_EQ(before.limit, after.limit);
	/* a VM exit leaves 64 KiB; Linux's GDT is a page at most */
	EXPECT_TRUE(after.limit < 0x1000);
}

/* The I/O bitmap lies beyond the limit that a VM exit gives TR. */
TEST(host_keeps_its_io_permissions)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_endless_out);

	if (ioperm(0x80, 1, 1))
		SKIP("ioperm: %s", strerror(errno));
	outb(0, 0x80);
	for (unsigned int i = 0; i < 10; i++) {
		vcpu_run_to_out(vcpu, 0x42);
		outb(0, 0x80);
	}
}

TEST(host_keeps_its_protection_keys)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_endless_out);
	uint32_t a, b, c, d, before = 0x50, after;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & 1 << 4))
		SKIP("no protection keys here");
	asm volatile("wrpkru" : : "a"(before), "c"(0), "d"(0));
	vcpu_run_to_out(vcpu, 0x42);
	asm volatile("rdpkru" : "=a"(after) : "c"(0) : "edx");
	EXPECT_EQ(before, after);
}
