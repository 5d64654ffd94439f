# SPDX-License-Identifier: GPL-2.0-only
#
# minivmm: `make help` lists what can be asked for.
#
# The module is built for the kernel in KDIR: that of the running kernel if its
# headers are installed, else that of the test host (which scripts/setup gets).
# A test host whose kernel needs a newer compiler than this machine's has one of
# its own, and its module stays beside that kernel.

MAKEFLAGS += --no-print-directory

KERNEL	?= 6.1
# What the tests run on, and for what else the module has to build
KERNELS	?= 6.1 debug
BUILDS	:= 6.1 6.12 7.2
ALL	:= $(BUILDS) debug nested
CACHE	:= $(abspath $(or $(MINIVMM_CACHE),build))
KHOST	:= $(CACHE)/kernel/$(KERNEL)
RUNNING	:= /lib/modules/$(shell uname -r)/build
KDIR	?= $(if $(wildcard $(RUNNING)/Makefile),$(RUNNING),$(KHOST)/headers)

all: module userspace selftests ## build everything (the default)

help: ## list the targets
	@echo 'Targets:'
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
	@echo 'Variables:'
	@echo '  KDIR=DIR    headers of the kernel to build the module for'
	@echo '              (now $(KDIR))'
	@echo '  KERNEL=V    the test host'"'"'s kernel: 6.1 (the default), 6.12, 7.2'
	@echo '  HOST=nested make bench there (auto, bochs, qemu, nested, native)'
	@echo '  KERNELS=... what make test runs on: kernels, debug, nested'
	@echo '              (now $(KERNELS))'
	@echo '  SECONDS=N   how long make fuzz takes (60)'
	@echo '  V=1         show each command of the build'

module: ## build module/minivmm.ko for the kernel in KDIR
ifneq ($(and $(filter $(KHOST)/headers,$(KDIR)),$(wildcard $(KHOST)/chroot)),)
	@scripts/build-module $(KERNEL)
	@echo '$(KHOST)/minivmm/module/minivmm.ko is built'
else
	@test -e $(KDIR)/Makefile || { echo 'make: no kernel headers in $(KDIR): run "make setup" for the test host,' \
		'or "apt-get install linux-headers-$(shell uname -r)" for this machine' >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules
endif

userspace: ## build minivmm-run and the sample guests
	$(MAKE) -C userspace

selftests: ## build the tests and the benchmarks
	$(MAKE) -C selftests

setup: ## get what building and testing need: packages, a kernel, Bochs
	@scripts/setup --kernel $(KERNEL)

# What follows builds for itself: KDIR may be there only after setup.
demo: setup ## boot the test host and run the sample guests in it
	@scripts/demo --kernel $(KERNEL)

test: ## run all tests; ends with "N passed, N failed, N skipped"
	@scripts/setup --kernel "$(filter-out nested,$(KERNELS)) $(BUILDS)"
	@scripts/run-tests --on "$(KERNELS)" --also-build "$(BUILDS)"

test-all: ## the tests on every kernel and host, and ten minutes of fuzzing
	@LONG=1 $(MAKE) test KERNELS="$(ALL)"
	@$(MAKE) fuzz SECONDS=600

bench: setup ## time minivmm beside kvm_intel, into Documentation/bench.md
	@$(MAKE) all
	@scripts/bench --kernel $(KERNEL) $(if $(filter command,$(origin HOST)),--host=$(HOST))
	@$(if $(filter nested,$(HOST)),:,scripts/bench-linux)

fuzz: setup ## look for new findings for SECONDS=60 (needs clang)
	@$(MAKE) -C selftests/fuzz fuzz

check: ## style and static checks, as far as their tools are installed
	@scripts/check

# Not kbuild's own clean: it would look for object files in build/ too.
clean: ## remove what was built (build/ keeps what was fetched)
	find Kbuild module '(' -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '*.o.d' ')' -delete
	$(RM) modules.order Module.symvers .modules.order.cmd .Module.symvers.cmd .module-common.o
	$(RM) module/modules.order module/.modules.order.cmd
	$(MAKE) -C userspace clean
	$(MAKE) -C selftests clean

.PHONY: all help module userspace selftests setup demo test test-all bench fuzz check clean
