# SPDX-License-Identifier: GPL-2.0-only
"""The disk that boots the test host in Bochs: boot sector, kernel, initramfs.

    sector 0         boot.S, its table filled in
    one unit         to LOW: boot_params, command line, page tables
    kernel           as it lies in memory, not compressed
    initramfs

The structure of boot_params is in the kernel's arch/x86/include/uapi/asm/bootparam.h,
what must be in it in Documentation/x86/boot.rst.  Read next: bochs.py.
"""
import os
import struct
import subprocess
import tempfile

from errors import SetupError

SECTOR = 512
UNIT = 128 * SECTOR             # boot.S reads such pieces
LOW = 0x80000                   # boot_params; below: offsets from LOW
CMDLINE = 0x2000
PAGE_TABLES = 0x4000
TABLE = 464                     # of the boot sector
GEOMETRY = (16, 63)             # heads, sectors a track


def _padded(data):
    return data + bytes(-len(data) % UNIT)


def memory_map(mib):
    """The machine's memory as e820 rows: address, size, type (1 RAM, 3 ACPI)."""
    mem = mib << 20
    low = min(mem, 0xC0000000)
    rows = [(0, 0x9F000, 1), (0x100000, low - 0x110000, 1), (low - 0x10000, 0x10000, 3)]
    if mem > low:
        rows.append((1 << 32, mem - low, 1))
    return rows


def _boot_params(bzimage, mib, initramfs_at, initramfs_size):
    params = bytearray(4096)
    params[0x1F1:0x271] = bzimage[0x1F1:0x271]
    params[0x210] = 0xFF                                    # type_of_loader: none with a number
    struct.pack_into("<II", params, 0x218, initramfs_at, initramfs_size)
    struct.pack_into("<I", params, 0x228, LOW + CMDLINE)    # cmd_line_ptr
    rows = memory_map(mib)
    params[0x1E8] = len(rows)
    for i, row in enumerate(rows):
        struct.pack_into("<QQI", params, 0x2D0 + 20 * i, *row)
    return params


def _low_unit(params, cmdline):
    low = bytearray(UNIT)
    low[:len(params)] = params
    text = cmdline.encode() + b"\0"
    low[CMDLINE:CMDLINE + len(text)] = text
    # 4 GiB one to one: one PML4 entry, four PDPT entries of 1 GiB.
    struct.pack_into("<Q", low, PAGE_TABLES, LOW + PAGE_TABLES + 0x1003)
    for i in range(4):
        struct.pack_into("<Q", low, PAGE_TABLES + 0x1000 + 8 * i, i << 30 | 0x83)
    return bytes(low)


def _boot_sector(cache, rows, entry):
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.S")
    binary = f"{cache}/boot.bin"
    if not os.path.exists(binary) or os.path.getmtime(binary) < os.path.getmtime(source):
        with tempfile.TemporaryDirectory(dir=cache) as tmp:
            subprocess.run(["gcc", "-c", "-o", f"{tmp}/boot.o", source], check=True)
            subprocess.run(["ld", "-Ttext=0x7c00", "--oformat", "binary",
                            "-o", f"{tmp}/boot.bin", f"{tmp}/boot.o"], check=True)
            os.rename(f"{tmp}/boot.bin", binary)
    with open(binary, "rb") as file:
        sector = bytearray(file.read())
    numbers = [n for row in rows for n in row] + [0, entry]
    struct.pack_into(f"<{len(numbers)}I", sector, TABLE, *numbers)
    return bytes(sector)


def build(path, machine, cmdline):
    """Writes the disk that boots MACHINE to PATH."""
    kernel, initramfs, mib = machine.kernel, machine.initramfs, machine.options.memory
    start, entry, image = kernel.image()
    initramfs_at = -(-kernel.memory_end(start) // (2 << 20)) * (2 << 20)
    room = memory_map(mib)[1]
    if initramfs_at + 2 * len(initramfs) > room[0] + room[1]:
        raise SetupError(f"the host's {mib} MiB cannot hold {len(initramfs) >> 20} MiB of files: use --memory")
    parts = [(LOW, _low_unit(_boot_params(kernel.bzimage, mib, initramfs_at, len(initramfs)), cmdline)),
             (start, _padded(image)), (initramfs_at, _padded(initramfs))]
    rows, sector = [], 1
    for address, data in parts:
        rows.append((address, sector, len(data) // UNIT))
        sector += len(data) // SECTOR
    with open(path, "wb") as disk:
        disk.write(_boot_sector(machine.cache, rows, entry))
        for _, data in parts:
            disk.write(data)
        disk.truncate(whole_cylinders(sector * SECTOR))


def whole_cylinders(size):
    """SIZE in bytes, rounded up to what Bochs takes for a disk."""
    cylinder = GEOMETRY[0] * GEOMETRY[1] * SECTOR
    return -(-size // cylinder) * cylinder
