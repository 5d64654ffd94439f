// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exit in words: one line for each way in which MINIVMM_RUN can return.
 *
 * One table, from exit reason to a function that describes it. Numbers are
 * kept beside the words, so that a line can be looked up in the manuals.
 *
 * Read next: registers.c, the vCPU's registers in print.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "compiler.h"
#include "libminivmm.h"

#define SHOWN_ITEMS	8U
#define FAILED_VMENTRY	BIT_ULL(31)

/* A line under construction; what does not fit is cut off. */
struct line {
	char *buf;
	size_t size;
	size_t len;
};

__printf(2, 3)
static void add(struct line *line, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line->buf + line->len, line->size - line->len, format,
		      args);
	va_end(args);
	if (n > 0)
		line->len += n;
	if (line->len >= line->size)
		line->len = line->size - 1;
}

static void add_value(struct line *line, const void *data, unsigned int size)
{
	__u64 value = 0;

	memcpy(&value, data, size > sizeof(value) ? sizeof(value) : size);
	add(line, " 0x%0*llx", (int)(2 * size), value);
}

static const char *plural(unsigned int n)
{
	return n == 1 ? "" : "s";
}

static void port_words(struct minivmm_run *run, struct line *line)
{
	bool out = run->io.direction == MINIVMM_EXIT_IO_OUT;
	const char *data = vmm_io_data(run);
	unsigned int i;

	add(line, "port %s ", out ? "write" : "read");
	if (run->io.count != 1)
		add(line, "%u times ", run->io.count);
	add(line, "%u byte%s", run->io.size, plural(run->io.size));
	for (i = 0; i < run->io.count && i < SHOWN_ITEMS; i++)
		add_value(line, data + i * run->io.size, run->io.size);
	if (i < run->io.count)
		add(line, " ...");
	add(line, " %s 0x%x", out ? "to" : "from", run->io.port);
}

static void mmio_words(struct minivmm_run *run, struct line *line)
{
	add(line, "MMIO %s %u byte%s", run->mmio.is_write ? "write" : "read",
	    run->mmio.len, plural(run->mmio.len));
	add_value(line, run->mmio.data, run->mmio.len);
	add(line, " %s 0x%llx", run->mmio.is_write ? "to" : "from",
	    run->mmio.phys_addr);
}

static void fail_entry_words(struct minivmm_run *run, struct line *line)
{
	__u64 reason = run->fail_entry.hardware_entry_failure_reason;
	const char *name;

	/* Bit 31 tells a failure after the checks of controls and host state. */
	if (reason & FAILED_VMENTRY)
		name = vmm_vm_exit_name(reason & 0xffff);
	else
		name = vmm_instruction_error_name((unsigned int)reason);
	add(line,
	    "VM entry failed on CPU %u: %s (%s %llu, 0x%llx); dmesg may say which check failed",
	    run->fail_entry.cpu, name ? name : "no name for this number",
	    reason & FAILED_VMENTRY ? "exit reason" : "VM-instruction error",
	    reason & 0xffff, reason);
}

static void emulation_words(struct minivmm_run *run, struct line *line)
{
	unsigned int i, size = run->emulation_failure.insn_size;

	add(line, "an instruction that touches MMIO could not be emulated");
	/* The bytes are valid only where ndata reaches them and a flag says so. */
	if (run->internal.ndata < 3 ||
	    !(run->emulation_failure.flags &
	      MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
		return;
	add(line, ": bytes");
	for (i = 0; i < size && i < sizeof(run->emulation_failure.insn_bytes);
	     i++)
		add(line, " %02x", run->emulation_failure.insn_bytes[i]);
}

static void unexpected_exit_words(struct minivmm_run *run, struct line *line)
{
	const char *name = NULL;

	add(line, "a VM exit that no handler claims");
	if (!run->internal.ndata)
		return;
	name = vmm_vm_exit_name(run->internal.data[0] & 0xffff);
	add(line, ": %s (exit reason %llu)", name ? name : "no name",
	    run->internal.data[0] & 0xffff);
}

static void internal_error_words(struct minivmm_run *run, struct line *line)
{
	unsigned int i;

	add(line, "hypervisor's internal error %u: ", run->internal.suberror);
	switch (run->internal.suberror) {
	case MINIVMM_INTERNAL_ERROR_EMULATION:
		emulation_words(run, line);
		break;
	case MINIVMM_INTERNAL_ERROR_SIMUL_EX:
		add(line, "two exceptions at once that do not combine");
		break;
	case MINIVMM_INTERNAL_ERROR_DELIVERY_EV:
		add(line, "a VM exit that may not happen while an event is delivered");
		break;
	case MINIVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
		unexpected_exit_words(run, line);
		break;
	default:
		add(line, "no name for this number");
	}
	if (!run->internal.ndata)
		return;
	add(line, "; data");
	for (i = 0; i < run->internal.ndata && i < ARRAY_SIZE(run->internal.data);
	     i++)
		add(line, " 0x%llx", run->internal.data[i]);
}

static void hlt_words(struct minivmm_run *run, struct line *line)
{
	add(line, "HLT with interrupts %s", run->if_flag ? "on" : "off");
}

static void shutdown_words(struct minivmm_run *run, struct line *line)
{
	(void)run;
	add(line,
	    "shutdown: triple fault (an exception whose handler, and then the double fault's, could not be entered)");
}

static void intr_words(struct minivmm_run *run, struct line *line)
{
	(void)run;
	add(line, "interrupted by a signal");
}

static void irq_window_words(struct minivmm_run *run, struct line *line)
{
	(void)run;
	add(line, "an interrupt can be injected now");
}

static void unknown_words(struct minivmm_run *run, struct line *line)
{
	const char *name = vmm_vm_exit_name(run->hw.hardware_exit_reason & 0xffff);

	add(line, "VM exit that the hypervisor does not know: %s (exit reason 0x%llx)",
	    name ? name : "no name", run->hw.hardware_exit_reason);
}

static void (* const words[])(struct minivmm_run *run, struct line *line) = {
	[MINIVMM_EXIT_UNKNOWN] = unknown_words,
	[MINIVMM_EXIT_IO] = port_words,
	[MINIVMM_EXIT_HLT] = hlt_words,
	[MINIVMM_EXIT_MMIO] = mmio_words,
	[MINIVMM_EXIT_IRQ_WINDOW_OPEN] = irq_window_words,
	[MINIVMM_EXIT_SHUTDOWN] = shutdown_words,
	[MINIVMM_EXIT_FAIL_ENTRY] = fail_entry_words,
	[MINIVMM_EXIT_INTR] = intr_words,
	[MINIVMM_EXIT_INTERNAL_ERROR] = internal_error_words,
};

void vmm_exit_words(struct minivmm_run *run, char *buf, size_t size)
{
	struct line line = { .buf = buf, .size = size };

	buf[0] = '\0';
	if (run->exit_reason < ARRAY_SIZE(words) && words[run->exit_reason])
		words[run->exit_reason](run, &line);
	else
		add(&line, "exit reason %u, which this library does not know",
		    run->exit_reason);
}
