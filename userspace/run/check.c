// SPDX-License-Identifier: GPL-2.0-only
/*
 * --check: can this machine run guests, and if not, why and what to do.
 *
 * What can be seen without the device comes first: processor, firmware, other
 * hypervisors, the module, the device node. Each line is a finding. The verdict
 * is not reasoned from them, it is tried: open the device, create a VM and a
 * vCPU, and run a guest of one instruction.
 *
 * SDM: "Detecting Support for VMX" and "Enabling and Entering VMX Operation".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <compiler.h>
#include <libminivmm.h>

#include "check.h"
#include "message.h"

#define IA32_FEATURE_CONTROL	0x3a
#define FEATURE_LOCKED		BIT_ULL(0)
#define FEATURE_VMX_IN_SMX	BIT_ULL(1)
#define FEATURE_VMX		BIT_ULL(2)

#define OPCODE_HLT		0xf4
#define TRIAL_MEMORY		0x10000
#define TRIAL_ENTRY		0x1000

#define TESTHOST		"or use the emulated host (scripts/testhost)"

/**
 * struct cpuinfo - lines of /proc/cpuinfo that matter, of the first CPU
 * @vendor: vendor_id
 * @flags: flags, with a blank at both ends
 * @vmx_flags: vmx flags, likewise; empty where the kernel does not list them
 */
struct cpuinfo {
	char vendor[64];
	char flags[8192];
	char vmx_flags[2048];
};

__printf(2, 3)
static void finding(const char *sign, const char *format, ...)
{
	va_list args;

	printf("%-5s ", sign);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void take_value(const char *line, const char *key, char *value,
		       size_t size)
{
	size_t len = strlen(key);
	const char *colon = strchr(line, ':');

	/* "flags" is also the start of no other key, but be exact. */
	if (value[0] || strncmp(line, key, len) || !colon ||
	    (line[len] != '\t' && line[len] != ' ' && line[len] != ':'))
		return;
	snprintf(value, size, " %.*s ", (int)strcspn(colon + 1, "\n"),
		 colon + 1);
}

static void read_cpuinfo(struct cpuinfo *info)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char *line = NULL;
	size_t size = 0;

	memset(info, 0, sizeof(*info));
	if (!file)
		return;
	while (getline(&line, &size, file) > 0) {
		take_value(line, "vendor_id", info->vendor,
			   sizeof(info->vendor));
		take_value(line, "flags", info->flags, sizeof(info->flags));
		take_value(line, "vmx flags", info->vmx_flags,
			   sizeof(info->vmx_flags));
	}
	free(line);
	fclose(file);
}

static void check_processor(const struct cpuinfo *info)
{
	bool virtual = strstr(info->flags, " hypervisor ");

	if (!strstr(info->vendor, "GenuineIntel")) {
		finding("no",
			"processor: not Intel's (%s): VT-x is only there; use an Intel machine, "
			TESTHOST,
			info->vendor[0] ? strtok(strdupa(info->vendor), " ") :
			"/proc/cpuinfo names no vendor");
	} else if (!strstr(info->flags, " vmx ") && virtual) {
		finding("no",
			"processor: Intel, but this is a virtual machine without VT-x; switch nested virtualization on in its host, "
			TESTHOST);
	} else if (!strstr(info->flags, " vmx ")) {
		finding("no",
			"processor: Intel, but without the vmx flag; switch VT-x on in the firmware's setup, "
			TESTHOST);
	} else if (info->vmx_flags[0] &&
		   (!strstr(info->vmx_flags, " ept ") ||
		    !strstr(info->vmx_flags, " unrestricted_guest "))) {
		finding("no",
			"processor: Intel with VT-x, but without EPT or unrestricted guest; use a newer machine, "
			TESTHOST);
	} else {
		finding("yes", "processor: Intel with VT-x%s",
			virtual ? " (in a virtual machine)" : "");
	}
}

static void check_firmware(const struct cpuinfo *info)
{
	__u64 control;
	ssize_t n = -1;
	int fd;

	if (!strstr(info->flags, " vmx "))
		return;
	fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = pread(fd, &control, sizeof(control), IA32_FEATURE_CONTROL);
		close(fd);
	}
	if (n != sizeof(control))
		finding("?",
			"firmware: cannot read whether it allows VT-x; as root, modprobe msr and try again");
	else if (!(control & FEATURE_LOCKED))
		finding("yes",
			"firmware: leaves VT-x to the kernel (IA32_FEATURE_CONTROL 0x%llx, not locked)",
			(unsigned long long)control);
	else if (control & FEATURE_VMX)
		finding("yes", "firmware: allows VT-x (IA32_FEATURE_CONTROL 0x%llx)",
			(unsigned long long)control);
	else
		finding("no",
			"firmware: has switched VT-x off (IA32_FEATURE_CONTROL 0x%llx); switch it on in the firmware's setup",
			(unsigned long long)control);
}

/* First line of a file in /sys, or "". */
static void read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "r");

	line[0] = '\0';
	if (!file)
		return;
	if (fgets(line, size, file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
}

/*
 * Being loaded is no obstacle: VT-x is taken with the first VM. From Linux
 * 6.12 on, kvm_intel takes it when it is loaded unless told otherwise.
 */
static void check_other_hypervisors(void)
{
	static const char * const others[] = { "vboxdrv", "vmmon" };
	char at_load[16], users[16];
	bool found = false;
	char path[64];
	unsigned int i;

	if (!access("/sys/module/kvm_intel", F_OK)) {
		found = true;
		read_line("/sys/module/kvm/parameters/enable_virt_at_load",
			  at_load, sizeof(at_load));
		read_line("/sys/module/kvm_intel/refcnt", users, sizeof(users));
		if (at_load[0] == 'Y')
			finding("no",
				"other hypervisors: kvm_intel holds VT-x; rmmod kvm_intel, or load kvm with enable_virt_at_load=0");
		else if (users[0] && strcmp(users, "0"))
			finding("?",
				"other hypervisors: kvm_intel is in use and may hold VT-x; stop its VMs, or rmmod kvm_intel");
		else
			finding("yes", "other hypervisors: kvm_intel is loaded, but runs no VM");
	}
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", others[i]);
		if (access(path, F_OK))
			continue;
		found = true;
		finding("?",
			"other hypervisors: %s is loaded and may hold VT-x; stop its VMs, or rmmod %s",
			others[i], others[i]);
	}
	if (!found)
		finding("yes", "other hypervisors: none is loaded");
}

static void check_module(void)
{
	if (!access("/sys/module/minivmm", F_OK))
		finding("yes", "module: minivmm is loaded");
	else
		finding("no",
			"module: minivmm is not loaded; insmod module/minivmm.ko, and see dmesg if that fails");
}

static void check_node(const char *device)
{
	struct stat st;

	if (stat(device, &st)) {
		finding("no", "device: %s: %s; load the module that makes it",
			device, strerror(errno));
		return;
	}
	if (!S_ISCHR(st.st_mode))
		finding("no",
			"device: %s is not a character device; give another path with --device",
			device);
	else if (access(device, R_OK | W_OK))
		finding("no",
			"device: no permission for %s; run as root, or join its group (gid %u, mode %03o)",
			device, st.st_gid, st.st_mode & 0777);
	else
		finding("yes", "device: %s is there, and this user may open it",
			device);
}

/* Runs one HLT in real mode. Returns 0, or what vmm_error() explains. */
static int try_guest(struct vmm_vm *vm, unsigned char *memory)
{
	struct vmm_start start = { .mode = VMM_MODE_16, .entry = TRIAL_ENTRY };
	struct vmm_vcpu vcpu;
	char words[VMM_WORDS_SIZE];
	int err;

	memory[TRIAL_ENTRY] = OPCODE_HLT;
	err = vmm_vm_add_memory(vm, 0, 0, memory, TRIAL_MEMORY, 0);
	if (!err)
		err = vmm_vcpu_create(&vcpu, vm, 0);
	if (err) {
		finding("no", "trial: %s", vmm_error());
		return err;
	}
	err = vmm_vcpu_start_state(&vcpu, &start);
	if (!err)
		err = vmm_vcpu_run(&vcpu);
	if (err) {
		finding("no", "trial: %s", vmm_error());
	} else if (vcpu.run->exit_reason != MINIVMM_EXIT_HLT) {
		vmm_exit_words(vcpu.run, words, sizeof(words));
		finding("no", "trial: a guest of one HLT came back with: %s; see dmesg",
			words);
		err = -EIO;
	} else {
		finding("yes", "trial: a VM was created and a guest of one instruction ran");
	}
	vmm_vcpu_destroy(&vcpu);
	return err;
}

static int try_device(const char *device)
{
	struct vmm_vm vm;
	struct vmm vmm;
	unsigned char *memory;
	int err;

	err = vmm_open(&vmm, device);
	if (err) {
		finding("no", "trial: %s", vmm_error());
		return err;
	}
	err = vmm_vm_create(&vm, &vmm);
	if (err) {
		finding("no", "trial: %s", vmm_error());
		vmm_close(&vmm);
		return err;
	}
	memory = mmap(NULL, TRIAL_MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fatal_err("no memory for the trial: %s; free some",
			  strerror(errno));
	err = try_guest(&vm, memory);
	vmm_vm_destroy(&vm);
	vmm_close(&vmm);
	munmap(memory, TRIAL_MEMORY);
	return err;
}

int check_machine(const char *device)
{
	struct cpuinfo info;

	read_cpuinfo(&info);
	check_processor(&info);
	check_firmware(&info);
	check_other_hypervisors();
	if (!strcmp(device, VMM_DEFAULT_DEVICE))
		check_module();
	check_node(device);
	if (try_device(device)) {
		printf("This machine cannot run guests on %s; the lines with \"no\" say why.\n",
		       device);
		return STATUS_CANNOT_START;
	}
	printf("This machine can run guests on %s.\n", device);
	return 0;
}
