/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * minivmm.ko as a module: loading, unloading, and what it holds on to.
 *
 * The functions return -1 with errno where they can fail; module_load() skips
 * the test when there is no module to load.
 */
#ifndef SELFTESTS_MODULE_H
#define SELFTESTS_MODULE_H

#include "vm.h"

#define MODULE_DEBUGFS	"/sys/kernel/debug/minivmm"

/* An open fd of minivmm.ko; $MINIVMM_MODULE says where it is elsewhere. */
int module_file(void);
void module_load(void);
/* ... with parameters, as for insmod. */
void module_load_with(const char *parameters);
int module_unload(void);
/* The first letter of a parameter's value. */
char module_parameter(const char *name);
/* Does /proc/cpuinfo name this feature of VT-x? */
bool vmx_has(const char *feature);
/* Load it anew with parameters; the one named, Y or N, is to become @expected. */
void module_reload(const char *parameters, const char *name, char expected);
/* How many interrupts of their timers the host's CPUs have had. */
unsigned long long host_timer_interrupts(void);
/* How many references there are on the module. */
long module_references(void);
/* How many VMs there are in debugfs. */
int module_vms(void);
/* A number in debugfs about a VM of this process. */
unsigned long long vm_stat(struct vm *vm, const char *name);
/* How many VM exits of a reason (as debugfs names it) its vCPU has had. */
unsigned long long vm_exits(struct vm *vm, unsigned int vcpu, const char *reason);

#endif
