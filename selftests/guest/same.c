// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same guest gives the same bytes on /dev/minivmm and on /dev/kvm.
 *
 * Guests are made up at random, from a seed: arithmetic, MMIO in every encoding
 * that we decode, port I/O and CPUID, in three modes. Each runs on both devices
 * one after the other, gets the same answers, and must leave the same record:
 * every exit, the registers, the memory. A failure names the seed.
 */
#include <stdlib.h>
#include <unistd.h>

#include "trap.h"

#define MMIO		0xd0000000ULL
#define RAM		GUEST_FREE
#define GUESTS		60
#define INSTRUCTIONS	60
#define MAX_EXITS	2000

struct record {
	unsigned int count;
	uint64_t exits[MAX_EXITS][3];
	struct minivmm_regs regs;
	struct minivmm_sregs sregs;
	struct trap trap;
	uint8_t memory[0x2000];
	uint32_t last_exit;
};

static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (random_state >> 33) % below;
}

/* ---- making a guest ---- */

struct code {
	enum guest_mode mode;
	uint8_t bytes[0x1000];
	unsigned int size;
};

static void put(struct code *code, uint8_t byte)
{
	ASSERT_TRUE(code->size < sizeof(code->bytes));
	code->bytes[code->size++] = byte;
}

static void put32(struct code *code, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		put(code, value >> 8 * i);
}

/* One opcode with a memory operand: escape, opcode, /digit or -1, immediate. */
struct operation {
	uint8_t escape, opcode;
	int8_t digit;
	uint8_t immediate;	/* 0 none, 1 byte, 2 operand size */
};

static const struct operation operations[] = {
	{ 0, 0x88, -1, 0 }, { 0, 0x89, -1, 0 }, { 0, 0x8a, -1, 0 }, { 0, 0x8b, -1, 0 },
	{ 0, 0xc6, 0, 1 }, { 0, 0xc7, 0, 2 },
	{ 0x0f, 0xb6, -1, 0 }, { 0x0f, 0xb7, -1, 0 }, { 0x0f, 0xbe, -1, 0 },
	{ 0x0f, 0xbf, -1, 0 },
	{ 0, 0x20, -1, 0 }, { 0, 0x21, -1, 0 }, { 0, 0x22, -1, 0 }, { 0, 0x23, -1, 0 },
	{ 0, 0x08, -1, 0 }, { 0, 0x09, -1, 0 }, { 0, 0x0a, -1, 0 }, { 0, 0x0b, -1, 0 },
	{ 0, 0x30, -1, 0 }, { 0, 0x31, -1, 0 }, { 0, 0x32, -1, 0 }, { 0, 0x33, -1, 0 },
	{ 0, 0x38, -1, 0 }, { 0, 0x39, -1, 0 }, { 0, 0x3a, -1, 0 }, { 0, 0x3b, -1, 0 },
	{ 0, 0x84, -1, 0 }, { 0, 0x85, -1, 0 }, { 0, 0x86, -1, 0 }, { 0, 0x87, -1, 0 },
	{ 0, 0x80, 1, 1 }, { 0, 0x80, 4, 1 }, { 0, 0x80, 6, 1 }, { 0, 0x80, 7, 1 },
	{ 0, 0x81, 1, 2 }, { 0, 0x81, 4, 2 }, { 0, 0x81, 6, 2 }, { 0, 0x81, 7, 2 },
	{ 0, 0x83, 1, 1 }, { 0, 0x83, 4, 1 }, { 0, 0x83, 6, 1 }, { 0, 0x83, 7, 1 },
	{ 0, 0xf6, 0, 1 }, { 0, 0xf7, 0, 2 },
	{ 0x0f, 0xab, -1, 0 }, { 0x0f, 0xba, 5, 1 },
};

/* EBX points to MMIO, ESI and EDI are for strings, ESP stays: EAX, ECX, EDX, EBP. */
static uint8_t random_register(void)
{
	static const uint8_t registers[] = { 0, 1, 2, 5 };

	return registers[next_random(4)];
}

static void put_memory_operation(struct code *code)
{
	const struct operation *op;
	bool small = next_random(4) == 0, wide = false;
	uint8_t reg;

	op = &operations[next_random(sizeof(operations) / sizeof(operations[0]))];
	reg = op->digit >= 0 ? op->digit : random_register();
	/* a register's bit offset may reach anywhere: keep it below 256 */
	if (op->opcode == 0xab) {
		put(code, 0x0f);	/* movzx reg8, reg */
		put(code, 0xb6);
		reg &= 3;
		put(code, 0xc0 | reg << 3 | reg);
	}
	if (small)
		put(code, 0x66);
	if (code->mode == MODE_LONG && next_random(2)) {
		uint8_t rex = 0x40 | (next_random(2) << 3);

		if (op->digit < 0 && op->opcode != 0xab && next_random(2))
			rex |= 4;	/* R8 and up */
		wide = rex & 8;
		put(code, rex);
	}
	if (op->escape)
		put(code, op->escape);
	put(code, op->opcode);
	put(code, 0x80 | reg << 3 | 3);		/* disp32(%ebx) */
	put32(code, next_random(0x1010));
	if (op->immediate == 1) {
		put(code, next_random(256));
	} else if (op->immediate == 2) {
		put(code, next_random(256));
		put(code, next_random(256));
		if (!small || wide) {
			put(code, next_random(256));
			put(code, next_random(256));
		}
	}
}

/* STOS or MOVS, sometimes repeated and downwards, from and to anywhere. */
static void put_string_operation(struct code *code)
{
	static const uint8_t opcodes[] = { 0xaa, 0xab, 0xa4, 0xa5 };

	put(code, 0xbe);		/* mov $, %esi */
	put32(code, (next_random(2) ? RAM : MMIO) + 0x100 + next_random(0x1000));
	put(code, 0xbf);		/* mov $, %edi */
	put32(code, (next_random(2) ? RAM : MMIO) + 0x100 + next_random(0x1000));
	put(code, next_random(4) ? 0xfc : 0xfd);
	put(code, 0xb9);		/* mov $, %ecx */
	put32(code, next_random(6));
	if (next_random(2))
		put(code, 0xf3);
	if (next_random(4) == 0)
		put(code, 0x66);
	else if (code->mode == MODE_LONG && next_random(2))
		put(code, 0x48);
	put(code, opcodes[next_random(4)]);
}

static void put_io(struct code *code)
{
	static const uint8_t opcodes[] = { 0xe4, 0xe5, 0xe6, 0xe7 };

	if (next_random(4) == 0)
		put(code, 0x66);
	put(code, opcodes[next_random(4)]);
	put(code, next_random(256));
}

/* Register to register, so that values mix and flags change. */
static void put_arithmetic(struct code *code)
{
	static const uint8_t opcodes[] = { 0x01, 0x11, 0x19, 0x29, 0x31, 0x39, 0x89, 0x87 };

	if (code->mode == MODE_LONG && next_random(2))
		put(code, 0x48);
	put(code, opcodes[next_random(8)]);
	put(code, 0xc0 | random_register() << 3 | random_register());
}

static void make_guest(struct code *code, uint32_t seed)
{
	static const enum guest_mode modes[] = { MODE_LONG, MODE_PROT32, MODE_PAE };

	random_state = seed;
	next_random(1);
	code->size = 0;
	code->mode = modes[next_random(3)];
	for (unsigned int i = 0; i < INSTRUCTIONS; i++) {
		switch (next_random(8)) {
		case 0:
			put_io(code);
			break;
		case 1:
			put_string_operation(code);
			break;
		case 2:
		case 3:
			put_arithmetic(code);
			break;
		default:
			put_memory_operation(code);
		}
	}
	put(code, 0xf4);
}

/* ---- running it ---- */

static void note(struct record *record, uint64_t what, uint64_t where, uint64_t value)
{
	ASSERT_TRUE(record->count < MAX_EXITS);
	record->exits[record->count][0] = what;
	record->exits[record->count][1] = where;
	record->exits[record->count][2] = value;
	record->count++;
}

/* What a device answers depends on what was asked and how often. */
static uint64_t answer(const struct record *record)
{
	return (record->count + 1) * 0x9e3779b97f4a7c15;
}

static bool handle_exit(struct vcpu *vcpu, struct record *record)
{
	struct minivmm_run *run = vcpu->run;
	uint64_t value = 0;

	switch (run->exit_reason) {
	case MINIVMM_EXIT_MMIO:
		if (run->mmio.is_write) {
			memcpy(&value, run->mmio.data, run->mmio.len);
		} else {
			value = answer(record);
			memcpy(run->mmio.data, &value, 8);
		}
		note(record, run->exit_reason | run->mmio.is_write << 8 | run->mmio.len << 16,
		     run->mmio.phys_addr, value);
		return true;
	case MINIVMM_EXIT_IO:
		if (run->io.direction == MINIVMM_EXIT_IO_OUT) {
			memcpy(&value, vcpu_io_data(vcpu), run->io.size);
		} else {
			value = answer(record);
			memcpy(vcpu_io_data(vcpu), &value, run->io.size);
		}
		note(record, run->exit_reason | run->io.direction << 8 | run->io.size << 16,
		     run->io.port, value);
		return true;
	default:
		record->last_exit = run->exit_reason;
		return false;
	}
}

static void run_guest(const char *device, const struct code *code, struct record *record)
{
	struct minivmm_regs regs;
	struct vcpu *vcpu;
	uint64_t *values = (uint64_t *)&regs;

	setenv("MINIVMM_DEVICE", device, 1);
	memset(record, 0, sizeof(*record));
	vcpu = guest_create(code->mode, code->bytes, code->size);
	trap_install(vcpu);
	regs = vcpu_regs(vcpu);
	for (unsigned int i = 0; i < 16; i++)
		if (i != 6)		/* RSP */
			values[i] = (i + 1) * 0x0123456789abcdef;
	regs.rbx = MMIO;
	vcpu_set_regs(vcpu, &regs);
	for (unsigned int i = 0; i < 0x2000; i++)
		((uint8_t *)vm_at(vcpu->vm, RAM))[i] = i * 37;
	do {
		ASSERT_OK(vcpu_run(vcpu));
	} while (handle_exit(vcpu, record));
	record->regs = vcpu_regs(vcpu);
	record->sregs = vcpu_sregs(vcpu);
	record->trap = *trap_record(vcpu);
	memcpy(record->memory, vm_at(vcpu->vm, RAM), sizeof(record->memory));
	guest_free(vcpu);
}

static void compare_exits(uint32_t seed, const struct record *ours, const struct record *kvms)
{
	for (unsigned int i = 0; i < ours->count && i < kvms->count; i++) {
		const uint64_t *a = ours->exits[i], *b = kvms->exits[i];

		ASSERT(!memcmp(a, b, sizeof(ours->exits[i])),
		       "seed %u, exit %u: %llx at %llx, %llx; KVM: %llx at %llx, %llx", seed, i,
		       (long long)a[0], (long long)a[1], (long long)a[2],
		       (long long)b[0], (long long)b[1], (long long)b[2]);
	}
	ASSERT(ours->count == kvms->count, "seed %u: %u exits, KVM: %u", seed, ours->count,
	       kvms->count);
	ASSERT(ours->last_exit == kvms->last_exit, "seed %u: ends with %s, KVM: %s", seed,
	       exit_name(ours->last_exit), exit_name(kvms->last_exit));
}

static void compare(uint32_t seed, struct record *ours, struct record *kvms)
{
	static const uint64_t flags = ~0x10ULL;	/* AF is undefined after logic */
	const uint64_t *a = (const uint64_t *)&ours->regs, *b = (const uint64_t *)&kvms->regs;

	compare_exits(seed, ours, kvms);
	ours->regs.rflags &= flags;
	kvms->regs.rflags &= flags;
	for (unsigned int i = 0; i < sizeof(ours->regs) / 8; i++)
		EXPECT(a[i] == b[i], "seed %u, register %u: %llx, KVM: %llx", seed, i,
		       (long long)a[i], (long long)b[i]);
	ours->trap.rflags &= flags;
	kvms->trap.rflags &= flags;
	EXPECT(!memcmp(&ours->sregs, &kvms->sregs, sizeof(ours->sregs)), "seed %u: sregs", seed);
	EXPECT(!memcmp(&ours->trap, &kvms->trap, sizeof(ours->trap)), "seed %u: exception", seed);
	EXPECT(!memcmp(ours->memory, kvms->memory, sizeof(ours->memory)), "seed %u: memory", seed);
}

static void need_both(void)
{
	MINIVMM_ONLY("it compares with KVM");
	if (access("/dev/kvm", R_OK | W_OK))
		SKIP("kvm_intel is not loaded");
}

TEST(random_guests)
{
	static struct record ours, kvms;
	static struct code code;
	const char *device = strdup(device_path());
	unsigned int exits = 0, whole = 0;

	need_both();
	for (uint32_t seed = 1; seed <= GUESTS; seed++) {
		make_guest(&code, seed);
		run_guest(device, &code, &ours);
		run_guest("/dev/kvm", &code, &kvms);
		compare(seed, &ours, &kvms);
		exits += ours.count;
		whole += !ours.trap.count;
	}
	ktap_note("%u guests, %u without an exception, %u exits", GUESTS, whole, exits);
	EXPECT_TRUE(exits > GUESTS * 20);
	EXPECT_TRUE(whole > GUESTS / 2);
}

/* ---- chosen guests ---- */

GUEST16(guest_real, "mov $0x1234, %ax\n out %ax, $0x42\n push %ax\n pop %bx\n int $0x20\n hlt\n");
GUEST32(guest_protected, "mov $0x12345678, %eax\n out %eax, $0x42\n ud2\n");
GUEST64(guest_cpuid, "xor %edi, %edi\n 1: mov %edi, %eax\n xor %ecx, %ecx\n cpuid\n"
	"out %eax, $1\n mov %ebx, %eax\n out %eax, $2\n mov %ecx, %eax\n out %eax, $3\n"
	"mov %edx, %eax\n out %eax, $4\n inc %edi\n cmp $0x20, %edi\n jb 1b\n hlt\n");
GUEST64(guest_faults, "xor %ecx, %ecx\n div %ecx\n");
GUEST64(guest_control, "mov %cr0, %rax\n out %eax, $1\n mov %cr4, %rax\n out %eax, $2\n"
	"mov $0xc0000080, %ecx\n rdmsr\n out %eax, $3\n sgdt 0xb000\n sidt 0xb010\n str %eax\n"
	"out %eax, $4\n sldt %eax\n out %eax, $5\n smsw %eax\n out %eax, $6\n hlt\n");
GUEST64(guest_page_fault, "mov $0x8000001000, %rax\n mov (%rax), %ebx\n");
GUEST64(guest_shutdown, "lidt 0xb000\n ud2\n");

static void same(enum guest_mode mode, const uint8_t *bytes, size_t size)
{
	static struct record ours, kvms;
	static struct code code;
	const char *device = strdup(device_path());

	need_both();
	code.mode = mode;
	code.size = size;
	memcpy(code.bytes, bytes, size);
	run_guest(device, &code, &ours);
	run_guest("/dev/kvm", &code, &kvms);
	compare(0, &ours, &kvms);
}

#define SAME(mode, name)	same(mode, name, name##_end - name)

TEST(same_in_real_mode)
{
	SAME(MODE_REAL, guest_real);
}

TEST(same_in_16_bit_protected_mode)
{
	SAME(MODE_PROT16, guest_real);
}

TEST(same_in_protected_mode)
{
	SAME(MODE_PROT32, guest_protected);
}

TEST(same_with_paging)
{
	SAME(MODE_PAGED32, guest_protected);
}

TEST(same_with_pae)
{
	SAME(MODE_PAE, guest_protected);
}

TEST(same_divide_error)
{
	SAME(MODE_LONG, guest_faults);
}

TEST(same_page_fault)
{
	SAME(MODE_LONG, guest_page_fault);
}

TEST(same_control_registers)
{
	SAME(MODE_LONG, guest_control);
}

TEST(same_shutdown)
{
	SAME(MODE_LONG, guest_shutdown);
}

/*
 * GET_SUPPORTED_CPUID differs: ours offers less. So both get ours, without leaf
 * 0x12: KVM writes to what it takes for its subleaf 1.
 */
TEST(same_answers_of_cpuid)
{
	static struct record ours, kvms;
	struct minivmm_cpuid2 *cpuid;
	struct vcpu *vcpu;

	need_both();
	cpuid = device_cpuid();
	while (cpuid_entry(cpuid, 0x12, 0))
		*cpuid_entry(cpuid, 0x12, 0) = cpuid->entries[--cpuid->nent];
	for (unsigned int kvm = 0; kvm < 2; kvm++) {
		struct record *record = kvm ? &kvms : &ours;

		if (kvm)
			setenv("MINIVMM_DEVICE", "/dev/kvm", 1);
		vcpu = guest_new(MODE_LONG, guest_cpuid);
		ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
		do {
			ASSERT_OK(vcpu_run(vcpu));
		} while (handle_exit(vcpu, record));
		guest_free(vcpu);
	}
	compare_exits(0, &ours, &kvms);
}
