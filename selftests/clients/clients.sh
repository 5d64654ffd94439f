#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# clients.sh: does an unmodified QEMU run unmodified guests on minivmm?
#
# One host, with QEMU and the guests from Debian's packages; in-host runs in it. DEVICE=kvm
# asks the same of kvm_intel. LONG=1 takes all combinations.
set -u

# shellcheck source=selftests/lib/hosttest.sh
. "$(dirname "$0")/../lib/hosttest.sh"
here=$top/selftests/clients
device=${DEVICE:-minivmm}
kernel=$cache/kernel/6.1

# Each of: a machine, the kernel's irqchip or half of it, one CPU or two
cases=(
	linux:q35:on:2
	linux:microvm:on:1
	linux:q35:split:1
	grub memtest
)
if [ -n "${LONG:-}" ]; then
	cases+=(
		linux:microvm:split:2
		linux:microvm:on:2
		linux:microvm:split:1
		linux:q35:on:1
		linux:q35:split:2
	)
fi
[ $# -eq 0 ] || cases=("$@")

options=(--memory 1024 --timeout 900)
for package in qemu-system-x86 grub-pc-bin grub-common memtest86+; do
	options+=(--package "$package")
done
if [ "$device" = kvm ]; then
	options+=(--kvm --no-module)
fi

# Of the case that is looked at; else of the whole run
explain() {
	if [ -e "$output" ]; then
		tail -n 40 "$output"
	else
		tail -n 40 "$work/all" "$work/errors"
	fi
}

says() { grep -q -- "$1" "$output" 2>/dev/null; }
ended() { grep -q "^@@ end $1 0\$" "$work/all"; }
says_not() { ! says "$1"; }

# In one go: what the guest printed before it went off. 3245: the primes below 30000.
linux_went_well() {
	ended "$1" && says "guest: ${1##*:} CPUs, ${1##*:} of them counted 3245 primes below 30000" &&
		says "guest: a sleep of 200 ms ends" && says "guest: end"
}

# The packages and the kernel are there only after setup.
kernel_elf() {
	python3 -B -c "import sys; sys.path.insert(0, '$top/scripts/testhost.d')
import kernel; print(kernel.Kernel('$kernel').vmlinux())"
}

echo "TAP version 13"
plan=1
for case in "${cases[@]}"; do
	case $case in
	linux:*) plan=$((plan + 3)) ;;
	*) plan=$((plan + 1)) ;;
	esac
done
echo "1..$plan"

output=
"${testhost[@]}" "${options[@]}" --add "$cache/selftests/clients/guest-init:/clients/guest-init" \
	--add "$(kernel_elf):/clients/vmlinux" --add "$here/in-host:/clients/in-host" \
	-- /clients/in-host "$device" "${cases[@]}" 2>"$work/errors" </dev/null |
	tr -d '\r' >"$work/all"
status=${PIPESTATUS[0]}

for case in "${cases[@]}"; do
	output="$work/$case"
	sed -n "/^@@ begin $case\$/,/^@@ end $case /p" "$work/all" >"$output"
	case $case in
	linux:*)
		test_that "$case: Linux boots, computes and goes off" linux_went_well "$case"
		test_that "$case: ... keeps time by kvm-clock" says "guest: current_clocksource: kvm-clock"
		test_that "$case: ... and its log has no trouble" says "guest: nothing in the log"
		;;
	grub) test_that "SeaBIOS boots GRUB from a disk, which answers at its prompt" \
		all "says This.is.GRUB.speaking" "ended grub" ;;
	memtest) test_that "memtest86+ gets to its fourth test without an error" all \
		"ended memtest" "says Errors:.0" "says_not Errors:.*[1-9]" ;;
	esac
done
output=
test_that "the host has nothing to say against it" [ "$status" -eq 0 ]
[ "$failed" -eq 0 ]
