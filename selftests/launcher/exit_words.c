// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits in words that no guest of ours can provoke: failed VM entries and the
 * hypervisor's internal errors. The structures are filled in by hand, as the
 * ABI has them.
 */
#include <stdlib.h>

#include "ktap.h"

#include "../../userspace/lib/names.c"
#include "../../userspace/lib/words.c"

static struct minivmm_run run;

static const char *in_words(__u32 reason)
{
	static char line[VMM_WORDS_SIZE];

	run.exit_reason = reason;
	vmm_exit_words(&run, line, sizeof(line));
	return line;
}

/* vmm_exit_words() finds the data of port I/O by this. */
void *vmm_io_data(struct minivmm_run *r)
{
	return (char *)r + r->io.data_offset;
}

static void expect_words(__u32 reason, const char *expected)
{
	const char *actual = in_words(reason);

	EXPECT(!strcmp(expected, actual), "\"%s\", expected \"%s\"", actual,
	       expected);
}

TEST(failed_entry_with_invalid_guest_state)
{
	run.fail_entry.hardware_entry_failure_reason = 0x80000021;
	run.fail_entry.cpu = 3;
	expect_words(MINIVMM_EXIT_FAIL_ENTRY,
		     "VM entry failed on CPU 3: VM-entry failure due to invalid guest state (exit reason 33, 0x80000021); dmesg may say which check failed");
}

TEST(failed_entry_with_instruction_error)
{
	run.fail_entry.hardware_entry_failure_reason = 7;
	expect_words(MINIVMM_EXIT_FAIL_ENTRY,
		     "VM entry failed on CPU 0: VM entry with invalid control field(s) (VM-instruction error 7, 0x7); dmesg may say which check failed");
}

TEST(failed_entry_with_unknown_number)
{
	run.fail_entry.hardware_entry_failure_reason = 4000000;
	expect_words(MINIVMM_EXIT_FAIL_ENTRY,
		     "VM entry failed on CPU 0: no name for this number (VM-instruction error 2304, 0x3d0900); dmesg may say which check failed");
}

TEST(emulation_failure_with_bytes)
{
	run.emulation_failure.suberror = MINIVMM_INTERNAL_ERROR_EMULATION;
	run.emulation_failure.ndata = 3;
	run.emulation_failure.flags =
		MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run.emulation_failure.insn_size = 3;
	memcpy(run.emulation_failure.insn_bytes, "\x0f\xae\x00\x90", 4);
	expect_words(MINIVMM_EXIT_INTERNAL_ERROR,
		     "hypervisor's internal error 1: an instruction that touches MMIO could not be emulated: bytes 0f ae 00; data 0x1 0x9000ae0f03 0x0");
}

/* The flag says that there are no bytes, or ndata does: neither is trusted alone. */
TEST(emulation_failure_without_bytes)
{
	run.emulation_failure.suberror = MINIVMM_INTERNAL_ERROR_EMULATION;
	run.emulation_failure.insn_size = 3;
	expect_words(MINIVMM_EXIT_INTERNAL_ERROR,
		     "hypervisor's internal error 1: an instruction that touches MMIO could not be emulated");
	run.emulation_failure.flags =
		MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run.emulation_failure.ndata = 1;
	expect_words(MINIVMM_EXIT_INTERNAL_ERROR,
		     "hypervisor's internal error 1: an instruction that touches MMIO could not be emulated; data 0x1");
}

/* A size that the structure cannot hold reads no further than it goes. */
TEST(emulation_failure_with_wrong_size)
{
	run.emulation_failure.suberror = MINIVMM_INTERNAL_ERROR_EMULATION;
	run.emulation_failure.ndata = 3;
	run.emulation_failure.flags =
		MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run.emulation_failure.insn_size = 255;
	EXPECT_TRUE(strstr(in_words(MINIVMM_EXIT_INTERNAL_ERROR),
			   "bytes 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00; data"));
}

TEST(unexpected_exit_reason)
{
	run.internal.suberror = MINIVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run.internal.ndata = 2;
	run.internal.data[0] = 9;
	run.internal.data[1] = 1;
	expect_words(MINIVMM_EXIT_INTERNAL_ERROR,
		     "hypervisor's internal error 4: a VM exit that no handler claims: task switch (exit reason 9); data 0x9 0x1");
}

TEST(more_internal_data_than_there_can_be)
{
	run.internal.suberror = MINIVMM_INTERNAL_ERROR_DELIVERY_EV;
	run.internal.ndata = 0xffffffff;
	expect_words(MINIVMM_EXIT_INTERNAL_ERROR,
		     "hypervisor's internal error 3: a VM exit that may not happen while an event is delivered; data 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0");
}

TEST(unknown_internal_error)
{
	run.internal.suberror = 77;
	expect_words(MINIVMM_EXIT_INTERNAL_ERROR,
		     "hypervisor's internal error 77: no name for this number");
}

TEST(unknown_hardware_exit)
{
	run.hw.hardware_exit_reason = 11;
	expect_words(MINIVMM_EXIT_UNKNOWN,
		     "VM exit that the hypervisor does not know: GETSEC (exit reason 0xb)");
}

TEST(unknown_exit_reason)
{
	expect_words(9999, "exit reason 9999, which this library does not know");
	expect_words(MINIVMM_EXIT_DEBUG,
		     "exit reason 4, which this library does not know");
}

/* Room for the data behind the structure, as the real mapping has it. */
static struct {
	struct minivmm_run run;
	unsigned char data[64];
} io;

static void expect_io(__u8 direction, __u8 size, __u32 count,
		      const char *expected)
{
	static char line[VMM_WORDS_SIZE];
	unsigned int i;

	for (i = 0; i < sizeof(io.data); i++)
		io.data[i] = i + 1;
	io.run.exit_reason = MINIVMM_EXIT_IO;
	io.run.io.direction = direction;
	io.run.io.size = size;
	io.run.io.count = count;
	io.run.io.port = 0x60;
	io.run.io.data_offset = sizeof(io.run);
	vmm_exit_words(&io.run, line, sizeof(line));
	EXPECT(!strcmp(expected, line), "\"%s\", expected \"%s\"", line,
	       expected);
}

TEST(repeated_port_io)
{
	expect_io(MINIVMM_EXIT_IO_OUT, 1, 3,
		  "port write 3 times 1 byte 0x01 0x02 0x03 to 0x60");
	expect_io(MINIVMM_EXIT_IO_IN, 2, 2,
		  "port read 2 times 2 bytes 0x0201 0x0403 from 0x60");
	expect_io(MINIVMM_EXIT_IO_OUT, 4, 9,
		  "port write 9 times 4 bytes 0x04030201 0x08070605 0x0c0b0a09 0x100f0e0d 0x14131211 0x18171615 0x1c1b1a19 0x201f1e1d ... to 0x60");
}

TEST(line_is_cut_to_the_room_there_is)
{
	char small[12] = "###########";

	run.exit_reason = MINIVMM_EXIT_SHUTDOWN;
	vmm_exit_words(&run, small, 9);
	EXPECT(!strcmp(small, "shutdown"), "%s", small);
	EXPECT_EQ('#', small[9]);
	/* Also where several pieces are still to come. */
	run.exit_reason = MINIVMM_EXIT_MMIO;
	run.mmio.len = 4;
	vmm_exit_words(&run, small, 9);
	EXPECT(!strcmp(small, "MMIO rea"), "%s", small);
	EXPECT_EQ('#', small[9]);
}

TEST(longest_line_fits)
{
	run.internal.suberror = MINIVMM_INTERNAL_ERROR_EMULATION;
	run.internal.ndata = 16;
	memset(run.internal.data, 0xff, sizeof(run.internal.data));
	EXPECT(strlen(in_words(MINIVMM_EXIT_INTERNAL_ERROR)) <
	       VMM_WORDS_SIZE - 1, "it does not");
}
