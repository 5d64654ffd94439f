// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line: what is wrong is refused with one line that says what to
 * do, and exit status 2, before any guest runs. (That --help and the man page
 * name the same options is tested in selftests/docs/launcher-options.)
 */
#include "launch.h"

static struct result r;

TEST(help)
{
	launch(&r, "", "--help");
	EXPECT_EQ(0, r.status);
	EXPECT_TEXT(r.err, "");
	EXPECT_CONTAINS(r.out, "Usage: minivmm-run [options] guest.bin\n");
	launch(&r, "", "-h");
	EXPECT_EQ(0, r.status);
	EXPECT_CONTAINS(r.out, "Usage: minivmm-run [options] guest.bin\n");
}

TEST(version)
{
	launch(&r, "", "--version");
	EXPECT_EQ(0, r.status);
	EXPECT_TEXT(r.err, "");
	EXPECT(!strncmp(r.out, "minivmm-run ", 12), "%s", r.out);
}

TEST(no_guest)
{
	launch(&r, "", NULL);
	EXPECT_REFUSED(&r, "no guest given; see minivmm-run --help");
	launch(&r, "", "--trace");
	EXPECT_REFUSED(&r, "no guest given; see minivmm-run --help");
}

TEST(two_guests)
{
	launch(&r, "", "a.bin", "b.bin");
	EXPECT_REFUSED(&r, "one guest at a time; leave 'b.bin' out");
}

TEST(unknown_options)
{
	launch(&r, "", "--colour", "a.bin");
	EXPECT_REFUSED(&r,
		       "there is no option '--colour'; see minivmm-run --help");
	launch(&r, "", "-tq", "a.bin");
	EXPECT_REFUSED(&r, "there is no option '-q'; see minivmm-run --help");
	launch(&r, "", "--trace=yes", "a.bin");
	EXPECT_REFUSED(&r,
		       "there is no option '--trace=yes'; see minivmm-run --help");
}

TEST(missing_arguments)
{
	launch(&r, "", "a.bin", "--memory");
	EXPECT_REFUSED(&r,
		       "option '--memory' needs an argument; see minivmm-run --help");
	launch(&r, "", "a.bin", "-m");
	EXPECT_REFUSED(&r,
		       "option '-m' needs an argument; see minivmm-run --help");
}

TEST(wrong_modes)
{
	launch(&r, "", "--mode", "48", "a.bin");
	EXPECT_REFUSED(&r, "--mode '48' does not exist; give 16, 32 or 64");
	launch(&r, "", "-M", "", "a.bin");
	EXPECT_REFUSED(&r, "--mode '' does not exist; give 16, 32 or 64");
}

TEST(memory_that_is_no_size)
{
	static const char * const wrong[] = {
		"", "x", "-1", " 1M", "+1M", "1T", "1MB", "1M1", "0x", "1 M",
		/* Overflow in digits, and by the suffix. */
		"99999999999999999999", "0x4000000000000000G", NULL
	};
	char line[200];
	size_t i;

	for (i = 0; wrong[i]; i++) {
		launch(&r, "", "--memory", wrong[i], "a.bin");
		EXPECT_EQ(2, r.status);
		snprintf(line, sizeof(line),
			 "minivmm-run: --memory '%s' is not a size; give for instance 64K, 16M or 1G\n",
			 wrong[i]);
		EXPECT_TEXT(line, r.err);
	}
}

TEST(memory_out_of_range)
{
	launch(&r, "", "-m", "0", "a.bin");
	EXPECT_REFUSED(&r, "--memory 0 is out of range; give 64K to 3G");
	launch(&r, "", "-m", "60K", "a.bin");
	EXPECT_REFUSED(&r, "--memory 60K is out of range; give 64K to 3G");
	launch(&r, "", "-m", "3073M", "a.bin");
	EXPECT_REFUSED(&r, "--memory 3073M is out of range; give 64K to 3G");
	launch(&r, "", "-m", "100000", "a.bin");
	EXPECT_REFUSED(&r,
		       "--memory 100000 is not a multiple of 4096; round it");
}

TEST(wrong_numbers_of_cpus)
{
	launch(&r, "", "--cpus", "0", "a.bin");
	EXPECT_REFUSED(&r, "--cpus 0 is out of range; give 1 to 4096");
	launch(&r, "", "-c", "4097", "a.bin");
	EXPECT_REFUSED(&r, "--cpus 4097 is out of range; give 1 to 4096");
	launch(&r, "", "-c", "two", "a.bin");
	EXPECT_REFUSED(&r,
		       "--cpus 'two' is not a number; give for instance 0x1000");
	launch(&r, "", "-c", "2K", "a.bin");
	EXPECT_REFUSED(&r,
		       "--cpus '2K' is not a number; give for instance 0x1000");
}

/* More than the device allows, which only the device knows. */
TEST(more_cpus_than_the_device_allows)
{
	launch_device(&r, "", "--cpus", "4096", guest("hello64"));
	EXPECT_EQ(2, r.status);
	EXPECT_CONTAINS(r.err, "minivmm-run: --cpus 4096 is more than the ");
	EXPECT_CONTAINS(r.err, " allows; give fewer\n");
}

TEST(addresses_that_are_not_numbers)
{
	launch(&r, "", "--load", "here", "a.bin");
	EXPECT_REFUSED(&r,
		       "--load 'here' is not a number; give for instance 0x1000");
	launch(&r, "", "--entry", "-4", "a.bin");
	EXPECT_REFUSED(&r,
		       "--entry '-4' is not a number; give for instance 0x1000");
}

TEST(addresses_outside_memory)
{
	launch(&r, "", "--load", "0x1000000", "a.bin");
	EXPECT_REFUSED(&r,
		       "--load 0x1000000 is outside the guest's memory of 0x1000000 bytes; choose a lower address or more --memory");
	launch(&r, "", "--entry", "0x1000000", "a.bin");
	EXPECT_REFUSED(&r,
		       "--entry 0x1000000 is outside the guest's memory of 0x1000000 bytes; choose a lower address or more --memory");
	launch(&r, "", "--memory", "64K", "a.bin");
	EXPECT_REFUSED(&r,
		       "--load 0x100000 is outside the guest's memory of 0x10000 bytes; choose a lower address or more --memory");
}

TEST(addresses_that_tables_need)
{
	launch(&r, "", "--load", "0x7fff", "a.bin");
	EXPECT_REFUSED(&r,
		       "--load 0x7fff is where the page tables for 64-bit mode go; choose 0x8000 or more");
	launch(&r, "", "--mode", "32", "--load", "0x1fff", "a.bin");
	EXPECT_REFUSED(&r,
		       "--load 0x1fff is where the GDT for 32-bit mode goes; choose 0x2000 or more");
}

TEST(addresses_that_real_mode_cannot_reach)
{
	launch(&r, "", "--mode", "16", "--load", "0x100000", "a.bin");
	EXPECT_REFUSED(&r,
		       "16-bit mode reaches only the first 1M of memory; choose --load and --entry below 0x100000");
	launch(&r, "", "--mode", "16", "--entry", "0x100000", "a.bin");
	EXPECT_REFUSED(&r,
		       "16-bit mode reaches only the first 1M of memory; choose --load and --entry below 0x100000");
}

TEST(guests_that_cannot_be_read)
{
	launch_device(&r, "", "/nowhere.bin");
	EXPECT_REFUSED(&r,
		       "cannot open guest /nowhere.bin: No such file or directory; check the path");
	launch_device(&r, "", "/");
	EXPECT_REFUSED(&r,
		       "cannot read guest /: Is a directory; give a flat binary");
	launch_device(&r, "", "/dev/null");
	EXPECT_REFUSED(&r, "guest /dev/null is empty; give a flat binary");
}

TEST(guest_larger_than_memory)
{
	launch_device(&r, "", "/dev/zero");
	EXPECT_REFUSED(&r,
		       "guest /dev/zero does not fit in memory: only 15728640 bytes from 0x100000 on; give more --memory");
}

/* One byte too many is too many, and none is none. */
TEST(guest_that_just_fits)
{
	static unsigned char bytes[0x801] = { 0xf4 };

	launch_device(&r, "", "-m", "64K", "--load", "0xf800",
		      guest_file(bytes, 0x800));
	EXPECT_EQ(0, r.status);
	EXPECT_TEXT(r.err, "");
	launch_device(&r, "", "-m", "64K", "--load", "0xf800",
		      guest_file(bytes, 0x801));
	EXPECT_EQ(2, r.status);
	EXPECT_CONTAINS(r.err,
			" does not fit in memory: only 2048 bytes from 0xf800 on; give more --memory\n");
}

TEST(devices_that_are_none)
{
	launch(&r, "", "--device", "/dev/nothing", guest("hello64"));
	EXPECT_REFUSED(&r,
		       "/dev/nothing does not exist; load the module (insmod module/minivmm.ko)");
	launch(&r, "", "--device", "/dev/null", guest("hello64"));
	EXPECT_REFUSED(&r,
		       "/dev/null is not a hypervisor's device; give the path of minivmm's or of KVM's");
}

/* A node without a driver, as after rmmod with a stale /dev. */
TEST(device_without_a_driver)
{
	/* 250 is in the range for dynamic majors; 249:77 is nobody's here. */
	mknod("/dev/nodriver", S_IFCHR | 0600, 249 << 8 | 77);
	launch(&r, "", "--device", "/dev/nodriver", guest("hello64"));
	EXPECT_REFUSED(&r,
		       "no driver behind /dev/nodriver; load the module (insmod module/minivmm.ko)");
	unlink("/dev/nodriver");
}

TEST(device_without_permission)
{
	if (getuid())
		SKIP("only root can give up root");
	chmod(userspace("minivmm-run"), 0755);
	mknod("/dev/secret", S_IFCHR | 0600, 1 << 8 | 3);
	ASSERT_OK(setuid(65534));
	launch(&r, "", "--device", "/dev/secret", guest("hello64"));
	EXPECT_REFUSED(&r,
		       "no permission to open /dev/secret; run as root, or join the group that owns it");
}

TEST(check_of_a_machine_that_can)
{
	launch_device(&r, "", "--check");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(0, r.status);
	EXPECT_CONTAINS(r.out, "yes   processor: Intel with VT-x");
	EXPECT_CONTAINS(r.out,
			"yes   trial: a VM was created and a guest of one instruction ran\n");
	EXPECT_CONTAINS(r.out, "This machine can run guests on ");
}

TEST(check_of_a_machine_that_cannot)
{
	launch(&r, "", "--check", "--device", "/dev/nothing");
	EXPECT_EQ(2, r.status);
	EXPECT_CONTAINS(r.out,
			"no    device: /dev/nothing: No such file or directory; load the module that makes it\n");
	EXPECT_CONTAINS(r.out,
			"no    trial: /dev/nothing does not exist; load the module (insmod module/minivmm.ko)\n");
	EXPECT_CONTAINS(r.out,
			"This machine cannot run guests on /dev/nothing; the lines with \"no\" say why.\n");
}

TEST(check_with_a_guest)
{
	launch(&r, "", "--check", "a.bin");
	EXPECT_REFUSED(&r, "--check runs no guest; leave 'a.bin' out");
}

TEST(saved_state_excludes_what_it_has)
{
	launch(&r, "", "--restore", "/saved", "a.bin");
	EXPECT_REFUSED(&r, "a saved state has its guest; leave 'a.bin' out");
	launch(&r, "", "--restore", "/saved", "--append", "quiet");
	EXPECT_REFUSED(&r, "a saved state has its guest; leave 'quiet' out");
	launch(&r, "", "--restore", "/saved", "--cpus", "2");
	EXPECT_REFUSED(&r,
		       "a saved state says what its machine is like; leave --cpus out");
	launch(&r, "", "--save", "/saved", "a.bin");
	EXPECT_REFUSED(&r, "--save is for a kernel; give one with --kernel");
	launch_device(&r, "", "--restore", "/nowhere");
	EXPECT_REFUSED(&r,
		       "cannot open saved state /nowhere: No such file or directory; check the path");
}

TEST(kernel_and_flat_binary_exclude_each_other)
{
	launch(&r, "", "--kernel", "/vmlinuz", "a.bin");
	EXPECT_REFUSED(&r, "one guest at a time; leave 'a.bin' or --kernel out");
	launch(&r, "", "--kernel", "/vmlinuz", "--mode", "32");
	EXPECT_REFUSED(&r,
		       "a kernel's file says where it goes and starts; leave --mode out");
	launch(&r, "", "--kernel", "/vmlinuz", "--load", "0x100000");
	EXPECT_REFUSED(&r,
		       "a kernel's file says where it goes and starts; leave --load out");
	launch(&r, "", "--initrd", "/initrd", "a.bin");
	EXPECT_REFUSED(&r, "--initrd is for a kernel; give one with --kernel");
	launch(&r, "", "--append", "quiet", "a.bin");
	EXPECT_REFUSED(&r, "--append is for a kernel; give one with --kernel");
	launch(&r, "", "--no-reboot", "a.bin");
	EXPECT_REFUSED(&r, "--no-reboot is for a kernel; give one with --kernel");
}

/* As large as a kernel's headers, and empty but for some bytes. */
static const char *kernel_file(unsigned int at, const void *bytes, size_t size)
{
	static unsigned char file[8192];

	memset(file, 0, sizeof(file));
	memcpy(file + at, bytes, size);
	return guest_file(file, sizeof(file));
}

TEST(kernel_files_that_are_none)
{
	const char *path;
	char line[256];

	launch_device(&r, "", "--kernel", "/nowhere");
	EXPECT_REFUSED(&r,
		       "cannot open kernel /nowhere: No such file or directory; check the path");
	launch_device(&r, "", "--kernel", "/dev/null");
	EXPECT_REFUSED(&r, "kernel /dev/null is empty; check the path");
	path = kernel_file(0, "text", 4);
	launch_device(&r, "", "--kernel", path);
	snprintf(line, sizeof(line),
		 "cannot boot %s: it is neither a bzImage (/boot/vmlinuz-*) nor an ELF file (vmlinux); give one of these to --kernel, or a flat binary without --kernel",
		 path);
	EXPECT_REFUSED(&r, line);
	launch_device(&r, "", "--kernel", path, "--initrd", "/nowhere");
	EXPECT_REFUSED(&r,
		       "cannot open initrd /nowhere: No such file or directory; check the path");
	path = kernel_file(0, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0", 20);
	launch_device(&r, "", "--kernel", path);
	snprintf(line, sizeof(line),
		 "cannot boot %s: it is an ELF file for another processor (machine 183); give an x86 kernel to --kernel",
		 path);
	EXPECT_REFUSED(&r, line);
}

/* This very program is an x86 ELF file, and no kernel. */
TEST(kernel_that_is_a_program)
{
	launch_device(&r, "", "--kernel", userspace("minivmm-run"));
	EXPECT_EQ(2, r.status);
	EXPECT_CONTAINS(r.err,
			"it is an ELF file without an entry for PVH; give the kernel's bzImage (vmlinuz), or build it with CONFIG_PVH\n");
}
