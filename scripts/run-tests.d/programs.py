# SPDX-License-Identifier: GPL-2.0-only
"""Which tests there are: found by looking, so that nobody keeps a list."""

import glob
import os
import re
from collections import namedtuple

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SELFTESTS = os.path.join(TOP, "selftests")
BUILT = os.path.join(os.environ.get("MINIVMM_CACHE", os.path.join(TOP, "build")), "selftests")

# name: FOLDER/PROGRAM. path: here. host_files: "PATH:DEST" of what it needs there.
# host_modules: the kernel's modules that it needs.
Program = namedtuple("Program", "name path host_files host_modules")

# No tests: the library; and what `make bench` runs.
NOT_TESTS = ("lib", "bench")
# Never in the test host.
RUN_HERE = ("docs", "unit")
# Run here, and boot hosts of their own: they count as one.
# Not without being asked for, by name or by LONG=1: they take long.
LONG = ("kvm-selftests",)
BOOT_HOSTS = ("testhost", "debughost", "nestedhost", "clients", "kvm-selftests", "linux")


def folders():
    return sorted(os.path.basename(os.path.dirname(one))
                  for one in glob.glob(SELFTESTS + "/*/")
                  if os.path.basename(os.path.dirname(one)) not in NOT_TESTS)


def makefile_runs(folder):
    """Does the folder's own Makefile have a target "run"?"""
    path = os.path.join(SELFTESTS, folder, "Makefile")
    return os.path.exists(path) and re.search(r"^run\s*:", open(path).read(), re.M)


def native():
    """(name, command) of each test that runs on this machine."""
    found = []
    for folder in folders():
        if makefile_runs(folder):
            found.append((folder, ["make", "-s", "-C", os.path.join(SELFTESTS, folder), "run"]))
    for path in sorted(glob.glob(SELFTESTS + "/docs/*")):
        if os.access(path, os.X_OK) and os.path.isfile(path):
            found.append((os.path.relpath(path, SELFTESTS), [path]))
    return found


def listed(folder, name):
    """The lines of a folder's file, if there is one."""
    path = os.path.join(SELFTESTS, folder, name)
    if not os.path.exists(path):
        return []
    lines = (line.split("#")[0].strip() for line in open(path))
    return [line for line in lines if line]


def host_files(folder):
    return [os.path.join(TOP, line) for line in listed(folder, "host-files")]


def in_host():
    """Each program that runs in the test host."""
    found = []
    for folder in folders():
        if folder in RUN_HERE or makefile_runs(folder):
            continue
        own = os.path.exists(os.path.join(SELFTESTS, folder, "Makefile"))
        for path in sorted(glob.glob("%s/%s/*" % (SELFTESTS, folder))):
            base, extension = os.path.splitext(os.path.basename(path))
            name = "%s/%s" % (folder, base)
            if extension == ".sh":
                found.append(Program(name + ".sh", path, host_files(folder),
                                     listed(folder, "host-modules")))
            elif extension == ".c" and not own:
                found.append(Program(name, os.path.join(BUILT, name), host_files(folder),
                                     listed(folder, "host-modules")))
    return found


def names():
    return [name for name, _ in native()] + [program.name for program in in_host()]


def matches(name, wanted):
    return wanted in (name, name.split("/")[0], name.split("/")[-1])


def known(wanted):
    return any(matches(name, wanted) for name in names())


def chosen(wanted):
    """(native, in_host) of what was asked for; of everything if nothing was."""
    def takes(name):
        return not wanted or any(matches(name, one) for one in wanted)
    return ([one for one in native() if takes(one[0])],
            [program for program in in_host() if takes(program.name)])
