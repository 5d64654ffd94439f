#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# nestedhost: is testhost --host=nested a test host like any other?
#
# Each boot of it takes half a minute, so there are three. None loads minivmm:
# what is tested here is the host, not the module.
set -u

# shellcheck source=selftests/lib/hosttest.sh
. "$(dirname "$0")/../lib/hosttest.sh"
testhost+=(--host=nested --no-module)
# The outer host's emulator is found by where its files are.
export TMPDIR=$work
cd "$top" || exit 1

nothing_left() { ! pgrep -f "$work/testhost" >/dev/null; }

echo "TAP version 13"
echo "1..13"

run --interactive -- true
test_that "--interactive is refused with status 120" all "status_is 120" "says interactive"

head -c 3000 /dev/urandom >"$work/bytes"
cat >"$work/script" <<'END'
echo "to standard output"
echo "to standard error" >&2
cat /sys/class/dmi/id/sys_vendor
echo "$(grep -c '^flags.* vmx ' /proc/cpuinfo) CPUs with VT-x"
ls /dev/kvm
cat /bytes /bytes >/tmp/twice
exit 7
END
run --cpus 2 --kvm --add "$work/bytes" --add "$work/script" --get /tmp/twice:"$work/twice" -- sh /script
cat "$work/bytes" "$work/bytes" >"$work/expected"
test_that "the command's exit status comes back through both hosts" status_is 7
test_that "... and its output" prints "to standard output"
test_that "... and its standard error, alone" all "says ^to.standard.error$" one_line
test_that "the command runs in QEMU" prints QEMU
test_that "... whose processors have VT-x, as many as --cpus says" prints "2 CPUs with VT-x"
test_that "--kvm loads kvm_intel in the inner host" prints /dev/kvm
test_that "--add and --get pass all bytes" cmp -s "$work/twice" "$work/expected"
test_that "neither host stays behind" nothing_left

run -- sh -c 'echo before; sleep 1; echo c >/proc/sysrq-trigger'
test_that "a crash of the inner host is status 122" all "status_is 122" "prints before"
test_that "... and its trace is shown" all "says sysrq_handle_crash" "says Kernel.panic"

run --timeout 60 -- sh -c 'while :; do :; done'
test_that "time running out is status 124" all "status_is 124" "says time.ran.out"
test_that "... and neither host stays behind" nothing_left

[ "$failed" -eq 0 ]
