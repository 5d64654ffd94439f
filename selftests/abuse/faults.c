// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: whatever allocation or copy fails inside a call, the call
 * fails with an errno that it is known to return, nothing of it stays, and the
 * next attempt works.
 *
 * The kernel lets the n-th point of a system call at which it could fail really
 * fail (Documentation/fault-injection in the kernel's source: failslab,
 * fail_page_alloc, fail_usercopy, /proc/PID/fail-nth). Here each call is made
 * with n = 1, 2, ... until it has no n-th point any more. Needs a kernel with
 * CONFIG_FAULT_INJECTION, such as that of "scripts/testhost --kernel debug", which
 * at its end looks for memory that was lost. How: faults/inject.c.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/inject.h"
#include "module.h"
#include "vm.h"

#define LOAD_POINTS	100		/* of insmod: more than the module itself has */

/* ---- the module ---- */

static int file;

static long load(void)
{
	return syscall(SYS_finit_module, file, "", 0);
}

static void expect_no_module(long value)
{
	if (value != -1)
		ASSERT_OK(module_unload());
	EXPECT_ERRNO(ENOENT, access("/sys/module/minivmm", F_OK));
	EXPECT_ERRNO(ENOENT, access(MODULE_DEBUGFS, F_OK));
	EXPECT_ERRNO(ENOENT, access("/dev/minivmm", F_OK));
}

/* Whether the kernel has said since the last time that trace events failed. */
static bool trace_events_failed(int log)
{
	char record[1024];
	bool failed = false;
	ssize_t len;

	while ((len = read(log, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		failed |= strstr(record, "tracefs") || strstr(record, "event");
	}
	return failed;
}

/*
 * The module's own points come last, so from the last one back to where the
 * kernel makes the module's trace events: it warns if it cannot, and that, like
 * all before it, is the kernel's loader and not the module.
 */
TEST(module_loading)
{
	const struct subject subject = {
		.name = "insmod", .call = load, .after = expect_no_module,
	};
	unsigned int failed = 0, survived = 0, points, n;
	struct result result;
	int log;

	setup_faults();
	alarm(200);
	file = module_file();
	ASSERT_OK(module_unload());
	result = attempt(&subject, MANY);
	ASSERT_TRUE(result.value != -1);
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_TRUE(log >= 0);
	lseek(log, 0, SEEK_END);
	points = MANY - result.left;
	for (n = points; n && points - n < LOAD_POINTS && !trace_events_failed(log); n--) {
		result = attempt(&subject, n);
		EXPECT(result.value != -1 || result.error == ENOMEM, "point %u failed with %s", n,
		       strerror(result.error));
		result.value == -1 ? failed++ : survived++;
	}
	ktap_note("insmod: the last %u points: %u times no memory, %u times no harm",
		  failed + survived, failed, survived);
	/* VMXON regions, the hot-plug state, the device: some of them at least. */
	EXPECT_TRUE(failed >= 5);
	module_load();
	vcpu_run_to(guest_create(MODE_LONG, "\xf4", 1), MINIVMM_EXIT_HLT);
}

/* ---- descriptors ---- */

static int device;
static struct vm *vm;
static struct vcpu *vcpu;

static void close_new(long fd)
{
	if (fd != -1)
		close(fd);
}

static long open_device(void)
{
	return open(device_path(), O_RDWR | O_CLOEXEC);
}

static long create_vm(void)
{
	return ioctl(device, MINIVMM_CREATE_VM, 0);
}

TEST(device_open_and_vm_creation)
{
	const struct subject open_it = {
		.name = "open", .call = open_device, .after = close_new,
		.errors = no_memory_or_fault,
	};
	const struct subject create_it = {
		.name = "CREATE_VM", .call = create_vm, .after = close_new, .errors = no_memory,
	};
	long references;

	setup_faults();
	references = module_references();
	try_all(&open_it);
	device = device_open();
	try_all(&create_it);
	close(device);
	expect_nothing_stays(references);
}

/* The first VM of a process makes the kernel allocate more: one process each. */
TEST(first_vm_of_a_process)
{
	unsigned int failed = 0, n, status = 0;
	long references;

	setup_faults();
	references = module_references();
	for (n = 1; n < 1000; n++) {
		pid_t pid = fork();
		int child;

		ASSERT_TRUE(pid >= 0);
		if (!pid) {
			struct result result;

			device = device_open();
			result = with_fault(n, create_vm);
			if (result.left)
				_exit(result.value != -1 ? 0 : 1);
			_exit(result.value != -1 ? 2 : result.error == ENOMEM ? 3 : 4);
		}
		ASSERT_EQ(pid, waitpid(pid, &child, 0));
		ASSERT_TRUE(WIFEXITED(child));
		status = WEXITSTATUS(child);
		if (status < 2)
			break;
		EXPECT(status != 4, "point %u failed with another errno than ENOMEM", n);
		failed += status == 3;
	}
	EXPECT_EQ(0, status);
	expect_nothing_stays(references);
	ktap_note("CREATE_VM in a new process: %u points, %u times no memory", n - 1, failed);
}

static void new_vm(void)
{
	vm = vm_create();
}

static long create_vcpu(void)
{
	return ioctl(vm->fd, MINIVMM_CREATE_VCPU, 0);
}

static void free_vm(long fd)
{
	close_new(fd);
	vm_free(vm);
}

static void *mapping;

static long map_vcpu(void)
{
	mapping = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	return mapping == MAP_FAILED ? -1 : 0;
}

static void unmap_vcpu(long value)
{
	if (value == -1)
		return;
	EXPECT_EQ(0, ((struct minivmm_run *)mapping)->immediate_exit);
	munmap(mapping, 8192);
}

TEST(vcpu_creation_and_mmap)
{
	const struct subject create_it = {
		.name = "CREATE_VCPU", .before = new_vm, .call = create_vcpu, .after = free_vm,
		.errors = no_memory,
	};
	const struct subject map_it = {
		.name = "mmap", .call = map_vcpu, .after = unmap_vcpu, .errors = no_memory,
	};
	long references;

	setup_faults();
	references = module_references();
	try_all(&create_it);
	vcpu = guest_create(MODE_LONG, "\xf4", 1);
	try_all(&map_it);
	guest_free(vcpu);
	expect_nothing_stays(references);
}

/* ---- guest memory ---- */

#define SLOT_GPA	0x90000000ULL
#define SLOT_SIZE	0x10000UL

static void *memory;

static void no_slot(void)
{
	vm_set_slot(vm, 10, 0, 0, 0, NULL);
}

static void a_slot(void)
{
	no_slot();
	ASSERT_OK(vm_set_slot(vm, 10, 0, SLOT_GPA, SLOT_SIZE, memory));
}

static long set_slot(void)
{
	return vm_set_slot(vm, 10, 0, SLOT_GPA, SLOT_SIZE, memory);
}

static long move_slot(void)
{
	return vm_set_slot(vm, 10, 0, SLOT_GPA + SLOT_SIZE, SLOT_SIZE, memory);
}

static long delete_slot(void)
{
	return vm_set_slot(vm, 10, 0, 0, 0, NULL);
}

TEST(memory_slots)
{
	const struct subject subjects[] = {
		{ "slot created", no_slot, set_slot, NULL, no_memory_or_fault },
		{ "slot moved", a_slot, move_slot, NULL, no_memory_or_fault },
		{ "slot deleted", a_slot, delete_slot, NULL, no_memory_or_fault },
	};
	long references;

	setup_faults();
	references = module_references();
	vm = vm_create();
	memory = mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
	for (unsigned int i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		try_all(&subjects[i]);
	vm_free(vm);
	expect_nothing_stays(references);
}

GUEST64(guest_faults,
	"mov $0x100000, %ebx\n mov 0x100000, %eax\n"
	"incl 0x200000\n mov $0x1234, %eax\n mov %eax, 0x300000\n hlt\n");

static void new_guest(void)
{
	vcpu = guest_new(MODE_LONG, guest_faults);
}

static long run(void)
{
	return vcpu_run(vcpu);
}

/* RUN failed or not: in the end the guest has come to its HLT. */
static void run_on(long value)
{
	if (value == -1)
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
	EXPECT_EQ(1, *(uint32_t *)vm_at(vcpu->vm, 0x200000));
	EXPECT_EQ(0x1234, *(uint32_t *)vm_at(vcpu->vm, 0x300000));
	guest_free(vcpu);
}

TEST(run_with_page_faults)
{
	const struct subject subject = {
		.name = "RUN", .before = new_guest, .call = run, .after = run_on,
		.errors = no_memory_or_fault,
	};
	long references;

	setup_faults();
	references = module_references();
	try_all(&subject);
	expect_nothing_stays(references);
}

/* ---- all other calls ---- */

static unsigned long request;
static int target;
static union {
	uint8_t bytes[16384];
	struct minivmm_msrs msrs;
	struct minivmm_msr_list list;
	struct minivmm_cpuid2 cpuid;
	struct minivmm_signal_mask mask;
	uint64_t number;
} argument;

static long call_it(void)
{
	return ioctl(target, request, &argument);
}

static void supported_cpuid(void)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();

	memcpy(&argument, cpuid, sizeof(*cpuid) + cpuid->nent * sizeof(cpuid->entries[0]));
	free(cpuid);
}

static void a_few_msrs(void)
{
	memset(&argument, 0, sizeof(argument));
	argument.msrs.nmsrs = 3;
	argument.msrs.entries[0].index = 0x174;
	argument.msrs.entries[1].index = 0x175;
	argument.msrs.entries[2].index = 0x176;
}

static void a_lot_of_room(void)
{
	memset(&argument, 0, sizeof(argument));
	argument.list.nmsrs = 200;
}

static void a_mask(void)
{
	memset(&argument, 0, sizeof(argument));
	argument.mask.len = 8;
}

static void from_vcpu(unsigned long get)
{
	memset(&argument, 0, sizeof(argument));
	ASSERT_OK(ioctl(vcpu->fd, get, &argument));
}

static void some_regs(void)
{
	from_vcpu(MINIVMM_GET_REGS);
}

static void some_sregs(void)
{
	from_vcpu(MINIVMM_GET_SREGS);
}

static void some_fpu(void)
{
	from_vcpu(MINIVMM_GET_FPU);
}

TEST(calls_with_structures)
{
	static const struct {
		const char *name;
		unsigned long request;
		int system;
		void (*before)(void);
	} calls[] = {
		{ "GET_SUPPORTED_CPUID", MINIVMM_GET_SUPPORTED_CPUID, 1, a_lot_of_room },
		{ "GET_MSR_INDEX_LIST", MINIVMM_GET_MSR_INDEX_LIST, 1, a_lot_of_room },
		{ "SET_CPUID2", MINIVMM_SET_CPUID2, 0, supported_cpuid },
		{ "GET_CPUID2", MINIVMM_GET_CPUID2, 0, a_lot_of_room },
		{ "GET_MSRS", MINIVMM_GET_MSRS, 0, a_few_msrs },
		{ "SET_MSRS", MINIVMM_SET_MSRS, 0, a_few_msrs },
		{ "GET_REGS", MINIVMM_GET_REGS, 0, NULL },
		{ "SET_REGS", MINIVMM_SET_REGS, 0, some_regs },
		{ "GET_SREGS", MINIVMM_GET_SREGS, 0, NULL },
		{ "SET_SREGS", MINIVMM_SET_SREGS, 0, some_sregs },
		{ "GET_FPU", MINIVMM_GET_FPU, 0, NULL },
		{ "SET_FPU", MINIVMM_SET_FPU, 0, some_fpu },
		{ "INTERRUPT", MINIVMM_INTERRUPT, 0, a_mask },
		{ "SET_SIGNAL_MASK", MINIVMM_SET_SIGNAL_MASK, 0, a_mask },
	};
	long references;

	setup_faults();
	references = module_references();
	vcpu = guest_create(MODE_LONG, "\xf4", 1);
	device = device_open();
	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct subject subject = {
			.name = calls[i].name, .before = calls[i].before, .call = call_it,
			.errors = no_memory_or_fault,
		};

		request = calls[i].request;
		target = calls[i].system ? device : vcpu->fd;
		try_all(&subject);
	}
	close(device);
	guest_free(vcpu);
	expect_nothing_stays(references);
}

static long read_stats(void)
{
	char text[200];
	int fd = open(MODULE_DEBUGFS "/exits", O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = read(fd, text, sizeof(text)) > 0 ? 0 : -1;
	syscall(SYS_close, fd);
	return ret;
}

TEST(reading_counters)
{
	const struct subject subject = {
		.name = "debugfs", .call = read_stats, .errors = no_memory_or_fault,
	};

	setup_faults();
	try_all(&subject);
}
