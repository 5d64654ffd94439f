#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# testhost: does the test host do what its --help says?
#
# Each boot of a host takes seconds, so one boot serves several tests.  None
# loads minivmm: what is tested here is the host, not the module.
set -u

# shellcheck source=selftests/lib/hosttest.sh
. "$(dirname "$0")/../lib/hosttest.sh"
testhost+=(--no-module)
cd "$top" || exit 1

echo "TAP version 13"
echo "1..29"

# No host is started for these.
run --no-such-option -- true
test_that "an unknown option is refused with status 120" all "status_is 120" one_line
run
test_that "no command is refused with status 120" all "status_is 120" one_line
run --cpus 0 -- true
test_that "0 CPUs are refused with status 120" all "status_is 120" one_line
run --add /no/such/file -- true
test_that "--add of what is not there is refused with status 120" all "status_is 120" one_line
run --kernel 1.2 -- true
test_that "a kernel that is not here is refused with status 120" all "status_is 120" one_line

# What goes in and out.  make(1) stands for any program with shared libraries.
mkdir -p "$work/folder/sub"
printf 'inside\n' >"$work/folder/sub/file"
for ((i = 0; i < 256; i++)); do
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %02x "$i")"
done >"$work/bytes"
cat >"$work/script" <<'END'
echo "Grüße"
echo "to standard error" >&2
cat /folder/sub/file
/opt/make --version | head -n 1
cat /bytes /bytes >/tmp/twice
ls /dev/kvm
pwd
id -u
exit 7
END
run --kvm --add "$work/folder" --add "$(command -v make):/opt/" --add "$work/bytes" \
	--add "$work/script:/elsewhere/script" --get /tmp/twice:"$work/twice" -- sh /elsewhere/script
cat "$work/bytes" "$work/bytes" >"$work/expected"
test_that "the command's exit status comes back" status_is 7
test_that "UTF-8 comes back as it is, without CR" prints "Grüße"
test_that "standard error is kept apart" all "says ^to.standard.error$" "one_line"
test_that "--add brings a folder in" prints inside
test_that "--add brings shared libraries along" prints "GNU Make .*"
test_that "--kvm loads kvm_intel" prints /dev/kvm
test_that "the command runs as root in /" all "prints /" "prints 0"
test_that "--get brings all bytes back" cmp -s "$work/twice" "$work/expected"

run --cpus 2 --get /no/such/file -- sh -c '
	cd /sys/devices/system/cpu/cpu1
	nproc; echo 0 >online; nproc; echo 1 >online; nproc; no-such-command'
test_that "--cpus 2 gives two, and one can be taken off and brought back" \
	[ "$(tr '\n' ' ' <"$work/out")" = "2 1 2 " ]
test_that "--get of what is not there is status 123" all "status_is 123" "says /no/such/file"
test_that "... and the command's own status (127: not found) is told" says 127

# What goes wrong with a host.
# shellcheck disable=SC2016
run -- sh -c 'echo "WARNING: CPU: 0 PID: 1 at test" >/dev/kmsg; exit 0'
test_that "a WARN in the host's log is status 122" status_is 122
test_that "... and is shown" says "WARNING: CPU: 0 PID: 1 at test"
echo 'int main(void) { asm("hlt"); }' | gcc -x c -static -o "$work/faults" -
run --add "$work/faults" -- sh -c 'faults; dmesg | grep "traps: faults.* general protection fault"
	echo "FAULT_INJECTION: forcing a failure." >/dev/kmsg; echo "Call Trace:" >/dev/kmsg; exit 5'
test_that "a program's fault and a failure by injection are no trouble" all "status_is 5" "prints .*faults.*"
run -- sh -c 'echo "Call Trace:" >/dev/kmsg; exit 5'
test_that "a stack by itself is trouble" status_is 122
run -- sh -c 'echo before; sleep 1; echo c >/proc/sysrq-trigger'
test_that "a crash of the host is status 122" all "status_is 122" "prints before"
test_that "... and its trace is shown" all "says sysrq_handle_crash" "says Kernel.panic"
run -- sh -c 'reboot -f; sleep 60'
test_that "a host that reboots unasked is status 122" status_is 122
run --reboot -- sh -c 'reboot -f; sleep 60'
test_that "--reboot: a host that reboots and comes up is status 0" status_is 0
run --timeout 8 -- sh -c 'while :; do :; done'
test_that "time running out is status 124" all "status_is 124" "says time.ran.out"
run --cmdline rdinit=/no/such/program -- true
test_that "a host that does not boot is status 121" status_is 121
run --kvm --cmdline module_blacklist=kvm -- true
test_that "a module that cannot be loaded is status 121" all "status_is 121" "says cannot.load.kvm"

if [ -c /dev/pts/ptmx ]; then
	# shellcheck disable=SC2016
	printf 'echo $((6 * 7)) $(tty)\nexit 5\n' |
		"${testhost[@]}" --interactive >"$work/out" 2>"$work/err"
	status=$?
	tr -d '\r' <"$work/out" >"$work/text" && mv "$work/text" "$work/out"
	test_that "--interactive is a shell on a terminal" all "status_is 5" "prints 42./dev/ttyS1"
else
	number=$((number + 1))
	echo "ok $number --interactive is a shell on a terminal # SKIP no pseudo-terminals here"
fi

run --package strace -- strace -e trace=exit_group true
test_that "--package brings a Debian package in" all "status_is 0" "says exit_group(0)"

[ "$failed" -eq 0 ]
