# SPDX-License-Identifier: GPL-2.0-only
"""A Debian kernel as the test host wants it: uncompressed, modules with theirs.

Read next: disk.py, which puts the kernel on a disk; initramfs.py.
"""
import lzma
import os
import re
import struct
import subprocess
import zlib

from errors import SetupError


def _decompress(payload):
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        # The trailing size that Linux adds makes zstd complain: only a short
        # result counts, which the ELF parser notices.
        return subprocess.run(["zstd", "-dcq"], input=payload, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    raise SetupError("kernel is compressed in a way not known here: "
                     "gzip, xz and zstd are")


class Kernel:
    """The kernel below FOLDER, as scripts/fetch-kernel leaves it."""

    def __init__(self, folder):
        self.folder = folder
        self.version = os.path.basename(folder)
        with open(f"{folder}/release", encoding="ascii") as file:
            self.release = file.read().strip()
        self.headers = f"{folder}/headers"
        with open(f"{folder}/vmlinuz", "rb") as file:
            self.bzimage = file.read()
        self._paths = None

    @property
    def debug(self):
        """Whether this is the debug host's (scripts/build-debug-kernel)."""
        return self.version == "debug"

    def image(self):
        """Returns (physical address, entry, bytes) of the unpacked kernel."""
        cached = f"{self.folder}/image"
        if not os.path.exists(cached):
            start, entry, image = self._unpack()
            with open(f"{cached}.{os.getpid()}", "wb") as file:
                file.write(struct.pack("<QQ", start, entry) + image)
            os.rename(f"{cached}.{os.getpid()}", cached)
        with open(cached, "rb") as file:
            start, entry = struct.unpack("<QQ", file.read(16))
            return start, entry, file.read()

    def vmlinux(self):
        """Returns the path of the unpacked kernel, an ELF file."""
        cached = f"{self.folder}/vmlinux"
        if not os.path.exists(cached):
            elf = self._elf()
            with open(f"{cached}.{os.getpid()}", "wb") as file:
                file.write(elf)
            os.rename(f"{cached}.{os.getpid()}", cached)
        return cached

    def _elf(self):
        offset, length = struct.unpack_from("<II", self.bzimage, 0x248)
        start = (self.bzimage[0x1F1] + 1) * 512 + offset
        elf = _decompress(self.bzimage[start:start + length])
        if elf[:4] != b"\x7fELF":
            raise SetupError(f"{self.folder}/vmlinuz does not unpack to an ELF file: "
                             f"remove {self.folder} and run scripts/setup")
        return elf

    def _unpack(self):
        elf = self._elf()
        entry, phoff = struct.unpack_from("<QQ", elf, 24)
        phnum, = struct.unpack_from("<H", elf, 56)
        # type, flags, offset, vaddr, paddr, filesz, memsz, align
        headers = [struct.unpack_from("<IIQQQQQQ", elf, phoff + 56 * i) for i in range(phnum)]
        loads = [h for h in headers if h[0] == 1]
        low = min(h[4] for h in loads)
        image = bytearray(max(h[4] + h[5] for h in loads) - low)
        for _, _, offset, _, paddr, filesz, _, _ in loads:
            image[paddr - low:paddr - low + filesz] = elf[offset:offset + filesz]
        return low, entry, bytes(image)

    def memory_end(self, start):
        """The first address above what the kernel, at START, uses to begin with."""
        init_size, = struct.unpack_from("<I", self.bzimage, 0x260)
        return start + init_size

    def _module_paths(self):
        if self._paths is None:
            self._paths = {}
            for folder, _, names in os.walk(os.path.realpath(f"{self.folder}/modules")):
                for name in names:
                    match = re.match(r"(.*)\.ko(\.\w+)?$", name)
                    if match:
                        self._paths[match[1].replace("-", "_")] = f"{folder}/{name}"
        return self._paths

    def module(self, name):
        """Returns the bytes of module NAME, uncompressed."""
        cached = f"{self.folder}/ready/{name}.ko"
        if not os.path.exists(cached):
            path = self._module_paths().get(name)
            if not path:
                raise SetupError(f"kernel {self.release} has no module {name}: look into {self.folder}/modules")
            with open(path, "rb") as file:
                data = file.read()
            if path.endswith(".xz"):
                data = lzma.decompress(data)
            elif path.endswith(".zst"):
                data = _decompress(data)
            os.makedirs(f"{self.folder}/ready", exist_ok=True)
            with open(f"{cached}.{os.getpid()}", "wb") as file:
                file.write(data)
            # For a module with type information the kernel parses its own
            # first: two seconds in Bochs.
            subprocess.run(["objcopy", "--remove-section=.BTF", f"{cached}.{os.getpid()}"], check=True)
            os.rename(f"{cached}.{os.getpid()}", cached)
        with open(cached, "rb") as file:
            return file.read()

    def module_closure(self, names):
        """Returns [(name, bytes)]: the modules and all that they need, in order."""
        found = {}

        def visit(name):
            if name in found:
                return
            data = self.module(name)
            for needed in modinfo(data, "depends").split(","):
                if needed:
                    visit(needed.replace("-", "_"))
            found[name] = data

        for name in names:
            visit(name)
        return list(found.items())


def modinfo(module, key):
    """Returns what MODULE (bytes) says of itself under KEY, '' for nothing."""
    match = re.search(rb"(?:^|\0)" + key.encode() + rb"=([^\0]*)\0", module)
    return match[1].decode() if match else ""
