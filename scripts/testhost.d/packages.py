# SPDX-License-Identifier: GPL-2.0-only
"""Debian packages for the test host, as a file system on a disk of their own.

QEMU and what it needs are 400 MB: too much for the initramfs, which is copied
twice and stays in memory.  The host mounts the disk below its own files (see
mount_packages in init).  Packages are unpacked only, their scripts do not run.
"""
import hashlib
import os
import shutil
import subprocess
import tempfile

from errors import SetupError
import disk

LABEL = "packages"
HERE = os.path.dirname(os.path.abspath(__file__))
MERGED = ("bin", "sbin", "lib", "lib64")


def suite():
    """This machine's suite: the packages' libraries must fit those of --add."""
    with open("/etc/os-release", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            if key == "VERSION_CODENAME":
                return value.strip('"')
    return "unstable"


def _unpack(names, folder, work):
    os.mkdir(f"{work}/deb")
    fetch = subprocess.run([f"{HERE}/../debian-fetch", suite(), "closure", *names], cwd=f"{work}/deb", check=False)
    if fetch.returncode:
        raise SetupError(f"cannot get {' '.join(names)} and what they depend on: see above")
    os.mkdir(folder)
    for name in MERGED:
        os.makedirs(f"{folder}/usr/{name}")
        os.symlink(f"usr/{name}", f"{folder}/{name}")
    for deb in sorted(os.listdir(f"{work}/deb")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", f"{work}/deb/{deb}"], stdout=subprocess.PIPE) as source:
            subprocess.run(["tar", "-C", folder, "-xf", "-", "--keep-directory-symlink"],
                           stdin=source.stdout, check=True)
    for useless in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/icons"):
        shutil.rmtree(f"{folder}/{useless}", ignore_errors=True)
    subprocess.run(["/sbin/ldconfig", "-r", folder], check=False)


def _programs(folder):
    found = []
    for where in ("usr/bin", "usr/sbin"):
        found += [f"{where}/{name}" for name in os.listdir(f"{folder}/{where}")]
    return found


def image(names, cache):
    """Returns (path of the disk, paths of the programs on it)."""
    names = sorted(set(names))
    key = hashlib.sha256(" ".join([suite(), *names]).encode()).hexdigest()[:12]
    path = f"{cache}/packages/{key}.ext4"
    if not os.path.exists(path):
        os.makedirs(f"{cache}/packages", exist_ok=True)
        with tempfile.TemporaryDirectory(dir=f"{cache}/packages") as work:
            folder = f"{work}/root"
            _unpack(names, folder, work)
            used = subprocess.run(["du", "-s", "-B1", folder], check=True, stdout=subprocess.PIPE, text=True)
            size = disk.whole_cylinders(int(used.stdout.split()[0]) * 5 // 4 + (16 << 20))
            with open(f"{work}/image", "wb") as file:
                file.truncate(size)
            subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-L", LABEL, "-O", "^has_journal,^metadata_csum", "-m", "0",
                            "-d", folder, f"{work}/image"], check=True)
            with open(f"{path}.programs", "w", encoding="utf-8") as file:
                file.write("\n".join(_programs(folder)))
            os.rename(f"{work}/image", path)
    with open(f"{path}.programs", encoding="utf-8") as file:
        return path, frozenset(file.read().split("\n"))
