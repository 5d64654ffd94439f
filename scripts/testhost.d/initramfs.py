# SPDX-License-Identifier: GPL-2.0-only
"""The test host's files: cpio archives that the kernel unpacks into its root.

base() is the same for every run and comes first; Files is what one run adds.
The format is in the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
Read next: init, which is what these files start.
"""
import os
import re
import stat
import subprocess

from errors import SetupError

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDERS = ("bin dev etc lib lib64 mnt opt proc root run sbin srv sys testhost tmp usr usr/bin usr/lib "
           "usr/local usr/local/bin usr/sbin usr/share var var/lib var/log var/tmp")
MAP = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


class Files:
    """Collects files by their path in the host; bytes() is the archive."""

    def __init__(self):
        self._out = bytearray()
        self._seen = set()
        self._inode = 0

    def _entry(self, path, mode, data=b"", mtime=0):
        name = path.encode() + b"\0"
        self._inode += 1
        fields = (self._inode, mode, 0, 0, 1, mtime, len(data), 0, 0, 0, 0, len(name), 0)
        self._out += b"070701" + b"".join(b"%08X" % f for f in fields) + name
        self._out += bytes(-len(self._out) % 4)
        self._out += data
        self._out += bytes(-len(self._out) % 4)

    def _place(self, path):
        """PATH as stored: relative, through the host's /bin -> usr/bin and so on."""
        path = os.path.normpath("/" + path).lstrip("/")
        first, _, rest = path.partition("/")
        if rest and first in MAP:
            path = f"{MAP[first]}/{rest}"
        parent = os.path.dirname(path)
        if parent and parent not in self._seen:
            self.folder(parent)
        return path

    def folder(self, path):
        path = self._place(path)
        if path and path not in self._seen:
            self._seen.add(path)
            self._entry(path, stat.S_IFDIR | 0o755)

    def symlink(self, path, target):
        self._entry(self._place(path), stat.S_IFLNK | 0o777, target.encode())

    def data(self, path, data, mode=0o644):
        self._entry(self._place(path), stat.S_IFREG | mode, data)

    def copy(self, source, path):
        """Adds the file or folder SOURCE as PATH."""
        info = os.lstat(source)
        if stat.S_ISLNK(info.st_mode):
            self.symlink(path, os.readlink(source))
        elif stat.S_ISDIR(info.st_mode):
            self.folder(path)
            for name in sorted(os.listdir(source)):
                self.copy(f"{source}/{name}", f"{path}/{name}")
        elif stat.S_ISREG(info.st_mode):
            with open(source, "rb") as file:
                data = file.read()
            self.data(path, data, stat.S_IMODE(info.st_mode))
            if data[:4] == b"\x7fELF":
                self.libraries(source)

    def libraries(self, program):
        """Adds the shared libraries that the dynamic PROGRAM needs."""
        # ldd runs what it looks at only as far as the dynamic loader.
        ldd = subprocess.run(["ldd", program], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=False, text=True)
        if ldd.returncode:
            return
        for line in ldd.stdout.splitlines():
            match = re.match(r"\s*(?:(\S+) => )?(/\S+) \(0x", line)
            if match:
                path = match[2] if not match[1] or not match[1].startswith("/") else match[1]
                self._library(match[2], path)
            elif "not found" in line:
                raise SetupError(f"{program} needs a library that is not on this machine:{line}")

    def _library(self, source, path):
        if path not in self._seen:
            self._seen.add(path)
            with open(source, "rb") as file:
                self.data(path, file.read(), 0o755)

    def bytes(self):
        saved = bytes(self._out)
        self._entry("TRAILER!!!", 0)
        archive, self._out = bytes(self._out), bytearray(saved)
        return archive + bytes(-len(archive) % 512)


def _hostlink(cache):
    """Returns the path of hostlink, built."""
    source, program = f"{HERE}/hostlink.c", f"{cache}/hostlink"
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        subprocess.run(["gcc", "-O2", "-Wall", "-static", "-s", "-o", f"{program}.{os.getpid()}", source],
                       check=True)
        os.rename(f"{program}.{os.getpid()}", program)
    return program


def base(cache, elsewhere=frozenset()):
    """The archive that is the same for every run: folders, busybox, init.

    Leaves out busybox's names for programs that are ELSEWHERE (paths).
    """
    files = Files()
    for name, target in MAP.items():
        files.symlink(name, target)
    for folder in FOLDERS.split() + list(MAP.values()):
        if folder not in MAP:
            files.folder(folder)
    files.copy("/bin/busybox", "usr/bin/busybox")
    applets = subprocess.run(["/bin/busybox", "--list"], check=True, stdout=subprocess.PIPE, text=True)
    for applet in applets.stdout.split():
        if applet != "busybox" and not {f"usr/bin/{applet}", f"usr/sbin/{applet}"} & elsewhere:
            files.symlink(f"usr/bin/{applet}", "busybox")
    files.copy(f"{HERE}/init", "init")
    files.copy(_hostlink(cache), "testhost/hostlink")
    files.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    files.data("etc/group", b"root:x:0:\n")
    return files.bytes()
