# SPDX-License-Identifier: GPL-2.0-only
"""The test host in QEMU inside a test host in Bochs: VT-x as KVM emulates it.

The outer host is testhost itself with a command like any other: the one by
which qemu.py starts a host.  Its standard output is the inner host's line to
channel.py, its standard error the inner host's console.  So whatever goes wrong
outside is told there too, after the inner host's own words.
"""
import os
import shlex
import signal
import subprocess

from errors import SetupError
import qemu

TESTHOST = os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../testhost")
PLACE = "/inner"                # where the inner host's files are in the outer one
OUTER_MIB = 640                 # for the outer kernel, its files (twice while it boots), QEMU
PACKAGES = ["qemu-system-x86"]
# Bochs's processor has no UMIP. KVM would offer it all the same and emulate each
# LGDT, SLDT and the like of the inner kernel, at five times the price of an exit;
# a processor that has UMIP costs nothing there.
CPU = "host,-umip"


def _outer_options(machine):
    options, work = machine.options, machine.work
    parts = ["--host=bochs", "--kvm", "--no-module", "--memory", str(options.memory + OUTER_MIB),
             # Our own deadline comes first.
             "--timeout", str(options.timeout + 60)]
    # The inner host's packages are on the outer host's disk, which it is given.
    for name in sorted({*PACKAGES, *options.package}):
        parts += ["--package", name]
    for name in ("vmlinux", "initramfs"):
        parts += ["--add", f"{work}/{name}:{PLACE}/{name}"]
    return parts


def command(machine):
    """Prepares MACHINE's work folder; returns the command that runs the host."""
    if machine.terminal:
        raise SetupError("--interactive is not for --host=nested: use --host=bochs")
    qemu.files(machine)
    # What the outer host says goes where the inner host's console is.
    os.symlink("errors", f"{machine.work}/console")
    inner = qemu.command_line(machine, PLACE, "PACKAGES", "/proc/self/fd/2") + [*qemu.KVM, CPU]
    script = shlex.join(inner).replace("file=PACKAGES", 'file="$(findfs LABEL=packages)"')
    return [TESTHOST, *_outer_options(machine), "--", "sh", "-c", f"exec {script} </dev/null"]


def stop(process, ended):
    """Ends both hosts; if all went well, waits for the outer host's verdict on its log."""
    try:
        if ended is None:
            process.wait(30)
    except subprocess.TimeoutExpired:
        pass
    # Not SIGKILL, which would leave the emulator behind.
    process.send_signal(signal.SIGTERM)
