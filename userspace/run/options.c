// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line. One table feeds getopt_long() and --help, so that they
 * cannot disagree; selftests/launcher compares the man page with --help.
 *
 * Everything that can be checked without the device is checked here. Read
 * next: machine.c, which builds what the options ask for.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <compiler.h>

#include "message.h"
#include "options.h"

#define VERSION		"0.1"

#define MEMORY_DEFAULT	(16ULL << 20)
#define MEMORY_KERNEL	(256ULL << 20)
#define APPEND_DEFAULT	"console=ttyS0"
#define MEMORY_MIN	(64ULL << 10)
/* Above it is room for devices, and page tables map 4 GiB. */
#define MEMORY_MAX	(3ULL << 30)
#define CPUS_MAX	4096
#define REAL_MODE_END	BIT_ULL(20)
#define PAGE		4096

struct option_entry {
	const char *name;
	char letter;
	const char *argument;
	const char *help;
};

static const struct option_entry table[] = {
	{ "kernel", 'K', "FILE",
	  "boot this Linux kernel (bzImage or vmlinux) instead of guest.bin" },
	{ "initrd", 'i', "FILE", "with --kernel: its initial file system" },
	{ "append", 'a', "STRING",
	  "with --kernel: its command line (default " APPEND_DEFAULT ")" },
	{ "no-reboot", 'n', NULL, "with --kernel: end when the guest resets itself" },
	{ "save", 'S', "FILE",
	  "with --kernel: write the guest's state there on SIGUSR2 or Ctrl-A s, and end" },
	{ "restore", 'R', "FILE", "go on with a guest from such a file" },
	{ "mode",    'M', "BITS", "start in 16-, 32- or 64-bit mode (default 64)" },
	{ "load", 'l', "ADDRESS",
	  "load guest.bin there (default 0x7c00 with --mode 16, else 0x100000)" },
	{ "entry",   'e', "ADDRESS", "start there (default: the load address)" },
	{ "memory", 'm', "SIZE",
	  "guest memory, with suffix K, M or G (default 16M, with --kernel 256M)" },
	{ "cpus",    'c', "N", "number of vCPUs, each a thread (default 1)" },
	{ "device", 'd', "PATH",
	  "hypervisor device (default " VMM_DEFAULT_DEVICE "; /dev/kvm works too)" },
	{ "trace",   't', NULL, "print each exit in words on standard error" },
	{ "strict",  's', NULL, "stop at a port or MMIO access that no device answers" },
	{ "check",   'k', NULL, "say whether this machine can run guests and, if not, why" },
	{ "help",    'h', NULL, "print this help" },
	{ "version", 'V', NULL, "print the version" },
};

static void print_help(void)
{
	char option[40];
	unsigned int i;

	printf("Usage: minivmm-run [options] guest.bin\n"
	       "       minivmm-run [options] --kernel FILE | --restore FILE\n"
	       "Run a flat binary or a Linux kernel as a virtual machine; its serial port is\n"
	       "this terminal.\n\n");
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(option, sizeof(option), "-%c, --%s%s%s",
			 table[i].letter, table[i].name,
			 table[i].argument ? " " : "",
			 table[i].argument ? table[i].argument : "");
		printf("  %-22s %s\n", option, table[i].help);
	}
	printf("\nOn a terminal, Ctrl-A x leaves and Ctrl-A ? prints the other keys.\n"
	       "Exit status: what the guest writes to port 0xf4, 0 when all vCPUs have halted or\n"
	       "a kernel has switched itself off, 2 when it could not start, 125 when the\n"
	       "guest broke. More in minivmm-run(1).\n");
}

/* A number in C's notation, with a suffix where @suffixes allows one. */
static __u64 parse_number(const char *option, const char *text,
			  bool suffixes)
{
	unsigned long long value;
	unsigned int shift = 0;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	/* strtoull() takes "-1" and leading blanks; no option here does. */
	if (!isdigit((unsigned char)text[0]) || errno)
		goto wrong;
	if (suffixes && *end) {
		switch (toupper((unsigned char)*end)) {
		case 'K':
			shift = 10;
			break;
		case 'M':
			shift = 20;
			break;
		case 'G':
			shift = 30;
			break;
		default:
			goto wrong;
		}
		end++;
	}
	if (*end || value << shift >> shift != value)
		goto wrong;
	return value << shift;
wrong:
	fatal_err("--%s '%s' is not a %s; give for instance %s",
		  option, text, suffixes ? "size" : "number",
		  suffixes ? "64K, 16M or 1G" : "0x1000");
}

static enum vmm_mode parse_mode(const char *text)
{
	if (!strcmp(text, "16"))
		return VMM_MODE_16;
	if (!strcmp(text, "32"))
		return VMM_MODE_32;
	if (!strcmp(text, "64"))
		return VMM_MODE_64;
	fatal_err("--mode '%s' does not exist; give 16, 32 or 64", text);
}

static unsigned int parse_cpus(const char *text)
{
	__u64 n = parse_number("cpus", text, false);

	if (n < 1 || n > CPUS_MAX)
		fatal_err("--cpus %llu is out of range; give 1 to %d",
			  n, CPUS_MAX);
	return (unsigned int)n;
}

static __u64 parse_memory(const char *text)
{
	__u64 size = parse_number("memory", text, true);

	if (size < MEMORY_MIN || size > MEMORY_MAX)
		fatal_err("--memory %s is out of range; give 64K to 3G",
			  text);
	if (size % PAGE)
		fatal_err("--memory %s is not a multiple of 4096; round it",
			  text);
	return size;
}

/* Where the first byte may be, and why not. */
static void check_addresses(const struct options *o)
{
	if (o->mode == VMM_MODE_16 &&
	    (o->load >= REAL_MODE_END || o->entry >= REAL_MODE_END))
		fatal_err("16-bit mode reaches only the first 1M of memory; choose --load and --entry below 0x100000");
	if (o->mode == VMM_MODE_32 && o->load < VMM_TABLES_END_32)
		fatal_err("--load 0x%llx is where the GDT for 32-bit mode goes; choose 0x%x or more",
			  o->load, VMM_TABLES_END_32);
	if (o->mode == VMM_MODE_64 && o->load < VMM_TABLES_END_64)
		fatal_err("--load 0x%llx is where the page tables for 64-bit mode go; choose 0x%x or more",
			  o->load, VMM_TABLES_END_64);
	if (o->load >= o->memory)
		fatal_err("--load 0x%llx is outside the guest's memory of 0x%llx bytes; choose a lower address or more --memory",
			  o->load, o->memory);
	if (o->entry >= o->memory)
		fatal_err("--entry 0x%llx is outside the guest's memory of 0x%llx bytes; choose a lower address or more --memory",
			  o->entry, o->memory);
}

static void make_getopt_tables(struct option *longs, char *shorts)
{
	unsigned int i;

	/* ':' first: getopt_long() tells a missing argument from the rest. */
	*shorts++ = ':';
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		longs[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].argument ? required_argument :
						       no_argument,
			.val = table[i].letter,
		};
		*shorts++ = table[i].letter;
		if (table[i].argument)
			*shorts++ = ':';
	}
	*shorts = '\0';
	longs[i] = (struct option){ 0 };
}

/* What was given, of the options whose default depends on others. */
struct given {
	bool mode, load, entry, memory, cpus;
};

static void take_option(struct options *o, int letter, struct given *given)
{
	switch (letter) {
	case 'K':
		o->kernel = optarg;
		break;
	case 'i':
		o->initrd = optarg;
		break;
	case 'a':
		o->append = optarg;
		break;
	case 'n':
		o->no_reboot = true;
		break;
	case 'S':
		o->save = optarg;
		break;
	case 'R':
		o->restore = optarg;
		break;
	case 'M':
		o->mode = parse_mode(optarg);
		given->mode = true;
		break;
	case 'l':
		o->load = parse_number("load", optarg, false);
		given->load = true;
		break;
	case 'e':
		o->entry = parse_number("entry", optarg, false);
		given->entry = true;
		break;
	case 'm':
		o->memory = parse_memory(optarg);
		given->memory = true;
		break;
	case 'c':
		o->cpus = parse_cpus(optarg);
		given->cpus = true;
		break;
	case 'd':
		o->device = optarg;
		break;
	case 't':
		o->trace = true;
		break;
	case 's':
		o->strict = true;
		break;
	case 'k':
		o->check = true;
		break;
	case 'h':
		print_help();
		exit(0);
	case 'V':
		printf("minivmm-run %s\n", VERSION);
		exit(0);
	}
}

static void finish_kernel(struct options *o, const struct given *given,
			  const char *guest)
{
	if (guest)
		fatal_err("one guest at a time; leave '%s' or --kernel out",
			  guest);
	if (given->mode || given->load || given->entry)
		fatal_err("a kernel's file says where it goes and starts; leave --%s out",
			  given->mode ? "mode" : given->load ? "load" : "entry");
	if (!o->append)
		o->append = APPEND_DEFAULT;
	if (!given->memory)
		o->memory = MEMORY_KERNEL;
}

bool options_fit_kernel(__u64 memory, unsigned int cpus)
{
	return memory >= MEMORY_MIN && memory <= MEMORY_MAX &&
	       !(memory % PAGE) && cpus >= 1 && cpus <= CPUS_MAX;
}

static void finish_restore(struct options *o, const struct given *given,
			   const char *guest)
{
	if (guest || o->kernel || o->initrd || o->append)
		fatal_err("a saved state has its guest; leave '%s' out",
			  guest ? guest : o->kernel ? o->kernel :
			  o->initrd ? o->initrd : o->append);
	if (given->mode || given->load || given->entry || given->memory ||
	    given->cpus)
		fatal_err("a saved state says what its machine is like; leave --%s out",
			  given->mode ? "mode" : given->load ? "load" :
			  given->entry ? "entry" : given->memory ? "memory" :
			  "cpus");
	/* There is nothing to start again from. */
	o->no_reboot = true;
}

static void finish_binary(struct options *o, const struct given *given,
			  char **guests)
{
	if (o->initrd || o->append || o->no_reboot || o->save)
		fatal_err("--%s is for a kernel; give one with --kernel",
			  o->initrd ? "initrd" : o->append ? "append" :
			  o->save ? "save" : "no-reboot");
	if (!guests[0])
		fatal_err("no guest given; see minivmm-run --help");
	if (guests[1])
		fatal_err("one guest at a time; leave '%s' out", guests[1]);
	o->guest = guests[0];
	if (!given->load)
		o->load = o->mode == VMM_MODE_16 ? 0x7c00 : 0x100000;
	if (!given->entry)
		o->entry = o->load;
	check_addresses(o);
}

void options_parse(struct options *options, int argc, char **argv)
{
	char shorts[2 + 2 * ARRAY_SIZE(table)];
	struct option longs[ARRAY_SIZE(table) + 1];
	struct given given = { 0 };
	int letter;

	*options = (struct options){
		.device = VMM_DEFAULT_DEVICE,
		.mode = VMM_MODE_64,
		.memory = MEMORY_DEFAULT,
		.cpus = 1,
	};
	make_getopt_tables(longs, shorts);
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == ':')
			fatal_err("option '%s' needs an argument; see minivmm-run --help",
				  argv[optind - 1]);
		/* Of letters written together, optopt names the wrong one. */
		if (letter == '?' && optopt && strncmp(argv[optind - 1], "--", 2))
			fatal_err("there is no option '-%c'; see minivmm-run --help",
				  optopt);
		if (letter == '?')
			fatal_err("there is no option '%s'; see minivmm-run --help",
				  argv[optind - 1]);
		take_option(options, letter, &given);
	}

	if (options->check) {
		if (optind != argc)
			fatal_err("--check runs no guest; leave '%s' out",
				  argv[optind]);
		return;
	}
	options->pc = options->kernel || options->restore;
	if (options->restore)
		finish_restore(options, &given, argv[optind]);
	else if (options->kernel)
		finish_kernel(options, &given, argv[optind]);
	else
		finish_binary(options, &given, argv + optind);
}
