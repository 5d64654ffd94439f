#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hosttest.sh - what scripts have in common that boot test hosts: results as TAP
#
# To be sourced. It gives the folders top, cache and work (which goes in the end),
# testhost (the command, in an array), and the functions below. For whom a failed test
# is explained in another way than by the last run(): a function explain of its own.
# shellcheck disable=SC2034 # for who sources it

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${MINIVMM_CACHE:-$top/build}
read -ra testhost <<<"${TESTHOST:-$top/scripts/testhost}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
failed=0
status=0

# run OPTIONS...: one run of testhost; its status, output and errors are kept
run() {
	"${testhost[@]}" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
}

explain() {
	echo "status $status; standard output and standard error were:"
	tail -n 20 "$work/out" "$work/err"
}

# test_that NAME COMMAND...: one result; the command's success is the test's
test_that() {
	local name=$1

	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number $name"
		return
	fi
	failed=$((failed + 1))
	explain | sed 's/^/# /'
	echo "not ok $number $name"
}

# Of the last run
status_is() { [ "$status" -eq "$1" ]; }
says() { grep -q -- "$1" "$work/err"; }
prints() { grep -qx -- "$1" "$work/out"; }
one_line() { [ "$(wc -l <"$work/err")" -eq 1 ]; }

# all 'COMMAND ARGUMENTS'...: each of them
all() { local check; for check in "$@"; do $check || return 1; done; }
