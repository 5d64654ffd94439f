# SPDX-License-Identifier: GPL-2.0-only
"""The test host in Bochs: an emulated machine whose processors have VT-x.

Its clock is the count of instructions executed, so with one CPU a run takes the
same number of ticks on any machine and under any load.  Read next: channel.py.
"""
import os

from errors import SetupError
import disk

# The 6.1 kernel hangs early on corei7_icelake_u and later models.
MODEL = "corei7_skylake_x"
IPS = 50_000_000
# The debug host executes some ten times as many instructions for the same work.
# If they took that much longer, timers and timeouts would be all it does.
DEBUG_IPS = 400_000_000

# Half of the way to init of a stock kernel was spent on what no test here asks
# for: self-tests of ciphers and the keys that modules are signed with.
CMDLINE = (
    "console=ttyS0,115200 quiet loglevel=5 "
    "panic=1 "
    "tsc=reliable tsc_early_khz={khz} "     # CPUID says 3.5 GHz, the TSC runs at IPS
    "mitigations=off cryptomgr.notests "
    "initcall_blacklist=load_system_certificate_list")

# Bochs takes no more MiB of this machine; the rest it keeps in a file.
HOST_MEMORY = 2048

CONFIG = """\
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault={reset}
memory: guest={memory}, host={host_memory}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
display_library: nogui
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={work}/disk.img, mode=flat, {geometry}
boot: disk
com1: enabled=1, mode=file, dev={work}/console
clock: sync=none, time0=1735689600
port_e9_hack: enabled=1
log: {work}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
"""

PACKAGES = """\
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=disk, path={path}, mode=flat, {geometry}
"""


def _geometry(path):
    heads, spt = disk.GEOMETRY
    cylinders = os.path.getsize(path) // (disk.SECTOR * heads * spt)
    return f"cylinders={cylinders}, heads={heads}, spt={spt}"


def command(machine):
    """Prepares MACHINE's work folder; returns the command that runs the host."""
    program = f"{machine.cache}/bochs/bin/bochs"
    if not os.path.exists(program):
        raise SetupError("Bochs is not built yet: run scripts/setup")
    options, work = machine.options, machine.work
    # A triple fault ends the emulator, and a panic is made to end in one; but
    # who expects a reboot wants the machine's own.
    reboot = "reboot=k" if options.reboot else "reboot=t"
    ips = DEBUG_IPS if machine.kernel.debug else IPS
    cmdline = f"{CMDLINE.format(khz=ips // 1000)} {reboot} {options.cmdline}".strip()
    disk.build(f"{work}/disk.img", machine, cmdline)
    config = CONFIG.format(model=MODEL, cpus=options.cpus, ips=ips, memory=options.memory,
                           host_memory=min(options.memory, HOST_MEMORY), work=work,
                           geometry=_geometry(f"{work}/disk.img"), reset=int(options.reboot))
    if machine.packages:
        # Bochs puts a lock beside a disk: a name of its own lets several hosts
        # have the same packages.  None writes to them.
        os.symlink(machine.packages, f"{work}/packages.img")
        config += PACKAGES.format(path=f"{work}/packages.img", geometry=_geometry(machine.packages))
    if machine.terminal:
        config += f"com2: enabled=1, mode=term, dev={machine.terminal}\n"
    with open(f"{work}/bochsrc", "w", encoding="ascii") as file:
        file.write(config)
    return [program, "-q", "-f", f"{work}/bochsrc"]


def stop(process, _ended):
    """Ends the host: what it had to say has come, or is not wanted."""
    process.kill()
