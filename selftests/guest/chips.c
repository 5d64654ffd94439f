// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8259s and the 8254 in lock-step with their models: the same random sequence
 * of port accesses, lines, interrupts taken and states set goes to the device and
 * to module/irqchip/{pic,pit}.c in this process, and after each step both say the
 * same.
 *
 * On /dev/kvm this tests the models against KVM's; on /dev/minivmm what the
 * module puts around them.
 */
#include <stdlib.h>

#include "../../module/irqchip/pic.h"
#include "../../module/irqchip/pit.h"
#include "vm.h"

#define IOAPIC		0xfec00000
#define LAPIC_EOI	0xfee000b0
#define LAPIC_SPIV	0xfee000f0
#define FIRST_VECTOR	0x30	/* of the I/O APIC's */
#define TAKEN		0x100	/* an interrupt: its vector is below */
#define IOAPIC_GSI	16	/* GSIs 0 to 15 are the PIC's alone */
#define MAX_OPS		16

enum { OP_STOP, OP_OUT, OP_IN, OP_WRITE, OP_READ, OP_TAKE };

struct op {
	uint32_t what, addr, value, result;
};

/* Does what the list at GUEST_FREE says; one interrupt at a time, if asked. */
GUEST64(chips_guest, "1: mov 4(%rsi), %edx\n"
		     "mov 8(%rsi), %eax\n"
		     "cmpl $1, (%rsi)\n je 11f\n"
		     "cmpl $2, (%rsi)\n je 12f\n"
		     "cmpl $3, (%rsi)\n je 13f\n"
		     "cmpl $4, (%rsi)\n je 14f\n"
		     "cmpl $5, (%rsi)\n je 15f\n"
		     "out %al, $0x10\n"
		     "mov $0x40000, %esi\n jmp 1b\n"
		     "11: out %al, (%dx)\n jmp 2f\n"
		     "12: in (%dx), %al\n movzbl %al, %eax\n"
		     "mov %eax, 12(%rsi)\n jmp 2f\n"
		     "13: mov %eax, (%rdx)\n jmp 2f\n"
		     "14: mov (%rdx), %eax\n mov %eax, 12(%rsi)\n jmp 2f\n"
		     "15: sti\n nop\n nop\n cli\n"
		     "2: add $16, %rsi\n jmp 1b\n"
		     ".set chips_vector, 0\n"
		     ".rept 256\n"
		     ".org chips_guest + 0x1000 + 16 * chips_vector\n"
		     ".byte 0x68\n .long chips_vector\n"
		     "jmp 3f\n"
		     ".set chips_vector, chips_vector + 1\n"
		     ".endr\n"
		     "3: push %rax\n"
		     "mov 8(%rsp), %rax\n or $0x100, %eax\n mov %eax, 12(%rsi)\n"
		     "pop %rax\n add $8, %rsp\n"
		     "andl $0xfffffdff, 16(%rsp)\n"
		     "iretq\n");

static struct vcpu *vcpu;
static struct op *ops;
static unsigned int nr_ops;

/* The models */
static struct pic pic;
static struct pit pit;

static void on_output(struct pic *p, bool level)
{
	(void)p;
	(void)level;
}

static void on_pic_eoi(struct pic *p, unsigned int line)
{
	(void)p;
	(void)line;
}

static void set_routing(void)
{
	struct {
		struct minivmm_irq_routing head;
		struct minivmm_irq_routing_entry entries[16 + MINIVMM_IOAPIC_NUM_PINS];
	} table = { .head.nr = ARRAY_SIZE(table.entries) };
	unsigned int i;

	for (i = 0; i < table.head.nr; i++) {
		table.entries[i].gsi = i;
		table.entries[i].type = MINIVMM_IRQ_ROUTING_IRQCHIP;
		table.entries[i].u.irqchip.irqchip =
			i < 16 ? i / 8 : MINIVMM_IRQCHIP_IOAPIC;
		table.entries[i].u.irqchip.pin = i < 16 ? i % 8 : i - IOAPIC_GSI;
	}
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_SET_GSI_ROUTING, &table));
}

static void start(void)
{
	struct minivmm_pit_config config = { .flags = MINIVMM_PIT_SPEAKER_DUMMY };
	struct vm *vm = vm_create();
	struct minivmm_regs regs;
	unsigned int i;

	vm_add_memory(vm, 0, GUEST_MEMORY);
	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_PIT2, &config));
	vcpu = vcpu_create(vm, 0);
	set_routing();
	vcpu_set_mode(vcpu, MODE_LONG);
	vm_load(vm, GUEST_CODE, chips_guest);
	for (i = 0; i < 256; i++)
		vcpu_set_handler(vcpu, i, GUEST_CODE + 0x1000 + 16 * i);
	regs = vcpu_regs(vcpu);
	regs.rsi = GUEST_FREE;
	vcpu_set_regs(vcpu, &regs);
	ops = vm_at(vm, GUEST_FREE);

	pic.set_output = on_output;
	pic.eoi = on_pic_eoi;
	pic_init(&pic);
	pit_init(&pit, true, 1);
}

static void add(uint32_t what, uint32_t addr, uint32_t value)
{
	ops[nr_ops++] = (struct op){ what, addr, value, 0 };
}

static void run(void)
{
	add(OP_STOP, 0, 0);
	vcpu_run_to_out(vcpu, 0x10);
	nr_ops = 0;
}

static struct minivmm_irqchip get_chip(unsigned int id)
{
	struct minivmm_irqchip chip = { .chip_id = id };

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	return chip;
}

static void set_chip(const struct minivmm_irqchip *chip)
{
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_SET_IRQCHIP, chip));
}

static const char *hex(const void *data, unsigned int size)
{
	static char text[2][64];
	static unsigned int which;
	unsigned int i;

	which = !which;
	for (i = 0; i < size; i++)
		sprintf(text[which] + 2 * i, "%02x", ((const uint8_t *)data)[i]);
	return text[which];
}

static void compare_pic(unsigned int step)
{
	struct minivmm_irqchip chip;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		chip = get_chip(i);
		ASSERT(!memcmp(&chip.chip.pic, &pic.chips[i], sizeof(pic.chips[i])),
		       "step %u: chip %u is %s, its model %s", step, i,
		       hex(&chip.chip.pic, 16), hex(&pic.chips[i], 16));
	}
}

/* The line's status, as the device and as the model have it. */
static void set_line(unsigned int gsi, bool level, unsigned int step)
{
	struct minivmm_irq_level line = { .irq = gsi, .level = level };
	int status = pic_set_line(&pic, gsi, level);

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_IRQ_LINE_STATUS, &line));
	ASSERT(line.status == status, "step %u: gsi %u to %u: status %d, the model's %d",
	       step, gsi, level, line.status, status);
}

/* The guest takes the interrupt that is due. */
static void take(unsigned int step)
{
	unsigned int expected = pic.output ? TAKEN | pic_acknowledge(&pic) : 0;

	add(OP_TAKE, 0, 0);
	run();
	ASSERT(ops[0].result == expected, "step %u: took %#x, the model's is %#x",
	       step, ops[0].result, expected);
}

/* ---- The PIC ----------------------------------------------------------- */

static const uint16_t pic_ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };

/* Some accesses in a row, then the states are compared. */
static void pic_accesses(unsigned int step)
{
	uint8_t expected[MAX_OPS];
	unsigned int i, nr = 1 + rand() % (MAX_OPS - 2);

	for (i = 0; i < nr; i++) {
		uint16_t port = pic_ports[rand() % ARRAY_SIZE(pic_ports)];
		uint8_t value = rand();

		/* Begin anew not too often. */
		if (!(port & 1) && rand() % 4)
			value &= ~0x10;
		expected[i] = 0;
		if (rand() % 3) {
			add(OP_OUT, port, value);
			pic_write(&pic, port, value);
		} else {
			add(OP_IN, port, 0);
			expected[i] = pic_read(&pic, port);
		}
	}
	run();
	for (i = 0; i < nr; i++)
		ASSERT(ops[i].result == expected[i],
		       "step %u: port %#x reads %#x, the model's %#x", step,
		       ops[i].addr, ops[i].result, expected[i]);
}

static void pic_random_state(void)
{
	struct minivmm_irqchip chip = { .chip_id = rand() % 2 };
	uint8_t bytes[sizeof(chip.chip.pic)];
	unsigned int i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = rand();
	memcpy(&chip.chip.pic, bytes, sizeof(bytes));
	set_chip(&chip);
	pic_set_state(&pic, chip.chip_id, &chip.chip.pic);
}

TEST(pic_is_its_model)
{
	unsigned int step;

	srand(8259);
	start();
	for (step = 0; step < 3000; step++) {
		switch (rand() % 8) {
		case 0:
		case 1:
			pic_accesses(step);
			break;
		case 2:
			take(step);
			break;
		case 3:
			if (rand() % 10 == 0)
				pic_random_state();
			break;
		default:
			set_line(rand() % 16, rand() % 2, step);
		}
		compare_pic(step);
	}
}

/* ---- The 8254 ---------------------------------------------------------- */

/* What does not depend on the time. */
static void compare_pit(unsigned int step)
{
	struct minivmm_pit_state2 state;
	unsigned int i;

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_GET_PIT2, &state));
	for (i = 0; i < 3; i++) {
		struct minivmm_pit_channel_state *is = &state.channels[i];
		struct minivmm_pit_channel_state model = pit.state.channels[i];

		is->count_load_time = 0;
		is->latched_count = 0;
		is->status &= 0x7f;
		model.count_load_time = 0;
		model.latched_count = 0;
		model.status &= 0x7f;
		ASSERT(!memcmp(is, &model, sizeof(model)),
		       "step %u: channel %u is %s, its model %s", step, i,
		       hex(is, 24), hex(&model, 24));
	}
	ASSERT_EQ(pit.state.flags, state.flags);
	for (i = 0; i < ARRAY_SIZE(state.reserved); i++)
		ASSERT_EQ(0, state.reserved[i]);
}

static void pit_accesses(void)
{
	unsigned int i, nr = 1 + rand() % (MAX_OPS - 2);

	for (i = 0; i < nr; i++) {
		uint16_t port = rand() % 8 ? 0x40 + rand() % 4 : 0x61;
		uint8_t value = rand();

		if (rand() % 3) {
			add(OP_OUT, port, value);
			pit_write(&pit, port, value, 1);
		} else {
			add(OP_IN, port, 0);
			pit_read(&pit, port, 1);
		}
	}
	run();
}

static void pit_random_state(void)
{
	struct minivmm_pit_state2 state;
	uint8_t bytes[sizeof(state)];
	unsigned int i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = rand();
	memcpy(&state, bytes, sizeof(state));
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_SET_PIT2, &state));
	pit_set_state(&pit, &state, 1);
}

TEST(pit_is_its_model)
{
	unsigned int step;

	/* Random periods may be as short as 200 us. */
	if (exits_are_slow())
		SKIP(TOO_SLOW);
	srand(8254);
	start();
	/* No ticks here: GSI 0 is the PIC's, all of whose lines are masked. */
	add(OP_OUT, 0x21, 0xff);
	run();
	compare_pit(0);
	for (step = 1; step < 2000; step++) {
		if (rand() % 16)
			pit_accesses();
		else
			pit_random_state();
		compare_pit(step);
	}
}
