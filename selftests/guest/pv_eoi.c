// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest ends its interrupts in its own memory (MSR_KVM_PV_EOI_EN): when that is
 * offered to it, when it is not, and what became of the interrupt.
 *
 * Whether an offer was made the guest's handler writes down; what is in service
 * the owner reads (GET_LAPIC).
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "apic.h"
#include "eventfd.h"
#include "irq.h"
#include "module.h"

#define MSR_PV_EOI	0x4b564d04
#define BYTE		0x50000ull	/* a page that nothing else is in */
#define OTHER_GPA	0x1000000ull	/* memory in a slot of its own */
#define OTHER_SLOT	9
#define PIN		20

/*
 * In place of apic_common, beside whose block it uses struct notes. It ends the
 * interrupt in memory if it may, else by the register; with eoi 0, not at all.
 */
GUEST64(pv_eoi_common,
	"push %rax\n push %rcx\n push %rdx\n"
	"mov 24(%rsp), %rax\n"
	"movzbl 48(%r14), %ecx\n mov %al, 64(%r14, %rcx)\n"
	"mov 576(%r14), %rdx\n mov (%rdx), %al\n mov %al, 320(%r14, %rcx)\n"
	"incq 48(%r14)\n"
	"3: pause\n cmpq $0, 584(%r14)\n jne 3b\n"
	"mov 592(%r14), %rcx\n dec %ecx\n js 4f\n jne 5f\n out %al, $0x11\n jmp 4f\n"
	"5: push %rbx\n cpuid\n pop %rbx\n mov 576(%r14), %rdx\n"
	"4: cmpl $0, 40(%r14)\n je 9f\n"
	"btrl $0, (%rdx)\n jc 9f\n"
	"cmpl $1, 40(%r14)\n ja 2f\n"
	"mov $0xfee000b0, %ecx\n movl $0, (%rcx)\n jmp 9f\n"
	"2: mov $0x80b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"
	"9: pop %rdx\n pop %rcx\n pop %rax\n add $8, %rsp\n iretq\n");

struct notes {
	uint8_t offered[256];	/* of each interrupt in its order */
	uint64_t byte;		/* where it looks for that */
	uint64_t wait;		/* the handler waits until this is 0 */
	uint64_t exits;		/* and then, before it ends anything: enum exits */
};

enum exits {
	EXITS_NOT,
	EXITS_TO_OWNER,		/* OUT to port 0x11 */
	EXITS_AND_GOES_ON,	/* CPUID: the hypervisor's business alone */
};

static struct notes *notes(struct vcpu *vcpu)
{
	return (struct notes *)own_block(vcpu)->more;
}

static bool offered(struct vcpu *vcpu, unsigned int index)
{
	return notes(vcpu)->offered[index] & 1;
}

static uint8_t byte(struct vcpu *vcpu)
{
	return *(uint8_t *)vm_at(vcpu->vm, BYTE);
}

static void msi(struct vcpu *vcpu, uint32_t data)
{
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = data };

	ASSERT_EQ(1, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
}

/* One interrupt, taken and served. */
static void interrupt(struct vcpu *vcpu, uint32_t data)
{
	msi(vcpu, data);
	do_op(vcpu, OP_WINDOW, 0, 0);
}

/*
 * Its handlers are in place, the MSR is as after reset. It has had an interrupt: all
 * it needs is mapped. KVM makes an offer once only, and each exit costs that.
 */
static struct vcpu *plain_guest(struct vm *vm)
{
	struct vcpu *vcpu = apic_vcpu(vm, 0);

	vm_load(vm, APIC_COMMON, pv_eoi_common);
	notes(vcpu)->byte = BYTE;
	apic_write(vcpu, SPIV, 0x1ff);
	interrupt(vcpu, 0x21);
	ASSERT_EQ(1, apic_count(vcpu));
	own_block(vcpu)->count = 0;
	return vcpu;
}

static struct vcpu *pv_guest(void)
{
	struct vcpu *vcpu = plain_guest(apic_vm());

	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, BYTE | 1));
	return vcpu;
}

/* As the owner sees it; the vectors of the tests all differ in their class. */
static uint32_t in_service(struct vcpu *vcpu)
{
	struct minivmm_lapic_state lapic;
	uint32_t classes = 0;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	for (unsigned int class = 0; class < 16; class++)
		if (*(uint16_t *)&lapic.regs[ISR + class / 2 * 16 + class % 2 * 2])
			classes |= 1u << class;
	return classes;
}

/* ---- it is done, and saves an exit ---- */

TEST(interrupt_is_ended_in_memory)
{
	struct vcpu *vcpu = pv_guest();

	for (unsigned int i = 0; i < 20; i++) {
		interrupt(vcpu, 0x61 + i % 3 * 0x10);
		ASSERT_EQ(i + 1, apic_count(vcpu));
		EXPECT_TRUE(offered(vcpu, i));
		EXPECT_EQ(0, byte(vcpu));
		EXPECT_EQ(0, in_service(vcpu));
	}
}

TEST(interrupt_is_ended_without_an_exit)
{
	struct vcpu *vcpu = pv_guest();
	unsigned long long before;

	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	before = vm_exits(vcpu->vm, 0, "EPT_VIOLATION");
	for (unsigned int i = 0; i < 20; i++)
		interrupt(vcpu, 0x61);
	EXPECT_EQ(20, apic_count(vcpu));
	EXPECT_EQ(before, vm_exits(vcpu->vm, 0, "EPT_VIOLATION"));
	EXPECT_EQ(20, vm_stat(vcpu->vm, "pv_eois"));
	/* For comparison: with the register there is one each. */
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, 0));
	for (unsigned int i = 0; i < 20; i++)
		interrupt(vcpu, 0x61);
	EXPECT_EQ(before + 20, vm_exits(vcpu->vm, 0, "EPT_VIOLATION"));
	EXPECT_EQ(20, vm_stat(vcpu->vm, "pv_eois"));
}

/* With an x2APIC the processor may do it by itself: then there is no offer. */
TEST(x2apic_is_ended_either_way)
{
	struct vcpu *vcpu = pv_guest();
	bool first;

	to_x2apic(vcpu);
	for (unsigned int i = 0; i < 4; i++) {
		interrupt(vcpu, 0x61 + i * 0x10);
		ASSERT_EQ(i + 1, apic_count(vcpu));
		EXPECT_EQ(0, byte(vcpu));
		EXPECT_EQ(0, in_service(vcpu));
	}
	first = offered(vcpu, 0);
	for (unsigned int i = 1; i < 4; i++)
		EXPECT_EQ(first, offered(vcpu, i));
	if (!on_kvm())
		EXPECT_EQ(first ? 4 : 0, vm_stat(vcpu->vm, "pv_eois"));
}

/* ---- whose end it is ---- */

TEST(offer_is_taken_back_at_each_exit)
{
	struct vcpu *vcpu = pv_guest();

	notes(vcpu)->exits = EXITS_TO_OWNER;
	msi(vcpu, 0x61);
	own_block(vcpu)->op = OP_WINDOW;
	vcpu_run_to_out(vcpu, 0x11);
	EXPECT_TRUE(offered(vcpu, 0));
	EXPECT_EQ(0, byte(vcpu));
	EXPECT_EQ(1 << 6, in_service(vcpu));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, byte(vcpu));
	EXPECT_EQ(0, in_service(vcpu));
}

static void check_made_again(enum exits exits)
{
	struct vcpu *vcpu = pv_guest();

	notes(vcpu)->exits = exits;
	msi(vcpu, 0x61);
	own_block(vcpu)->op = OP_WINDOW;
	if (exits == EXITS_TO_OWNER)
		vcpu_run_to_out(vcpu, 0x11);
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(1, vm_stat(vcpu->vm, "pv_eois"));
	EXPECT_EQ(0, in_service(vcpu));
	EXPECT_EQ(0, byte(vcpu));
}

TEST(offer_is_made_again_after_an_exit)
{
	MINIVMM_ONLY("it makes an offer once only, and a handler with an exit has none");
	check_made_again(EXITS_TO_OWNER);
	check_made_again(EXITS_AND_GOES_ON);
}

/* The processor may do it for the x2APIC, but never while a debugger blocks. */
TEST(offer_to_an_x2apic_that_is_debugged)
{
	struct minivmm_guest_debug debug = {
		.control = MINIVMM_GUESTDBG_ENABLE | MINIVMM_GUESTDBG_BLOCKIRQ,
	};
	struct vcpu *vcpu = pv_guest();

	MINIVMM_ONLY("it makes an offer once only, here before the exit");
	to_x2apic(vcpu);
	notes(vcpu)->exits = EXITS_TO_OWNER;
	msi(vcpu, 0x61);
	own_block(vcpu)->op = OP_WINDOW;
	vcpu_run_to_out(vcpu, 0x11);
	/* In service since; its end is in the debugger's time. */
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, &debug));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(1, vm_stat(vcpu->vm, "pv_eois"));
	EXPECT_EQ(0, in_service(vcpu));
}

TEST(other_bits_of_the_byte_are_not_kept)
{
	struct vcpu *vcpu = pv_guest();

	*(uint32_t *)vm_at(vcpu->vm, BYTE) = 0xfefefefe;
	set_eoi(vcpu, 0);
	interrupt(vcpu, 0x61);
	EXPECT_EQ(1, notes(vcpu)->offered[0]);
	EXPECT_EQ(0xfefefe00, *(uint32_t *)vm_at(vcpu->vm, BYTE));
}

TEST(higher_interrupt_is_ended_alone)
{
	struct vcpu *vcpu = pv_guest();

	set_eoi(vcpu, 0);
	interrupt(vcpu, 0x31);
	interrupt(vcpu, 0x61);
	EXPECT_EQ(1 << 3 | 1 << 6, in_service(vcpu));
	set_eoi(vcpu, 1);
	interrupt(vcpu, 0x91);
	ASSERT_EQ(3, apic_count(vcpu));
	EXPECT_TRUE(offered(vcpu, 2));
	EXPECT_EQ(1 << 3 | 1 << 6, in_service(vcpu));
}

/* An offer that was not taken up, and then the register: one end, not two. */
TEST(register_ends_what_was_offered)
{
	struct vcpu *vcpu = pv_guest();

	set_eoi(vcpu, 0);
	interrupt(vcpu, 0x31);
	interrupt(vcpu, 0x61);
	EXPECT_TRUE(offered(vcpu, 1));
	apic_write(vcpu, EOI, 0);
	EXPECT_EQ(1 << 3, in_service(vcpu));
	apic_write(vcpu, EOI, 0);
	EXPECT_EQ(0, in_service(vcpu));
}

/* ---- when it is not offered ---- */

TEST(not_offered_while_another_waits)
{
	struct vcpu *vcpu = pv_guest();

	msi(vcpu, 0x31);
	msi(vcpu, 0x61);
	do_op(vcpu, OP_WAIT, 0, 2);
	EXPECT_EQ(0x61, apic_log(vcpu, 0));
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_EQ(0x31, apic_log(vcpu, 1));
	EXPECT_TRUE(offered(vcpu, 1));
	EXPECT_EQ(0, in_service(vcpu));
}

/* Even one that has not the priority. */
TEST(not_offered_while_another_is_held_back)
{
	struct vcpu *vcpu = pv_guest();

	apic_write(vcpu, TPR, 0x50);
	msi(vcpu, 0x31);
	interrupt(vcpu, 0x61);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_EQ(0, in_service(vcpu));
	EXPECT_TRUE(lapic_requested(vcpu, 0x31));
}

static void set_pin(struct vcpu *vcpu, unsigned int pin, uint64_t bits)
{
	struct minivmm_irqchip chip = ioapic(vcpu->vm);

	chip.chip.ioapic.redirtbl[pin].bits = bits;
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_SET_IRQCHIP, &chip));
}

static void pulse(struct vcpu *vcpu, unsigned int gsi)
{
	irq_line(vcpu->vm, gsi, 1);
	irq_line(vcpu->vm, gsi, 0);
}

TEST(ioapic_hears_of_the_end_of_a_level)
{
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0x8000 | 0xa1);
	pulse(vcpu, PIN);
	EXPECT_TRUE(ioapic(vcpu->vm).chip.ioapic.redirtbl[PIN].fields.remote_irr);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_TRUE(!ioapic(vcpu->vm).chip.ioapic.redirtbl[PIN].fields.remote_irr);
	/* What only has the same vector may be mistaken for it, and is not offered. */
	interrupt(vcpu, 0xa1);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 1));
	interrupt(vcpu, 0xb1);
	EXPECT_TRUE(offered(vcpu, 2));
}

TEST(ioapic_does_not_mind_an_edge)
{
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0xa1);
	pulse(vcpu, PIN);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(offered(vcpu, 0));
	EXPECT_EQ(0, in_service(vcpu));
}

/* It counts on each tick being acknowledged, if it makes up for lost ones. */
TEST(pit_hears_of_the_end)
{
	struct minivmm_pit_config config = { 0 };
	struct minivmm_reinject_control control = { 0 };
	struct vcpu *vcpu = pv_guest();

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_CREATE_PIT2, &config));
	/* Not by the PIC. */
	apic_write(vcpu, LVT_LINT0, 0x10000);
	set_pin(vcpu, 0, 0xa1);
	pulse(vcpu, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 0));
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_REINJECT_CONTROL, &control));
	pulse(vcpu, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_TRUE(offered(vcpu, 1));
}

TEST(resampler_hears_of_the_end)
{
	int fd = new_eventfd(), resamplefd = new_eventfd();
	struct minivmm_irqfd irqfd = {
		.fd = fd, .gsi = PIN, .flags = MINIVMM_IRQFD_FLAG_RESAMPLE,
		.resamplefd = resamplefd,
	};
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0x8000 | 0xa1);
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_IRQFD, &irqfd));
	ASSERT_OK(eventfd_write(fd, 1));
	do_op(vcpu, OP_WAIT, 0, 1);
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_EQ(1, count(resamplefd));
}

/* A split irqchip: the I/O APIC is the owner's, and gets an exit. */
TEST(owners_ioapic_hears_of_the_end)
{
	struct {
		struct minivmm_irq_routing table;
		struct minivmm_irq_routing_entry entries[1];
	} routing = {
		.table.nr = 1,
		.entries[0] = {
			.gsi = 3, .type = MINIVMM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = 0xc0a1 },
		},
	};
	struct vm *vm = irq_vm_create_split();
	struct vcpu *vcpu;

	vm_add_memory(vm, 0, GUEST_MEMORY);
	vm_load(vm, GUEST_CODE, apic_code);
	vcpu = plain_guest(vm);
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, BYTE | 1));
	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, &routing));
	interrupt(vcpu, 0x61);
	EXPECT_TRUE(offered(vcpu, 0));
	EXPECT_EQ(0, in_service(vcpu));
	msi(vcpu, 0xc0a1);
	own_block(vcpu)->op = OP_WINDOW;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IOAPIC_EOI);
	EXPECT_EQ(0xa1, vcpu->run->eoi.vector);
	EXPECT_TRUE(!offered(vcpu, 1));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, in_service(vcpu));
}

/* ---- the MSR ---- */

TEST(msr_takes_aligned_memory)
{
	struct vcpu *vcpu = plain_guest(apic_vm());
	uint64_t value;

	ASSERT_EQ(1, vcpu_get_msr(vcpu, MSR_PV_EOI, &value));
	EXPECT_EQ(0, value);
	EXPECT_EQ(1, vcpu_set_msr(vcpu, MSR_PV_EOI, BYTE | 1));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_PV_EOI, BYTE | 3));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_PV_EOI, BYTE | 2));
	/* Nothing there: that matters if it is to be used. */
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_PV_EOI, OTHER_GPA | 1));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_PV_EOI, 1ull << 60 | 1));
	EXPECT_EQ(BYTE | 1, rdmsr(vcpu, MSR_PV_EOI));
	EXPECT_EQ(1, vcpu_set_msr(vcpu, MSR_PV_EOI, OTHER_GPA));
	EXPECT_EQ(OTHER_GPA, rdmsr(vcpu, MSR_PV_EOI));
	EXPECT_TRUE(!wrmsr(vcpu, MSR_PV_EOI, BYTE | 2));
	EXPECT_TRUE(!wrmsr(vcpu, MSR_PV_EOI, OTHER_GPA | 1));
	EXPECT_TRUE(wrmsr(vcpu, MSR_PV_EOI, 0x3ffffc | 1));
	ASSERT_EQ(1, vcpu_get_msr(vcpu, MSR_PV_EOI, &value));
	EXPECT_EQ(0x3ffffd, value);
}

static uint8_t *add_page(struct vcpu *vcpu, uint32_t flags)
{
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(page != MAP_FAILED);
	*page = 0;
	ASSERT_OK(vm_set_slot(vcpu->vm, OTHER_SLOT, flags, OTHER_GPA, 4096, page));
	return page;
}

TEST(msr_wants_memory_that_the_guest_can_write)
{
	struct vcpu *vcpu = plain_guest(apic_vm());

	add_page(vcpu, MINIVMM_MEM_READONLY);
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_PV_EOI, OTHER_GPA | 1));
	EXPECT_EQ(1, vcpu_set_msr(vcpu, MSR_PV_EOI, OTHER_GPA));
}

TEST(msr_is_in_cpuid_and_in_the_list)
{
	struct minivmm_cpuid_entry2 *features = cpuid_entry(device_cpuid(), 0x40000001, 0);
	struct {
		struct minivmm_msr_list list;
		uint32_t indices[1000];
	} msrs = { .list.nmsrs = 1000 };
	unsigned int found = 0;

	ASSERT_TRUE(features);
	EXPECT_EQ(1 << 6, features->eax & 1 << 6);
	ASSERT_OK(ioctl(device_open(), MINIVMM_GET_MSR_INDEX_LIST, &msrs));
	for (unsigned int i = 0; i < msrs.list.nmsrs; i++)
		found += msrs.list.indices[i] == MSR_PV_EOI;
	EXPECT_EQ(1, found);
}

TEST(not_offered_without_bit_0)
{
	struct vcpu *vcpu = plain_guest(apic_vm());

	interrupt(vcpu, 0x61);
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, BYTE | 1));
	interrupt(vcpu, 0x61);
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, BYTE));
	interrupt(vcpu, 0x61);
	ASSERT_EQ(3, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_TRUE(offered(vcpu, 1));
	EXPECT_TRUE(!offered(vcpu, 2));
	EXPECT_EQ(0, in_service(vcpu));
}

TEST(init_clears_the_msr)
{
	struct vm *vm = apic_vm();
	struct vcpu *vcpu = plain_guest(vm), *other = apic_vcpu(vm, 1);
	struct minivmm_mp_state state = { .mp_state = MINIVMM_MP_STATE_RUNNABLE };
	uint64_t value = 0;

	ASSERT_EQ(1, vcpu_set_msr(other, MSR_PV_EOI, BYTE | 1));
	ASSERT_OK(ioctl(other->fd, MINIVMM_SET_MP_STATE, &state));
	apic_write(other, SPIV, 0x1ff);
	ASSERT_EQ(1, vcpu_get_msr(other, MSR_PV_EOI, &value));
	EXPECT_EQ(BYTE | 1, value);
	apic_write(vcpu, ICR2, 1 << 24);
	apic_write(vcpu, ICR, 0x4500);
	ASSERT_OK(ioctl(other->fd, MINIVMM_GET_MP_STATE, &state));
	EXPECT_EQ(MINIVMM_MP_STATE_INIT_RECEIVED, state.mp_state);
	ASSERT_EQ(1, vcpu_get_msr(other, MSR_PV_EOI, &value));
	EXPECT_EQ(0, value);
}

/* ---- the memory ---- */

/* An interrupt whose handler leaves the byte alone: who wrote it was the host. */
TEST(offer_is_in_the_dirty_log)
{
	struct vcpu *vcpu = plain_guest(apic_vm());
	uint64_t bitmap = ~0ull;
	struct minivmm_dirty_log log = { .slot = OTHER_SLOT, .dirty_bitmap = &bitmap };

	add_page(vcpu, MINIVMM_MEM_LOG_DIRTY_PAGES);
	notes(vcpu)->byte = OTHER_GPA;
	set_eoi(vcpu, 0);
	interrupt(vcpu, 0x31);
	/* To map the page may count as a write to it. */
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_GET_DIRTY_LOG, &log));
	interrupt(vcpu, 0x41);
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(0, bitmap);
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, OTHER_GPA | 1));
	interrupt(vcpu, 0x61);
	EXPECT_TRUE(offered(vcpu, 2));
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1, bitmap);
}

TEST(slot_is_gone)
{
	struct vcpu *vcpu = plain_guest(apic_vm());
	uint8_t *page = add_page(vcpu, 0);

	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, OTHER_GPA | 1));
	ASSERT_OK(vm_set_slot(vcpu->vm, OTHER_SLOT, 0, OTHER_GPA, 0, page));
	for (unsigned int i = 0; i < 3; i++) {
		interrupt(vcpu, 0x61);
		EXPECT_EQ(0, in_service(vcpu));
	}
	EXPECT_EQ(3, apic_count(vcpu));
	/* It is back, and so are the offers. */
	ASSERT_OK(vm_set_slot(vcpu->vm, OTHER_SLOT, 0, OTHER_GPA, 4096, page));
	notes(vcpu)->byte = OTHER_GPA;
	interrupt(vcpu, 0x61);
	EXPECT_EQ(4, apic_count(vcpu));
	interrupt(vcpu, 0x61);
	EXPECT_EQ(5, apic_count(vcpu));
	EXPECT_TRUE(offered(vcpu, 4));
	EXPECT_EQ(0, in_service(vcpu));
}

/* What happens to the page while a handler has an offer in it. */
struct accident {
	struct notes *notes;
	struct apic_block *block;
	uint8_t *page;
	uint64_t count;		/* of interrupts before */
	void (*happens)(uint8_t *page);
};

static void *have_accident(void *arg)
{
	struct accident *accident = arg;

	while (*(volatile uint64_t *)&accident->block->count == accident->count)
		usleep(100);
	/* Until it certainly waits in the guest again. */
	usleep(2000);
	accident->happens(accident->page);
	*(volatile uint64_t *)&accident->notes->wait = 0;
	return NULL;
}

static void check_accident(void (*happens)(uint8_t *page))
{
	struct vcpu *vcpu = plain_guest(apic_vm());
	struct accident accident = {
		.notes = notes(vcpu), .block = own_block(vcpu), .happens = happens,
		.page = add_page(vcpu, 0),
	};
	pthread_t thread;

	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, OTHER_GPA | 1));
	notes(vcpu)->byte = OTHER_GPA;
	for (unsigned int i = 0; i < 10; i++) {
		notes(vcpu)->wait = 1;
		accident.count = i;
		ASSERT_EQ(0, pthread_create(&thread, NULL, have_accident, &accident));
		interrupt(vcpu, 0x61);
		pthread_join(thread, NULL);
		ASSERT_EQ(i + 1, apic_count(vcpu));
		if (!on_kvm())
			EXPECT_TRUE(offered(vcpu, i));
		EXPECT_EQ(0, in_service(vcpu));
		EXPECT_EQ(0, *accident.page & 1);
	}
}

/* From then on its pages are written to when they have been copied. */
static void fork_once(uint8_t *page)
{
	pid_t pid = fork();

	if (!pid)
		_exit(*page > 1);
	ASSERT_TRUE(pid > 0);
	usleep(2000);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

TEST(process_forks_meanwhile)
{
	check_accident(fork_once);
}

static void lose(uint8_t *page)
{
	ASSERT_OK(madvise(page, 4096, MADV_DONTNEED));
}

TEST(page_is_lost_meanwhile)
{
	check_accident(lose);
}

static void forbid_a_while(uint8_t *page)
{
	ASSERT_OK(mprotect(page, 4096, PROT_NONE));
	usleep(2000);
	ASSERT_OK(mprotect(page, 4096, PROT_READ | PROT_WRITE));
}

TEST(page_cannot_be_accessed_meanwhile)
{
	check_accident(forbid_a_while);
}

/* ---- to another machine ---- */

TEST(moves_with_its_msr)
{
	struct vcpu *from = pv_guest(), *to;
	struct minivmm_lapic_state lapic;
	struct minivmm_regs regs;
	uint64_t value;

	set_eoi(from, 0);
	interrupt(from, 0x61);
	ASSERT_EQ(1, vcpu_get_msr(from, MSR_PV_EOI, &value));
	ASSERT_OK(ioctl(from->fd, MINIVMM_GET_LAPIC, &lapic));
	regs = vcpu_regs(from);
	to = plain_guest(apic_vm());
	memcpy(vm_at(to->vm, 0), vm_at(from->vm, 0), GUEST_MEMORY);
	vcpu_set_regs(to, &regs);
	ASSERT_EQ(1, vcpu_set_msr(to, MSR_PV_EOI, value));
	ASSERT_OK(ioctl(to->fd, MINIVMM_SET_LAPIC, &lapic));
	EXPECT_EQ(1 << 6, in_service(to));
	EXPECT_EQ(0, byte(to));
	set_eoi(to, 1);
	interrupt(to, 0x91);
	ASSERT_EQ(2, apic_count(to));
	EXPECT_TRUE(offered(to, 1));
	EXPECT_EQ(1 << 6, in_service(to));
	apic_write(to, EOI, 0);
	EXPECT_EQ(0, in_service(to));
}
