// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module as a module: refused to go while in use, gone and back, taking
 * turns with kvm_intel; and what can be watched: counters and tracepoints.
 *
 * All of it is about minivmm.ko, so nothing here runs on /dev/kvm.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "module.h"
#include "vm.h"

#define TRACING	"/sys/kernel/tracing/"

#define ABOUT_THE_MODULE	MINIVMM_ONLY("it is about the module minivmm")

GUEST64(guest_out, "1: out %al, $0x42\n jmp 1b\n");

static unsigned long long counter(const char *name)
{
	char path[100], text[32] = "";
	int fd;

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	snprintf(path, sizeof(path), MODULE_DEBUGFS "/%s", name);
	fd = open(path, O_RDONLY);
	ASSERT(fd >= 0, "%s: %s", path, strerror(errno));
	ASSERT_TRUE(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoull(text, NULL, 10);
}

/* ---- loading and unloading ---- */

static void check_that_it_works(void)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out);

	vcpu_run_to_out(vcpu, 0x42);
	guest_free(vcpu);
}

TEST(unload_and_load_again)
{
	ABOUT_THE_MODULE;
	for (unsigned int i = 0; i < 5; i++) {
		check_that_it_works();
		ASSERT_OK(module_unload());
		EXPECT_ERRNO(ENOENT, access(device_path(), F_OK));
		EXPECT_ERRNO(ENOENT, access(MODULE_DEBUGFS, F_OK));
		module_load();
	}
	check_that_it_works();
}

/* Every fd by itself keeps the module, and so does a mapping. */
TEST(unload_is_refused_while_in_use)
{
	struct vcpu *vcpu;
	struct vm *vm;
	int device;

	ABOUT_THE_MODULE;
	device = device_open();
	EXPECT_ERRNO(EAGAIN, module_unload());
	vm = vm_create();
	close(device);
	EXPECT_ERRNO(EAGAIN, module_unload());
	vm_free(vm);
	device = device_open();
	vcpu = guest_new(MODE_LONG, guest_out);
	close(device);
	EXPECT_ERRNO(EAGAIN, module_unload());
	close(vcpu->vm->fd);
	EXPECT_ERRNO(EAGAIN, module_unload());
	vcpu_run_to_out(vcpu, 0x42);
	close(vcpu->fd);
	EXPECT_ERRNO(EAGAIN, module_unload());
	EXPECT_EQ(MINIVMM_EXIT_IO, vcpu->run->exit_reason);
	munmap(vcpu->run, vcpu->run_size);
	ASSERT_OK(module_unload());
	module_load();
}

TEST(load_loop_gives_its_memory_back)
{
	char line[100];
	long slab[2] = { 0 };

	ABOUT_THE_MODULE;
	counter("exits");	/* debugfs is mounted */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP("the kernel's own checks take memory; kmemleak looks for what is lost");
	for (unsigned int i = 0; i < 30; i++) {
		if (i == 10 || i == 29) {
			FILE *file = fopen("/proc/meminfo", "r");

			usleep(100000);
			ASSERT_TRUE(file);
			while (fgets(line, sizeof(line), file))
				if (!strncmp(line, "Slab:", 5) ||
				    !strncmp(line, "VmallocUsed:", 12))
					slab[i == 29] += strtol(strchr(line, ':') + 1, NULL, 10);
			fclose(file);
		}
		ASSERT_OK(module_unload());
		module_load();
	}
	ktap_note("%ld KiB more in 19 rounds", slab[1] - slab[0]);
	EXPECT(slab[1] - slab[0] < 76, "a page or more is lost in each round");
}

/* ---- taking turns with kvm_intel ---- */

static void need_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR);

	if (fd < 0)
		SKIP("kvm_intel is not loaded");
	close(fd);
}

/* CREATE_VM on a device by its path: the fd, or -1 with errno. */
static int create_vm(const char *path)
{
	int vm, error, device = open(path, O_RDWR | O_CLOEXEC);

	ASSERT(device >= 0, "%s: %s", path, strerror(errno));
	vm = ioctl(device, MINIVMM_CREATE_VM, 0);
	error = errno;
	close(device);
	errno = error;
	return vm;
}

TEST(kvm_holds_vt_x)
{
	int kvm;

	ABOUT_THE_MODULE;
	need_kvm();
	kvm = create_vm("/dev/kvm");
	ASSERT_TRUE(kvm >= 0);
	EXPECT_ERRNO(EBUSY, create_vm(device_path()));
	close(kvm);
	check_that_it_works();
}

TEST(minivmm_holds_vt_x)
{
	struct vcpu *vcpu;
	int kvm;

	ABOUT_THE_MODULE;
	need_kvm();
	vcpu = guest_new(MODE_LONG, guest_out);
	/* KVM looks at CR4.VMXE, and since Linux 6.12 calls what it sees an I/O error. */
	EXPECT(create_vm("/dev/kvm") < 0 && (errno == EBUSY || errno == EIO),
	       "KVM: %s", strerror(errno));
	/* nor is our own VM hurt by the attempt */
	vcpu_run_to_out(vcpu, 0x42);
	guest_free(vcpu);
	kvm = create_vm("/dev/kvm");
	EXPECT_TRUE(kvm >= 0);
	close(kvm);
}

TEST(turns_with_kvm)
{
	ABOUT_THE_MODULE;
	need_kvm();
	for (unsigned int i = 0; i < 20; i++) {
		setenv("MINIVMM_DEVICE", i & 1 ? "/dev/kvm" : "/dev/minivmm", 1);
		check_that_it_works();
	}
}

/* ---- what can be watched ---- */

TEST(counters_count)
{
	unsigned long long exits, vmreads, vmwrites, wrmsrs;
	struct vcpu *vcpu;

	ABOUT_THE_MODULE;
	vcpu = guest_new(MODE_LONG, guest_out);
	vcpu_run_to_out(vcpu, 0x42);
	exits = counter("exits");
	vmreads = counter("vmreads");
	vmwrites = counter("vmwrites");
	wrmsrs = counter("wrmsrs");
	for (unsigned int i = 0; i < 100; i++)
		vcpu_run_to_out(vcpu, 0x42);
	exits = counter("exits") - exits;
	/* the host's own interrupts are exits, too */
	EXPECT(exits >= 100 && exits < 200, "%llu exits", exits);
	EXPECT_TRUE(counter("vmreads") - vmreads >= 100);
	EXPECT_TRUE(counter("vmwrites") - vmwrites >= 100);
	EXPECT_TRUE(counter("wrmsrs") >= wrmsrs);
}

/* The first lives on by its vCPU; the second gets the descriptor that it had. */
TEST(vms_of_one_descriptor_have_a_folder_each)
{
	int device, first, second, vms;

	ABOUT_THE_MODULE;
	counter("exits");	/* debugfs is mounted */
	vms = module_vms();
	device = device_open();
	first = ioctl(device, MINIVMM_CREATE_VM, 0);
	ASSERT_TRUE(ioctl(first, MINIVMM_CREATE_VCPU, 0) >= 0);
	close(first);
	second = ioctl(device, MINIVMM_CREATE_VM, 0);
	ASSERT_EQ(first, second);
	EXPECT_EQ(vms + 2, module_vms());
	close(second);
	EXPECT_EQ(vms + 1, module_vms());
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0)
		SKIP("%s: %s", path, strerror(errno));
	ASSERT_EQ(strlen(text), write(fd, text, strlen(text)));
	close(fd);
}

/* Lines of the trace that contain the word. */
static unsigned int lines_with(const char *word)
{
	FILE *file = fopen(TRACING "trace", "r");
	char line[500];
	unsigned int count = 0;

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file))
		if (line[0] != '#' && strstr(line, word))
			count++;
	fclose(file);
	return count;
}

TEST(tracepoints_show_entries_and_exits)
{
	struct vcpu *vcpu;

	ABOUT_THE_MODULE;
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	vcpu = guest_new(MODE_LONG, guest_out);
	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_OK(access(TRACING "events/minivmm/entry", F_OK));
	EXPECT_OK(access(TRACING "events/minivmm/exit", F_OK));
	write_file(TRACING "events/minivmm/enable", "1");
	write_file(TRACING "trace", "");
	for (unsigned int i = 0; i < 10; i++)
		vcpu_run_to_out(vcpu, 0x42);
	write_file(TRACING "events/minivmm/enable", "0");
	EXPECT(lines_with(" entry:") >= 10, "%u entries", lines_with(" entry:"));
	EXPECT(lines_with(" exit:") >= 10, "%u exits", lines_with(" exit:"));
	EXPECT(lines_with("0x8000") >= 10, "the guest's RIP is not in the trace");
}
