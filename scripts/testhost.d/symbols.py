# SPDX-License-Identifier: GPL-2.0-only
"""Adds file and line to what a kernel's log tells as function+offset.

Needs an ELF file with line numbers for what is to be found: the debug kernel's
vmlinux, and the modules as they were built.  What has none stays as it is.
"""
import os
import re
import subprocess

# function+0xOFFSET/0xSIZE, and maybe the module: as the kernel prints a place
PLACE = re.compile(r"\b([A-Za-z_][\w.]*)\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[(\w+)\])?")
# A place in a module that is gone; and where init says that modules were
GONE = re.compile(r"\b0x(ffffffff[a-f][0-9a-f]{7})\b")
MODULE_AT = re.compile(r"testhost: module (\w+) at 0x([0-9a-f]+)")
MODULE_ROOM = 1 << 24
# address flags section size name: as objdump prints a function
FUNCTION = re.compile(r"^([0-9a-f]+) .{6}[F ] (\S+)\s+([0-9a-f]+) (?:\.hidden )?(\S+)$")


class Symbols:
    """The functions of one ELF file."""

    def __init__(self, path):
        self.path = path
        # The kernel's own is linked; of a module each section starts at 0.
        self.is_module = path.endswith(".ko")
        self.functions = {}
        table = subprocess.run(["objdump", "-t", path], check=False, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        for match in filter(None, map(FUNCTION.match, table.stdout.splitlines())):
            address, section, size, name = match.groups()
            self.functions.setdefault(name, []).append((section, int(address, 16), int(size, 16)))

    def find(self, name, size):
        """Returns (section, address) of function NAME of about SIZE bytes, or None."""
        # The kernel counts up to the next symbol, padding included.
        found = sorted(self.functions.get(name, ()), key=lambda row: abs(row[2] - size))
        return found[0][:2] if found else None

    def at(self, address):
        """Returns (name, offset, size) of what is at ADDRESS in .text, or None."""
        for name, rows in self.functions.items():
            for section, start, size in rows:
                if section == ".text" and start <= address < start + size:
                    return name, address - start, size
        return None

    def lines(self, section, addresses):
        """Returns "FILE:LINE" for each of ADDRESSES."""
        where = ["-j", section] if self.is_module else []
        run = subprocess.run(["addr2line", "-e", self.path, *where, *(f"{a:#x}" for a in addresses)],
                             check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return [line.split(" (")[0] for line in run.stdout.splitlines()]


def _short(place):
    """PLACE ("FILE:LINE") as seen from the top of its tree."""
    tops = "module|uapi|selftests|arch|block|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net"
    place = os.path.normpath(place)
    return re.sub(rf"^.*/(?:linux|minivmm|source)[^/]*/(({tops})/)", r"\1", place)


def _name_gone(text, log, known):
    """Returns TEXT with the names of places in modules that are gone, as LOG tells."""
    bases = {int(at, 16): module for module, at in MODULE_AT.findall(log) if module in known}

    def name(match):
        address = int(match[1], 16)
        base = max((b for b in bases if b <= address < b + MODULE_ROOM), default=None)
        found = base is not None and known[bases[base]].at(address - base)
        return f"{found[0]}+{found[1]:#x}/{found[2]:#x} [{bases[base]}]" if found else match[0]

    return GONE.sub(name, text)


def with_lines(text, log, files):
    """Returns TEXT, a part of LOG, with the line of each place.

    FILES is {module or "" for the kernel: ELF file}.
    """
    known = {module: Symbols(path) for module, path in files.items() if os.path.exists(path)}
    text = _name_gone(text, log, known)
    wanted = {}
    for name, offset, size, module in set(PLACE.findall(text)):
        found = module in known and known[module].find(name, int(size, 16))
        if found:
            # What is on a stack returns to the instruction after the call.
            address = found[1] + max(int(offset, 16) - 1, 0)
            wanted.setdefault((module, found[0]), []).append((address, (name, offset, size, module)))
    lines = {}
    for (module, section), rows in wanted.items():
        for (_, place), line in zip(rows, known[module].lines(section, [row[0] for row in rows])):
            if not line.startswith("??") and not line.endswith(":?"):
                lines[place] = _short(line)

    def add(match):
        line = lines.get((match[1], match[2], match[3], match[4] or ""))
        return f"{match[0]} ({line})" if line else match[0]

    return PLACE.sub(add, text)
