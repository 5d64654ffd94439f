// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest ends its interrupts in its own memory: the MSR that says where, and what
 * becomes of the interrupt if something happens to that memory.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "pv_eoi.h"

#define OTHER_GPA	0x1000000ull	/* memory in a slot of its own */
#define OTHER_SLOT	9

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
	EXPECT_OFFERED(vcpu, 1);
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
	EXPECT_OFFERED(vcpu, 2);
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
	EXPECT_OFFERED(vcpu, 4);
	EXPECT_EQ(0, in_service(vcpu));
}

/* What happens to the page while a handler has an offer in it. */
struct accident {
	struct notes *notes;
	struct apic_block *block;
	uint8_t *page;
	uint64_t count;		/* of interrupts before */
	bool ended;		/* it happens when the handler has taken up its offer */
	struct vm *vm;
	void (*happens)(const struct accident *accident);
};

static void *have_accident(void *arg)
{
	struct accident *accident = arg;

	while (*(volatile uint64_t *)&accident->block->count == accident->count)
		usleep(100);
	/* Until it certainly waits in the guest again. */
	usleep(2000);
	accident->happens(accident);
	*(volatile uint64_t *)&accident->notes->wait = 0;
	*(volatile uint64_t *)&accident->notes->wait_ended = 0;
	return NULL;
}

/* Each of its interrupts meets one. */
static struct vcpu *unlucky_guest(struct accident *accident,
				  void (*happens)(const struct accident *accident))
{
	struct vcpu *vcpu = plain_guest(apic_vm());

	accident->notes = notes(vcpu);
	accident->block = own_block(vcpu);
	accident->page = add_page(vcpu, 0);
	accident->vm = vcpu->vm;
	accident->happens = happens;
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, OTHER_GPA | 1));
	return vcpu;
}

static void interrupt_with_accident(struct vcpu *vcpu, struct accident *accident)
{
	pthread_t thread;

	notes(vcpu)->wait = !accident->ended;
	notes(vcpu)->wait_ended = accident->ended;
	accident->count = apic_count(vcpu);
	ASSERT_EQ(0, pthread_create(&thread, NULL, have_accident, accident));
	interrupt(vcpu, 0x61);
	pthread_join(thread, NULL);
	ASSERT_EQ(accident->count + 1, apic_count(vcpu));
}

static void check_accident(void (*happens)(const struct accident *accident), bool ended)
{
	struct accident accident = { .ended = ended };
	struct vcpu *vcpu = unlucky_guest(&accident, happens);

	notes(vcpu)->byte = OTHER_GPA;
	for (unsigned int i = 0; i < 10; i++) {
		/* There, and the process may write to it. */
		*(volatile uint8_t *)accident.page = 0;
		interrupt_with_accident(vcpu, &accident);
		EXPECT_OFFERED(vcpu, i);
		EXPECT_EQ(0, in_service(vcpu));
		EXPECT_EQ(0, *accident.page & 1);
	}
}

/* From then on its pages are written to when they have been copied. */
static void fork_once(const struct accident *accident)
{
	pid_t pid = fork();

	if (!pid)
		_exit(*accident->page > 1);
	ASSERT_TRUE(pid > 0);
	usleep(2000);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

TEST(process_forks_meanwhile)
{
	check_accident(fork_once, false);
	check_accident(fork_once, true);
}

static void lose(const struct accident *accident)
{
	ASSERT_OK(madvise(accident->page, 4096, MADV_DONTNEED));
}

TEST(page_is_lost_meanwhile)
{
	check_accident(lose, false);
	check_accident(lose, true);
}

static void forbid_a_while(const struct accident *accident)
{
	ASSERT_OK(mprotect(accident->page, 4096, PROT_NONE));
	usleep(2000);
	ASSERT_OK(mprotect(accident->page, 4096, PROT_READ | PROT_WRITE));
}

TEST(page_cannot_be_accessed_meanwhile)
{
	check_accident(forbid_a_while, false);
	check_accident(forbid_a_while, true);
}

static void delete_slot(const struct accident *accident)
{
	ASSERT_OK(vm_set_slot(accident->vm, OTHER_SLOT, 0, OTHER_GPA, 0, accident->page));
}

/*
 * Nobody will know what the guest has made of the offer: it has ended the interrupt.
 * Once in a while the guest is not running just then, and has none.
 */
TEST(slot_is_gone_meanwhile)
{
	struct accident accident = { 0 };
	struct vcpu *vcpu = unlucky_guest(&accident, delete_slot);
	unsigned int ended = 0;

	MINIVMM_ONLY("it makes an offer once only: any exit before that costs it");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP("one CPU: the guest is not running when it happens");
	set_eoi(vcpu, 0);
	for (unsigned int i = 0; i < 10; i++) {
		interrupt_with_accident(vcpu, &accident);
		ended += !in_service(vcpu);
		apic_write(vcpu, EOI, 0);
		ASSERT_EQ(0, in_service(vcpu));
		ASSERT_OK(vm_set_slot(vcpu->vm, OTHER_SLOT, 0, OTHER_GPA, 4096,
				      accident.page));
	}
	EXPECT(ended, "none of 10 interrupts was ended");
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
	EXPECT_OFFERED(to, 1);
	EXPECT_EQ(1 << 6, in_service(to));
	apic_write(to, EOI, 0);
	EXPECT_EQ(0, in_service(to));
}
