// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thousands of calls with arguments from a random number generator: whatever
 * they return, the host survives, RUN can be interrupted, and a new VM works.
 *
 * The test host's log shows what goes wrong in the kernel; scripts/run-tests
 * fails then. FUZZ_SEED=N repeats a sequence or tries another one.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "errors.h"

#define CALLS	2000
#define ARENA	(64 * PAGE)

static const unsigned long requests[] = {
	MINIVMM_GET_API_VERSION, MINIVMM_CREATE_VM, MINIVMM_GET_MSR_INDEX_LIST,
	MINIVMM_CHECK_EXTENSION, MINIVMM_GET_VCPU_MMAP_SIZE, MINIVMM_GET_SUPPORTED_CPUID,
	MINIVMM_CREATE_VCPU, MINIVMM_SET_USER_MEMORY_REGION, MINIVMM_SET_TSS_ADDR,
	MINIVMM_SET_IDENTITY_MAP_ADDR, MINIVMM_RUN, MINIVMM_RUN, MINIVMM_RUN, MINIVMM_GET_REGS,
	MINIVMM_SET_REGS, MINIVMM_GET_SREGS, MINIVMM_SET_SREGS, MINIVMM_INTERRUPT,
	MINIVMM_GET_MSRS, MINIVMM_SET_MSRS, MINIVMM_SET_SIGNAL_MASK, MINIVMM_GET_FPU,
	MINIVMM_SET_FPU, MINIVMM_SET_CPUID2, MINIVMM_GET_CPUID2,
};

static uint64_t state;
static uint8_t *arena;

/* xorshift64*: the same sequence for the same seed, everywhere. */
static uint64_t rnd(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

static uint64_t below(uint64_t limit)
{
	return (rnd() >> 16) % limit;
}

static void seed(uint64_t test)
{
	const char *wanted = getenv("FUZZ_SEED");

	state = (wanted ? strtoull(wanted, NULL, 0) : 1) * 0x9e3779b97f4a7c15ULL + test;
	ktap_note("FUZZ_SEED=%s", wanted ? wanted : "1");
	arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(arena != MAP_FAILED);
}

static void on_alarm(int number)
{
	(void)number;
}

/* With signals, no RUN lasts longer than this, whatever it runs. */
static void signals(bool on)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 5000 }, { 0, 5000 } };

	if (!on)
		memset(&often, 0, sizeof(often));
	ASSERT_OK(sigaction(SIGALRM, &action, NULL));
	ASSERT_OK(setitimer(ITIMER_REAL, &often, NULL));
}

/* Numbers at which checks turn over are likelier than others. */
static uint64_t number(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 255, 256, 257, 4095, 4096, 0x7fffffff, 0x80000000, 0xfffff000,
		0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, 0xffffffffffffffff,
	};

	switch (below(4)) {
	case 0:
		return edges[below(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return below(64);
	case 2:
		return below(1 << 20) << 12;
	default:
		return rnd();
	}
}

/* A structure in the arena: random, or what is there with a few changes. */
static void *structure(void)
{
	uint8_t *at = arena + 8 * below(ARENA / 16);
	uint64_t *words = (uint64_t *)at;

	if (below(3) == 0)
		for (int i = 0; i < 48; i++)
			words[i] = number();
	for (uint64_t i = below(4); i; i--)
		words[below(48)] = number();
	/* Counts and slots: small as a rule. */
	if (below(2))
		*(uint32_t *)at = below(40);
	return at;
}

static void *pointer(void)
{
	switch (below(16)) {
	case 0:
		return BAD_POINTER;
	case 1:
		return KERNEL_POINTER;
	case 2:
		return NULL;
	case 3:
		return arena + ARENA - 1 - below(16);
	default:
		return structure();
	}
}

static void one_call(int fd)
{
	unsigned long request = requests[below(sizeof(requests) / sizeof(requests[0]))];

	if (below(64) == 0)
		request = below(1ULL << 32);
	if (_IOC_DIR(request) == _IOC_NONE && below(8))
		ioctl(fd, request, request == MINIVMM_RUN ? 0 : number());
	else
		ioctl(fd, request, pointer());
}

static void expect_a_guest_still_runs(void)
{
	signals(false);
	vcpu_run_to(guest_create(MODE_LONG, "\xf4", 1), MINIVMM_EXIT_HLT);
}

TEST(fuzz_system_fd)
{
	int fd;

	MINIVMM_ONLY("its bugs are not ours to find");
	seed(1);
	fd = device_open();
	for (int i = 0; i < CALLS; i++) {
		one_call(fd);
		if (i % 16 == 15) {
			closefrom(4);
			fd = device_open();
		}
	}
	expect_a_guest_still_runs();
}

TEST(fuzz_vm_fd)
{
	struct vm *vm = NULL;

	MINIVMM_ONLY("its bugs are not ours to find");
	seed(2);
	for (int i = 0; i < CALLS; i++) {
		if (i % 256 == 0) {
			signals(false);
			closefrom(3);
			vm = vm_create();
			signals(true);
		}
		one_call(vm->fd);
		if (below(4) == 0)
			vm_set_slot(vm, below(8), below(8) ? 0 : number(), number(), number(),
				    below(2) ? arena : (void *)number());
	}
	expect_a_guest_still_runs();
}

/* A running guest, whose state and struct minivmm_run are spoilt. */
TEST(fuzz_vcpu_fd)
{
	struct vcpu *vcpu = NULL;

	MINIVMM_ONLY("its bugs are not ours to find");
	seed(3);
	for (int i = 0; i < CALLS; i++) {
		if (i % 64 == 0) {
			signals(false);
			if (vcpu)
				guest_free(vcpu);
			vcpu = guest_create(below(NR_MODES), arena, 2 * PAGE);
			signals(true);
		}
		one_call(vcpu->fd);
		if (below(4) == 0)
			((uint8_t *)vcpu->run)[below(PAGE)] = rnd();
		if (below(16) == 0)
			((uint64_t *)vm_at(vcpu->vm, 0))[below(GUEST_MEMORY / 8)] = number();
	}
	expect_a_guest_still_runs();
}

/* Random bytes as code, in each mode: every exit there is, in no order. */
TEST(fuzz_guest_code)
{
	MINIVMM_ONLY("its bugs are not ours to find");
	seed(4);
	for (int i = 0; i < 200; i++) {
		struct vcpu *vcpu;

		for (int word = 0; word < 2 * PAGE / 8; word++)
			((uint64_t *)arena)[word] = rnd();
		signals(false);
		vcpu = guest_create(below(NR_MODES), arena, 2 * PAGE);
		signals(true);
		for (int run = 0; run < 8; run++) {
			struct minivmm_regs regs = vcpu_regs(vcpu);

			vcpu_run(vcpu);
			regs.rip = GUEST_CODE + below(2 * PAGE);
			regs.rax = number();
			regs.rcx = number();
			regs.rsi = number();
			regs.rdi = number();
			vcpu_set_regs(vcpu, &regs);
		}
		guest_free(vcpu);
	}
	expect_a_guest_still_runs();
}
