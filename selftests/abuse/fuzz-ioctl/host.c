// SPDX-License-Identifier: GPL-2.0-only
/*
 * What else a process, and its host, can do meanwhile: descriptors duplicated,
 * closed, mapped and handed to another process; CPUs that go and come back;
 * counters read and events traced.
 *
 * The other process may hold a descriptor but not use it: what it asks of a VM
 * or a vCPU has to be EIO.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"

#define MAPPING		((uint8_t *)0x220000000UL)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0 && errno == EINTR)
		write_file(path, text);
	close(fd);
}

/* ---- the other process ---- */

union fd_message {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec data = { &byte, 1 };
	union fd_message control = {
		.header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			    .cmsg_len = CMSG_LEN(sizeof(int)) },
	};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* -1: the socket has ended; -2: no descriptor in it. */
static int receive_fd(int socket)
{
	char byte;
	struct iovec data = { &byte, 1 };
	union fd_message control;
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	int fd;

	if (got <= 0)
		return got < 0 && errno == EINTR ? -2 : -1;
	if (!CMSG_FIRSTHDR(&message))
		return -2;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static bool is_kind(int fd, const char *kind)
{
	char link[64], target[64] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, target, sizeof(target) - 1) > 0 && strstr(target, kind);
}

static void expect_eio(int fd, unsigned long request)
{
	static uint64_t anything[2 * PAGE];

	if (ioctl(fd, request, anything) >= 0 || errno != EIO)
		violation("another process: ioctl %#lx: %s instead of EIO", request,
			  strerror(errno));
}

static void use_foreign(int fd)
{
	void *page;

	if (is_kind(fd, "-vcpu")) {
		expect_eio(fd, MINIVMM_RUN);
		expect_eio(fd, MINIVMM_GET_REGS);
		expect_eio(fd, MINIVMM_SET_SREGS);
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (page != MAP_FAILED)
			((volatile struct minivmm_run *)page)->immediate_exit = 1;
	} else if (is_kind(fd, "-vm")) {
		expect_eio(fd, MINIVMM_CREATE_VCPU);
		expect_eio(fd, MINIVMM_SET_USER_MEMORY_REGION);
		expect_eio(fd, MINIVMM_CHECK_EXTENSION);
	}
}

/* Holds the last few descriptors: often they outlive their process's own. */
static void other_process(int socket)
{
	int held[4] = { -1, -1, -1, -1 };

	for (unsigned int i = 0;; i++) {
		int fd = receive_fd(socket);

		if (fd == -1)
			_exit(0);
		if (fd < 0)
			continue;
		use_foreign(fd);
		close(held[i % 4]);
		held[i % 4] = fd;
	}
}

int start_other_process(void)
{
	int ends[2];
	pid_t pid;

	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		/* Nothing of ours but the socket. */
		dup2(ends[1], 3);
		syscall(SYS_close_range, 4, ~0U, 0);
		other_process(3);
	}
	close(ends[1]);
	return ends[0];
}

/* ---- descriptors ---- */

static void shuffle_fds(struct worker *w)
{
	enum fd_kind kind = below(&w->rng, NR_KINDS);
	int fd = pick_fd(w, kind), other;

	switch (below(&w->rng, 8)) {
	case 0:
		if (fd > 2)
			close(fd);
		break;
	case 1:		/* over one of any kind */
		other = pick_fd(w, below(&w->rng, NR_KINDS));
		if (fd > 2 && other > 2)
			dup2(fd, other);
		break;
	case 2:
		other = dup(fd);
		if (other > 2)
			keep_fd(w, kind, other);
		break;
	case 3:
		mmap(MAPPING, (1 + below(&w->rng, 4)) * PAGE,
		     below(&w->rng, 8), MAP_FIXED |
		     (below(&w->rng, 2) ? MAP_SHARED : MAP_PRIVATE), fd,
		     below(&w->rng, 4) * PAGE);
		break;
	case 4:
		poke(MAPPING + below(&w->rng, 4 * PAGE), &fd, 4);
		break;
	case 5:
		munmap(MAPPING, 4 * PAGE);
		break;
	default:
		send_fd(w->other_end, fd);
	}
}

/* ---- the host ---- */

static void read_file(const char *path)
{
	char text[2000];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

static void read_folder(const char *path, unsigned int depth)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[600];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR && depth)
			read_folder(name, depth - 1);
		else if (entry->d_type == DT_REG)
			read_file(name);
	}
	if (dir)
		closedir(dir);
}

static const char *debugfs(void)
{
	return on_kvm() ? "/sys/kernel/debug/kvm" : "/sys/kernel/debug/minivmm";
}

static void cpu_online(unsigned int cpu, bool online)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	write_file(path, online ? "1" : "0");
}

void all_cpus_online(void)
{
	for (long cpu = 1; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++)
		cpu_online(cpu, true);
}

static void run_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void trace(bool on)
{
	write_file(on_kvm() ? "/sys/kernel/tracing/events/kvm/enable" :
			      "/sys/kernel/tracing/events/minivmm/enable", on ? "1" : "0");
}

void setup_host(struct worker *w)
{
	struct rng r = rng_for(w->options->seed, w->options->round, 0, 2);

	trace(!below(&r, 4));
}

void step_host(struct worker *w)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_CONF);

	switch (below(&w->rng, 16)) {
	case 0:
		if (cpus > 1 && !below(&w->rng, 2))
			cpu_online(1 + below(&w->rng, cpus - 1), below(&w->rng, 2));
		break;
	case 1:
	case 2:
	case 3:
		run_on(below(&w->rng, cpus));
		break;
	case 4:
		read_folder(debugfs(), 2);
		break;
	case 5:
		usleep(below(&w->rng, 2000));
		break;
	default:
		shuffle_fds(w);
	}
}
