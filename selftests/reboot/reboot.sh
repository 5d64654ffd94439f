#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# reboot: does a host come up again that is rebooted while guests run?
#
# A CPU in VMX operation ignores INIT, by which processors are reset and started again:
# the module has to leave it on each CPU before. The emulator resets such a CPU all the
# same, so a module of our own (watch.c) looks, and warns in the host's log.
set -u

# shellcheck source=selftests/lib/hosttest.sh
. "$(dirname "$0")/../lib/hosttest.sh"
cd "$top" || exit 1

echo "TAP version 13"
echo "1..3"

cp selftests/reboot/watch.c "$work"
echo 'obj-m := watch.o' >"$work/Kbuild"
make -s -C "$cache/kernel/6.1/headers" M="$work" >"$work/err" 2>&1
status=$?
test_that "the module that looks is built" [ -f "$work/watch.ko" ]
# One CPU: when two boot again, the emulator's time stamp counters differ.
testhost+=(--reboot --timeout 200 --add "$work/watch.ko"
	--add userspace/minivmm-run --add userspace/guests)

# guests N: reboots while N guests run, each of which reads its serial port in a loop.
# It ends with status 9 if one of them does not run.
guests() {
	cat <<END
insmod /watch.ko || exit 8
cd /sys/kernel/debug/minivmm
for i in \$(seq $1); do
	(sleep 600 | minivmm-run --mode 32 /guests/echo.bin >/dev/null) &
done
sleep 2
[ \$(cat */stats | awk '\$1 == "entries" && \$2 > 0' | wc -l) -eq $1 ] || exit 9
reboot -f
sleep 60
END
}

run -- sh -c "$(guests 1)"
test_that "a host reboots while a guest runs" status_is 0
run -- sh -c "$(guests 3)"
test_that "a host reboots while guests take turns" status_is 0

[ "$failed" -eq 0 ]
