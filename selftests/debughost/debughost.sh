#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debughost: is each kind of mistake seen by the debug host, told and named?
#
# One boot makes them all (broken.c): the reports of one kind must not depend on
# what another one left, so the order matters. Lockdep gives up after its first
# report and after KASAN's; a corrupt list ends the process that finds it.
set -u

# shellcheck source=selftests/lib/hosttest.sh
. "$(dirname "$0")/../lib/hosttest.sh"
here=$top/selftests/debughost
testhost+=(--no-module --kernel debug)

# What to make, and what the log has to say of it
mistakes=(
	'rcu|WARNING: suspicious RCU usage'
	'sleep|BUG: sleeping function called from invalid context'
	'locks|WARNING: possible circular locking dependency detected'
	'shift|UBSAN: shift-out-of-bounds'
	'array|UBSAN: array-index-out-of-bounds'
	'refcount|refcount_t: decrement hit 0'
	'object|ODEBUG: free active'
	'use-after-free|BUG: KASAN: use-after-free'
	'out-of-bounds|BUG: KASAN: slab-out-of-bounds'
	'leak|unreferenced object'
	'list|list_del corruption'
)

echo "TAP version 13"
if ! "$top/scripts/build-debug-kernel" --check; then
	echo "1..0 # SKIP the debug host's kernel is not built: scripts/setup --kernel debug"
	exit 0
fi
echo "1..$((${#mistakes[@]} + 3))"

# All of them at the end: they are about one run.
explain() { :; }

# hostlog FILE: the first line of trouble that testhost finds there, if any
hostlog() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/scripts/testhost.d python3 -c '
import sys, hostlog
found = hostlog.trouble(open(sys.argv[1], encoding="utf-8").read())
print(found or "nothing")
sys.exit(not found)' "$1"
}

# part KIND: what the host's log says of that mistake
part() {
	if [ "$1" = leak ]; then
		sed -n '/unreferenced object/,$p' "$work/log"
	else
		sed -n "/broken: making $1\$/,/broken: ma[dk]/{/broken: /!p}" "$work/log"
		# What ends its process is the last: no "made it" follows.
	fi
}

sees() { part "$1" >"$work/part" && grep -q "$2" "$work/part" && hostlog "$work/part" >/dev/null; }

cp "$here/broken.c" "$work"
echo 'obj-m := broken.o' >"$work/Kbuild"
make -s -C "$cache/kernel/debug/headers" M="$work" modules >"$work/make.log" 2>&1 ||
	sed 's/^/# /' "$work/make.log"

kinds=$(printf '%s\n' "${mistakes[@]}" | cut -d '|' -f 1 | tr '\n' ' ')
"${testhost[@]}" --verbose --cmdline kasan_multi_shot --add "$work/broken.ko" -- sh -c "
	insmod broken.ko || exit 1
	for kind in $kinds; do (echo \$kind >/sys/module/broken/parameters/make); done
	exit 0" >"$work/out" 2>"$work/all" </dev/null
status=$?
# The whole log, and then what testhost shows of it
sed '/^---- log of the host/,$d' "$work/all" >"$work/log"
sed -n '/^---- log of the host/,$p' "$work/all" >"$work/shown"

for mistake in "${mistakes[@]}"; do
	test_that "${mistake%%|*} is reported and seen" sees "${mistake%%|*}" "${mistake#*|}"
done
test_that "mistakes end the run with status 122" [ "$status" -eq 122 ]
test_that "what testhost shows has file and line" grep -q 'rcu+0x.*\[broken\] (.*broken\.c:[0-9]*)' "$work/shown"

# No mistake, no report: else all the above would mean nothing.
sed '/broken: making/,$d' "$work/log" >"$work/part"
test_that "before the first mistake there is no report" [ "$(hostlog "$work/part")" = nothing ]
if [ $failed -gt 0 ]; then
	tail -n 250 "$work/all" | sed 's/^/# /'
	exit 1
fi
