#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Suspend while a guest runs. The kernel's own test mode goes the whole way down
# (other CPUs offline, the last one's devices and system core suspended), waits
# a second instead of sleeping, and comes back up: VT-x is left and entered again
# on each CPU, and the guest must not notice.
device=${MINIVMM_DEVICE:-/dev/minivmm}
output=/tmp/suspend.$$

echo 'TAP version 13'
if [ ! -w /sys/power/pm_test ] || ! grep -q mem /sys/power/state; then
	echo '1..0 # SKIP this kernel cannot test suspend'
	exit 0
fi
echo '1..3'

# verdict STATUS NUMBER NAME
verdict() {
	[ "$1" -eq 0 ] && echo "ok $2 $3" || echo "not ok $2 $3"
}

# The guest reads its serial port in a loop, and gives back what it reads.
run_echo() {
	(sleep "$1"; echo 'the guest goes on') |
		/userspace/minivmm-run --device "$device" --mode 32 /userspace/guests/echo.bin >"$output" 2>&1 &&
		grep -q 'the guest goes on' "$output"
}

go_down() {
	echo mem >/sys/power/state
}

echo 1 >/sys/module/suspend/parameters/pm_test_delay
echo core >/sys/power/pm_test
run_echo 4 &
guest=$!
sleep 1
kill -0 $guest && go_down
verdict $? 1 host_suspends_while_a_guest_runs
wait $guest
verdict $? 2 guest_goes_on_after_suspend
echo none >/sys/power/pm_test
run_echo 0
verdict $? 3 new_guest_runs_after_suspend
rm -f "$output"
