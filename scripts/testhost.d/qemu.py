# SPDX-License-Identifier: GPL-2.0-only
"""The test host in QEMU: KVM with nested VT-x, where a machine really has that.

Flags do not tell: /dev/kvm may be there without VT-x behind it, and a nested
VT-x may be announced that does not work.  So works() boots a host and runs a
guest in it (hostprobe.c), once for each boot of this machine.
"""
import os
import shutil
import subprocess

from errors import SetupError

CMDLINE = ("console=ttyS0,115200 quiet loglevel=5 panic=1 mitigations=off cryptomgr.notests "
           "initcall_blacklist=load_system_certificate_list")
PROGRAM = "qemu-system-x86_64"
KVM = ["-accel", "kvm", "-cpu"]
HERE = os.path.dirname(os.path.abspath(__file__))


def command_line(machine, place, packages, console):
    """Returns QEMU's command for MACHINE, whose files() are in the folder PLACE.

    PACKAGES is the disk with Debian packages, CONSOLE the file for the kernel's log.
    """
    options = machine.options
    parts = [PROGRAM, "-machine", "q35", "-nodefaults", "-display", "none",
             "-smp", str(options.cpus), "-m", str(options.memory),
             "-kernel", f"{place}/vmlinux", "-initrd", f"{place}/initramfs",
             "-append", f"{CMDLINE} {options.cmdline}".strip(), "-serial", f"file:{console}",
             "-chardev", "stdio,id=link,signal=off", "-device", "isa-debugcon,iobase=0xe9,chardev=link",
             # "hostlink end" writes there, and QEMU ends.
             "-device", "isa-debug-exit,iobase=0x501"]
    if not options.reboot:
        parts.append("-no-reboot")
    if packages:
        # By the controller that Bochs has: one driver does.
        parts += ["-drive", f"file={packages},format=raw,if=none,id=packages,snapshot=on",
                  "-device", "piix3-ide,id=ide", "-device", "ide-hd,drive=packages,bus=ide.0"]
    return parts


def files(machine):
    """Writes what QEMU reads to MACHINE's work folder: vmlinux and initramfs."""
    os.symlink(machine.kernel.vmlinux(), f"{machine.work}/vmlinux")
    with open(f"{machine.work}/initramfs", "wb") as file:
        file.write(machine.initramfs)


def command(machine):
    """Prepares MACHINE's work folder; returns the command that runs the host."""
    if not shutil.which(PROGRAM):
        raise SetupError(f"{PROGRAM} is not installed: apt-get install qemu-system-x86, or use --host=bochs")
    work = machine.work
    files(machine)
    parts = command_line(machine, work, machine.packages, f"{work}/console")
    # Without KVM there is no VT-x, but a host to try things on.
    parts += [*KVM, "host"] if os.access("/dev/kvm", os.W_OK) else ["-accel", "tcg", "-cpu", "max"]
    if machine.terminal:
        parts += ["-serial", machine.terminal]
    return parts


def stop(process, _ended):
    """Ends the host: what it had to say has come, or is not wanted."""
    process.kill()


def _boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def works(cache, testhost):
    """Whether a host in QEMU can run a guest under VT-x; TESTHOST is the program."""
    if not shutil.which(PROGRAM) or not os.access("/dev/kvm", os.W_OK):
        return False
    known = f"{cache}/qemu-works"
    try:
        with open(known, encoding="ascii") as file:
            boot, answer = file.read().split()
        if boot == _boot_id():
            return answer == "yes"
    except (FileNotFoundError, ValueError):
        pass
    probe = f"{cache}/hostprobe"
    subprocess.run(["gcc", "-O2", "-static", "-s", "-o", probe, f"{HERE}/hostprobe.c"], check=True)
    run = subprocess.run([testhost, "--host=qemu", "--no-module", "--kvm", "--timeout", "60", "--add", probe,
                          "--", "hostprobe"], check=False, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(known, "w", encoding="ascii") as file:
        file.write(f"{_boot_id()} {'no' if run.returncode else 'yes'}\n")
    return run.returncode == 0
