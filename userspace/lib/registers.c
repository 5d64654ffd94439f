// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's registers in print, for messages about a guest that broke.
 *
 * Read next: ../run/main.c, the launcher, this library's first user.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fail.h"
#include "libminivmm.h"

static void dump_general(const struct minivmm_regs *r, FILE *file)
{
	fprintf(file, "  rip %016llx  rflags %08llx  rsp %016llx\n", r->rip,
		r->rflags, r->rsp);
	fprintf(file, "  rax %016llx  rbx %016llx  rcx %016llx  rdx %016llx\n",
		r->rax, r->rbx, r->rcx, r->rdx);
	fprintf(file, "  rsi %016llx  rdi %016llx  rbp %016llx  r8  %016llx\n",
		r->rsi, r->rdi, r->rbp, r->r8);
	fprintf(file, "  r9  %016llx  r10 %016llx  r11 %016llx  r12 %016llx\n",
		r->r9, r->r10, r->r11, r->r12);
	fprintf(file, "  r13 %016llx  r14 %016llx  r15 %016llx\n", r->r13,
		r->r14, r->r15);
}

static void dump_segment(const char *name, const struct minivmm_segment *s,
			 FILE *file)
{
	fprintf(file, "  %-4s %04x  base %016llx  limit %08x  type %2u  %s dpl %u%s%s%s%s\n",
		name, s->selector, s->base, s->limit, s->type,
		s->s ? "code/data" : "system   ", s->dpl,
		s->present ? "" : " not-present", s->l ? " 64-bit" : "",
		s->db ? " 32-bit" : "", s->unusable ? " unusable" : "");
}

static void dump_system(const struct minivmm_sregs *s, FILE *file)
{
	fprintf(file, "  cr0 %08llx  cr2 %016llx  cr3 %016llx  cr4 %08llx  efer %04llx\n",
		s->cr0, s->cr2, s->cr3, s->cr4, s->efer);
	dump_segment("cs", &s->cs, file);
	dump_segment("ss", &s->ss, file);
	dump_segment("ds", &s->ds, file);
	dump_segment("es", &s->es, file);
	dump_segment("fs", &s->fs, file);
	dump_segment("gs", &s->gs, file);
	dump_segment("tr", &s->tr, file);
	dump_segment("ldt", &s->ldt, file);
	fprintf(file, "  gdt       base %016llx  limit %04x\n", s->gdt.base,
		s->gdt.limit);
	fprintf(file, "  idt       base %016llx  limit %04x\n", s->idt.base,
		s->idt.limit);
}

int vmm_dump_registers(struct vmm_vcpu *vcpu, FILE *file)
{
	struct minivmm_sregs sregs;
	struct minivmm_regs regs;

	if (ioctl(vcpu->fd, MINIVMM_GET_REGS, &regs) < 0 ||
	    ioctl(vcpu->fd, MINIVMM_GET_SREGS, &sregs) < 0)
		return vmm_fail(errno, "vCPU %u: cannot read its registers: %s; read dmesg",
				vcpu->id, strerror(errno));
	dump_general(&regs, file);
	dump_system(&sregs, file);
	return 0;
}
