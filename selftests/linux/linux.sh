#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# linux.sh DEVICE FOLDER [TEST...]: boot.c's tests on minivmm or kvm, in a host of
# their own: guests need more memory than the other tests' host has.
set -eu

device=$1 built=$2
shift 2
top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${MINIVMM_CACHE:-$top/build}
kernel=$cache/kernel/6.1

"$top/scripts/fetch-kernel" pae >&2
# unpacked FOLDER: the kernel there as an ELF file
unpacked() {
	PYTHONPATH=$top/scripts/testhost.d python3 -B -c \
		'import kernel, sys; print(kernel.Kernel(sys.argv[1]).vmlinux())' "$1"
}
load=()
[ "$device" != kvm ] || load=(--kvm --no-module)
exec "$top/scripts/testhost" "${load[@]}" --memory 1024 --timeout 1800 \
	--add "$top/userspace/minivmm-run:/userspace/minivmm-run" --add "$built/boot" \
	--add "$kernel/vmlinuz" --add "$(unpacked "$kernel"):/vmlinux" \
	--add "$cache/kernel/pae/vmlinuz:/vmlinuz32" --add "$(unpacked "$cache/kernel/pae"):/vmlinux32" \
	--add "$built/initrd-64" --add "$built/initrd-32" -- env "MINIVMM_DEVICE=/dev/$device" boot "$@"
