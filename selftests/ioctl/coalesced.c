// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and PIO: writes that come in a ring and not in exits, and a
 * ring whose indices say what cannot be.
 */
#include "errors.h"

#define PORT	0x1f0
#define ZONE	0x10000000ULL	/* no memory there */
#define RING_ENTRIES ((PAGE - sizeof(struct minivmm_coalesced_mmio_ring)) / \
		      sizeof(struct minivmm_coalesced_mmio))

static int zone(struct vm *vm, unsigned long cmd, uint64_t addr, uint32_t size, uint32_t pio)
{
	struct minivmm_coalesced_mmio_zone args = { .addr = addr, .size = size, .pio = pio };

	return ioctl(vm->fd, cmd, &args);
}

#define add_zone(vm, addr, size, pio) \
	zone(vm, MINIVMM_REGISTER_COALESCED_MMIO, addr, size, pio)
#define remove_zone(vm, addr, size, pio) \
	zone(vm, MINIVMM_UNREGISTER_COALESCED_MMIO, addr, size, pio)

static struct minivmm_coalesced_mmio_ring *ring_of(struct vcpu *vcpu)
{
	ASSERT_TRUE(vcpu->run_size >= 3 * PAGE);
	return (void *)((uint8_t *)vcpu->run + MINIVMM_COALESCED_MMIO_PAGE_OFFSET * PAGE);
}

TEST(capabilities)
{
	EXPECT_EQ(MINIVMM_COALESCED_MMIO_PAGE_OFFSET,
		  device_capability(MINIVMM_CAP_COALESCED_MMIO));
	EXPECT_EQ(1, device_capability(MINIVMM_CAP_COALESCED_PIO));
}

TEST(zone_bad_pointer_is_efault)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_REGISTER_COALESCED_MMIO, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_UNREGISTER_COALESCED_MMIO, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_REGISTER_COALESCED_MMIO,
				   last_word_of_page()));
}

TEST(zone_bad_pio_is_einval)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EINVAL, add_zone(vm, ZONE, PAGE, 2));
	EXPECT_ERRNO(EINVAL, add_zone(vm, ZONE, PAGE, ~0U));
	EXPECT_ERRNO(EINVAL, remove_zone(vm, ZONE, PAGE, 2));
}

TEST(zone_that_wraps_is_einval)
{
	MINIVMM_ONLY("KVM takes it, and never finds a write in it");
	EXPECT_ERRNO(EINVAL, add_zone(vm_create(), ~0ULL - 4, PAGE, 0));
}

TEST(zone_that_is_not_there_can_be_removed)
{
	EXPECT_OK(remove_zone(vm_create(), ZONE, PAGE, 0));
}

GUEST64(mmio, "mov $0x10000000, %ebx\n movabs $0x1122334455667788, %rax\n"
	      "mov %al, 3(%rbx)\n mov %ax, 0x10(%rbx)\n mov %eax, 0x20(%rbx)\n"
	      "mov %rax, 0xff8(%rbx)\n hlt\n");

static void expect_entry(const struct minivmm_coalesced_mmio *entry, uint64_t addr,
			 uint32_t len, uint32_t pio, uint64_t data)
{
	EXPECT_EQ(addr, entry->phys_addr);
	EXPECT_EQ(len, entry->len);
	EXPECT_EQ(pio, entry->pio);
	EXPECT_TRUE(!memcmp(&data, entry->data, len));
}

TEST(mmio_writes_come_in_the_ring)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);
	struct minivmm_coalesced_mmio_ring *ring = ring_of(vcpu);

	EXPECT_OK(add_zone(vcpu->vm, ZONE, PAGE, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, ring->first);
	ASSERT_EQ(4, ring->last);
	expect_entry(&ring->coalesced_mmio[0], ZONE + 3, 1, 0, 0x88);
	expect_entry(&ring->coalesced_mmio[1], ZONE + 0x10, 2, 0, 0x7788);
	expect_entry(&ring->coalesced_mmio[2], ZONE + 0x20, 4, 0, 0x55667788);
	expect_entry(&ring->coalesced_mmio[3], ZONE + 0xff8, 8, 0, 0x1122334455667788);
}

TEST(what_is_not_wholly_inside_goes_to_the_owner)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);
	struct minivmm_coalesced_mmio_ring *ring = ring_of(vcpu);

	EXPECT_OK(add_zone(vcpu->vm, ZONE + 4, 0x1e, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(ZONE + 3, vcpu->run->mmio.phys_addr);
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(ZONE + 0x20, vcpu->run->mmio.phys_addr);
	EXPECT_EQ(1, ring->last);
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(ZONE + 0xff8, vcpu->run->mmio.phys_addr);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(zone_of_no_bytes_collects_nothing)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);

	EXPECT_OK(add_zone(vcpu->vm, ZONE + 3, 0, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(0, ring_of(vcpu)->last);
}

GUEST64(mmio_read, "mov $0x10000000, %ebx\n movl $5, (%rbx)\n mov (%rbx), %eax\n"
		   "out %eax, $0x10\n hlt\n");

TEST(reads_go_to_the_owner)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio_read);

	EXPECT_OK(add_zone(vcpu->vm, ZONE, PAGE, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(0, vcpu->run->mmio.is_write);
	EXPECT_EQ(1, ring_of(vcpu)->last);
	memcpy(vcpu->run->mmio.data, "\x12\0\0\0", 4);
	EXPECT_EQ(0x12, vcpu_run_to_out(vcpu, 0x10));
}

GUEST64(ports, "mov $0x1f0, %edx\n mov $0x11223344, %eax\n"
	       "out %al, %dx\n out %ax, %dx\n out %eax, %dx\n"
	       "mov $0x40000, %esi\n mov $3, %ecx\n rep outsb\n"
	       "hlt\n");

TEST(port_writes_come_in_the_ring)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, ports);
	struct minivmm_coalesced_mmio_ring *ring = ring_of(vcpu);

	vm_write(vcpu->vm, GUEST_FREE, "\1\2\3", 3);
	EXPECT_OK(add_zone(vcpu->vm, PORT, 2, 1));
	EXPECT_EQ(0x11223344, vcpu_run_to_out(vcpu, PORT));
	ASSERT_EQ(2, ring->last);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	ASSERT_EQ(5, ring->last);
	expect_entry(&ring->coalesced_mmio[0], PORT, 1, 1, 0x44);
	expect_entry(&ring->coalesced_mmio[1], PORT, 2, 1, 0x3344);
	for (unsigned int i = 0; i < 3; i++)
		expect_entry(&ring->coalesced_mmio[2 + i], PORT, 1, 1, i + 1);
}

TEST(zone_removed_collects_no_more)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, ports);

	EXPECT_OK(add_zone(vcpu->vm, PORT - 8, 16, 1));
	/* Not a part of the zone, and not the same kind: nothing happens. */
	EXPECT_OK(remove_zone(vcpu->vm, PORT - 9, 2, 1));
	EXPECT_OK(remove_zone(vcpu->vm, PORT - 8, 17, 1));
	EXPECT_OK(remove_zone(vcpu->vm, PORT - 8, 16, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(6, ring_of(vcpu)->last);
	EXPECT_OK(remove_zone(vcpu->vm, PORT, 1, 1));
	vcpu_set_mode(vcpu, MODE_LONG);
	EXPECT_EQ(0x44, vcpu_run_to_out(vcpu, PORT));
	EXPECT_EQ(6, ring_of(vcpu)->last);
}

GUEST64(many, "mov $0x10000000, %ebx\n xor %eax, %eax\n"
	      "1: mov %eax, (%rbx)\n inc %eax\n cmp $1000, %eax\n jb 1b\n hlt\n");

/* The owner takes what is in the ring when it gets an exit. */
TEST(writes_keep_their_order_when_the_ring_is_full)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, many);
	struct minivmm_coalesced_mmio_ring *ring = ring_of(vcpu);
	uint32_t expected = 0, value;

	EXPECT_OK(add_zone(vcpu->vm, ZONE, 4, 0));
	do {
		ASSERT_EQ(0, vcpu_run(vcpu));
		while (ring->first != ring->last) {
			memcpy(&value, ring->coalesced_mmio[ring->first].data, 4);
			ASSERT_EQ(expected++, value);
			ring->first = (ring->first + 1) % RING_ENTRIES;
		}
		if (vcpu->run->exit_reason != MINIVMM_EXIT_MMIO)
			break;
		memcpy(&value, vcpu->run->mmio.data, 4);
		ASSERT_EQ(expected++, value);
	} while (true);
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
	EXPECT_EQ(1000, expected);
}

TEST(all_entries_but_one_are_used)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, many);
	struct minivmm_coalesced_mmio_ring *ring = ring_of(vcpu);

	MINIVMM_ONLY("KVM 6.1 takes the ring for full when half of it is");
	EXPECT_OK(add_zone(vcpu->vm, ZONE, 4, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(RING_ENTRIES - 1, ring->last);
	EXPECT_EQ(RING_ENTRIES - 1, *(uint32_t *)vcpu->run->mmio.data);
	ring->first = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(0, ring->last);
	expect_entry(&ring->coalesced_mmio[RING_ENTRIES - 1], ZONE, 4, 0, RING_ENTRIES);
}

/* Indices outside of the ring: exits as if there were no zone, nothing else. */
TEST(bad_last_goes_to_the_owner)
{
	static const uint32_t bad[] = { RING_ENTRIES, RING_ENTRIES + 1, 4096, 0x7fffffff, ~0U };
	struct vcpu *vcpu = guest_new(MODE_LONG, many);
	struct minivmm_coalesced_mmio_ring *ring = ring_of(vcpu);

	EXPECT_OK(add_zone(vcpu->vm, ZONE, 4, 0));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ring->last = bad[i];
		vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(i, *(uint32_t *)vcpu->run->mmio.data);
		EXPECT_EQ(bad[i], ring->last);
	}
}

TEST(bad_first_is_harmless)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, many);
	struct minivmm_coalesced_mmio_ring *ring = ring_of(vcpu);

	EXPECT_OK(add_zone(vcpu->vm, ZONE, 4, 0));
	ring->first = ~0U;
	do {
		ASSERT_EQ(0, vcpu_run(vcpu));
		EXPECT_TRUE(ring->last < RING_ENTRIES);
		EXPECT_EQ(~0U, ring->first);
	} while (vcpu->run->exit_reason == MINIVMM_EXIT_MMIO);
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
}

/* All vCPUs of a VM share one ring; another VM has its own. */
TEST(ring_is_the_machines)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio), *other = guest_new(MODE_LONG, mmio);
	struct vcpu *second = vcpu_create(vcpu->vm, 1);

	EXPECT_OK(add_zone(vcpu->vm, ZONE, PAGE, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(4, ring_of(vcpu)->last);
	EXPECT_EQ(4, ring_of(second)->last);
	EXPECT_EQ(0, ring_of(other)->last);
}

TEST(memory_in_a_zone_stays_memory)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mmio);
	uint8_t *memory;

	EXPECT_OK(add_zone(vcpu->vm, ZONE, PAGE, 0));
	memory = vm_add_memory(vcpu->vm, ZONE, PAGE);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, ring_of(vcpu)->last);
	EXPECT_EQ(0x88, memory[3]);
}
