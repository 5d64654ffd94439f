// SPDX-License-Identifier: GPL-2.0-only
/*
 * minivmm.ko as a module; see module.h.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktap.h"
#include "module.h"

int module_file(void)
{
	static const char * const places[] = {
		"/testhost/modules/minivmm.ko", "/minivmm.ko", "module/minivmm.ko",
	};
	const char *path = getenv("MINIVMM_MODULE");
	int fd = -1;

	if (path)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	for (unsigned int i = 0; fd < 0 && i < sizeof(places) / sizeof(places[0]); i++)
		fd = open(places[i], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("minivmm.ko is not here: set MINIVMM_MODULE");
	return fd;
}

void module_load_with(const char *parameters)
{
	int fd = module_file();

	ASSERT_OK(syscall(SYS_finit_module, fd, parameters, 0));
	close(fd);
	/* udev or devtmpfs makes the node */
	for (unsigned int i = 0; access(device_path(), R_OK) && i < 100; i++)
		usleep(10000);
}

void module_load(void)
{
	module_load_with("");
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "minivmm", O_NONBLOCK);
}

char module_parameter(const char *name)
{
	char path[100], now = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/minivmm/parameters/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_OK(fd);
	ASSERT_EQ(1, read(fd, &now, 1));
	close(fd);
	return now;
}

void module_reload(const char *parameters, const char *name, char expected)
{
	MINIVMM_ONLY("it is about a parameter of the module minivmm");
	ASSERT_OK(module_unload());
	module_load_with(parameters);
	EXPECT_EQ(expected, module_parameter(name));
}

bool vmx_has(const char *feature)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[4096], word[40];
	bool found = false;

	ASSERT_TRUE(file);
	snprintf(word, sizeof(word), " %s ", feature);
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = ' ';
		found = !strncmp(line, "vmx flags", 9) && strstr(line, word);
	}
	fclose(file);
	return found;
}

unsigned long long host_timer_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long long sum = 0;
	char line[4096], *at, *end;

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "LOC:");
		if (!at)
			continue;
		for (at += strlen("LOC:"); ; at = end) {
			unsigned long long count = strtoull(at, &end, 10);

			if (end == at)
				break;
			sum += count;
		}
	}
	fclose(file);
	return sum;
}

long module_references(void)
{
	char text[32] = "";
	int fd = open("/sys/module/minivmm/refcnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		SKIP("/sys/module/minivmm/refcnt: %s", strerror(errno));
	close(fd);
	return strtol(text, NULL, 10);
}

int module_vms(void)
{
	DIR *dir = opendir(MODULE_DEBUGFS);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		SKIP("%s: %s", MODULE_DEBUGFS, strerror(errno));
	/* PID-FD: nothing else there begins with a digit */
	while ((entry = readdir(dir)))
		count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
	closedir(dir);
	return count;
}

/* The number that follows @name and a tab in a line; false: there is no such line. */
static bool find_number(const char *path, const char *name, unsigned long long *number)
{
	size_t len = strlen(name);
	bool found = false;
	char line[100];
	FILE *file = fopen(path, "r");

	if (!file)
		SKIP("%s: %s", path, strerror(errno));
	while (!found && fgets(line, sizeof(line), file)) {
		found = !strncmp(line, name, len) && line[len] == '\t';
		if (found)
			*number = strtoull(line + len, NULL, 10);
	}
	fclose(file);
	return found;
}

unsigned long long vm_stat(struct vm *vm, const char *name)
{
	unsigned long long number = 0;
	char path[100];

	snprintf(path, sizeof(path), MODULE_DEBUGFS "/%d-%d/stats", getpid(), vm->fd);
	ASSERT(find_number(path, name, &number), "no %s in %s", name, path);
	return number;
}

unsigned long long vm_exits(struct vm *vm, unsigned int vcpu, const char *reason)
{
	unsigned long long number = 0;
	char path[100];

	snprintf(path, sizeof(path), MODULE_DEBUGFS "/%d-%d/vcpu%u/exits", getpid(), vm->fd,
		 vcpu);
	find_number(path, reason, &number);
	return number;
}
