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

# Half of the way to init of a stock kernel was spent on what no test here asks
# for: self-tests of ciphers and the keys that modules are signed with.
CMDLINE = (
    "console=ttyS0,115200 quiet loglevel=5 "
    "panic=1 reboot=t "                         # a panic ends the emulator
    f"tsc=reliable tsc_early_khz={IPS // 1000} "    # CPUID says 3.5 GHz, the TSC runs at IPS
    "mitigations=off nokaslr cryptomgr.notests "
    "initcall_blacklist=load_system_certificate_list")

CONFIG = """\
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
display_library: nogui
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={work}/disk.img, mode=flat, cylinders={cylinders}, heads={heads}, spt={spt}
boot: disk
com1: enabled=1, mode=file, dev={work}/console
clock: sync=none, time0=1735689600
port_e9_hack: enabled=1
log: {work}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
"""


def command(work, cache, kernel, initramfs, options):
    """Prepares folder WORK; returns the command that runs the host."""
    program = f"{cache}/bochs/bin/bochs"
    if not os.path.exists(program):
        raise SetupError("Bochs is not built yet: run scripts/setup")
    cmdline = f"{CMDLINE} {options.cmdline}".strip()
    cylinders = disk.build(f"{work}/disk.img", cache, kernel, initramfs, options.memory, cmdline)
    heads, spt = disk.GEOMETRY
    with open(f"{work}/bochsrc", "w", encoding="ascii") as file:
        file.write(CONFIG.format(model=MODEL, cpus=options.cpus, ips=IPS, memory=options.memory,
                                 work=work, cylinders=cylinders, heads=heads, spt=spt))
    return [program, "-q", "-f", f"{work}/bochsrc"]
