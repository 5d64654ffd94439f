# SPDX-License-Identifier: GPL-2.0-only
"""A test host in an emulator: what is in it, its run from start to end, its end.

bochs.py, qemu.py and nested.py know how to start and stop one, init is what
happens inside.
"""
import os
import selectors
import shlex
import subprocess
import sys
import time

from channel import Channel
from errors import Crashed, DidNotBoot, NoSuchFile, SetupError, TimeOut
from kernel import Kernel, modinfo
from terminal import Terminal
import hostlog
import initramfs
import packages
import symbols

TOP = os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../..")

# Some kernels' modules have a parameter and others do not, see parameters().
PARAMETERS = {
    # The oracle is the local APIC that KVM itself models: with APICv it gives a
    # few other answers (registers that an x2APIC lacks, a deadline set early).
    "kvm_intel": ("enable_apicv=0", "nested=1"),
    # Since 6.12 a loaded kvm_intel would hold VT-x even without a VM.
    "kvm": ("enable_virt_at_load=0",),
}
# Memory if no --memory is given: the debug host keeps a shadow of its own, and
# for a while what it frees.
MIB, DEBUG_MIB = 512, 768
# ext4 asks for crc32c by name, which module_closure() does not see.
PACKAGE_MODULES = ("ata_piix", "sd_mod", "crc32c_generic", "ext4", "overlay")


def report(text):
    print(text, file=sys.stderr, flush=True)


def parameters(name, module):
    """Returns NAME with the parameters that MODULE (bytes) is to be loaded with."""
    known = [p for p in PARAMETERS.get(name, ()) if b"\0parmtype=" + p.split("=")[0].encode() + b":" in module]
    return ":".join([name, *known])


def newest_source():
    """Returns when the module's sources changed last."""
    paths = [f"{TOP}/Kbuild"] + [f"{folder}/{name}" for top in ("module", "uapi")
                                 for folder, _, names in os.walk(f"{TOP}/{top}") for name in names
                                 if name == "Kbuild" or name.endswith((".c", ".h", ".S"))]
    return max(os.path.getmtime(path) for path in paths if not path.endswith(".mod.c"))


def minivmm(kernel, cache):
    """Returns the path of minivmm.ko for KERNEL, built now if there is none of these sources."""
    changed = newest_source()
    copy = f"{cache}/kernel/{kernel.version}/minivmm/module/minivmm.ko"
    for path in (copy, f"{TOP}/module/minivmm.ko"):
        if os.path.exists(path) and os.path.getmtime(path) >= changed:
            with open(path, "rb") as file:
                if modinfo(file.read(), "vermagic").split(" ")[0] == kernel.release:
                    return path
    build = subprocess.run([f"{TOP}/scripts/build-module", kernel.version], check=False, stdout=sys.stderr)
    if build.returncode or not os.path.exists(copy):
        raise SetupError(f"no minivmm.ko for Linux {kernel.version}: see above, or use --no-module")
    return copy


def stripped(path, work):
    """Returns the bytes of the module at PATH without what is there for debuggers."""
    copy = f"{work}/{os.path.basename(path)}"
    subprocess.run(["objcopy", "--strip-debug", "--remove-section=.BTF", path, copy], check=True)
    with open(copy, "rb") as file:
        return file.read()


def add_path(files, spec):
    """Adds what --add SPEC says to FILES; returns the path of it here."""
    source, _, dest = spec.partition(":")
    if not os.path.exists(source):
        raise SetupError(f"--add {source}: no such file")
    if not dest or dest.endswith("/"):
        dest += os.path.basename(os.path.abspath(source))
    files.copy(os.path.realpath(source), dest)
    return os.path.realpath(source)


def read(path):
    """Returns the text of a file that the emulator writes, '' if it did not."""
    try:
        with open(path, "rb") as file:
            return hostlog.clean(file.read())
    except FileNotFoundError:
        return ""


def output(stream, data):
    """Passes the command's output on."""
    target = sys.stdout.buffer if stream == 1 else sys.stderr.buffer
    target.write(data)
    target.flush()


class Machine:
    """One test host.  run() returns the command's exit status."""

    def __init__(self, options, cache, work):
        self.options, self.cache, self.work = options, cache, work
        folder = f"{cache}/kernel/{options.kernel}"
        if not os.path.exists(f"{folder}/headers"):
            raise SetupError(f"kernel {options.kernel} is not here: run scripts/setup --kernel {options.kernel}")
        self.kernel = Kernel(folder)
        if not options.memory:
            options.memory = DEBUG_MIB if self.kernel.debug else MIB
        # ELF files with line numbers, for reports: the kernel's own is ""
        self.symbols = {"": f"{folder}/vmlinux"} if self.kernel.debug else {}
        self.packages, programs = None, frozenset()
        if options.package:
            self.packages, programs = packages.image(options.package, cache)
        self.tty = Terminal() if options.interactive else None
        self.initramfs = initramfs.base(cache, programs) + self._files().bytes()

    @property
    def terminal(self):
        """Path of the terminal that is the other end of the host's COM2, if any."""
        return self.tty and self.tty.path

    def _modules(self):
        options = self.options
        wanted = list(PACKAGE_MODULES if options.package else ()) + (["kvm_intel"] if options.kvm else [])
        wanted += options.load
        modules = self.kernel.module_closure(wanted)
        if not options.no_module:
            path = minivmm(self.kernel, self.cache)
            self.symbols["minivmm"] = path
            modules.append(("minivmm", stripped(path, self.work)))
        return modules

    def _files(self):
        files = initramfs.Files()
        modules = self._modules()
        for name, data in modules:
            files.data(f"testhost/modules/{name}.ko", data)
        config = {
            "modules": " ".join(parameters(name, data) for name, data in modules),
            "get": "\n".join(spec.partition(":")[0] for spec in self.options.get),
            "packages": packages.LABEL if self.packages else "",
            "terminal": "/dev/ttyS1" if self.tty else "",
        }
        if self.tty:
            config["rows"], config["columns"] = map(str, self.tty.size())
        lines = [f"{key}={shlex.quote(value)}\n" for key, value in config.items()]
        files.data("testhost/config", "".join(lines).encode())
        command = shlex.join(self.options.command) or "exec sh -i"
        files.data("testhost/command", f"{command}\n".encode())
        for spec in self.options.add:
            path = add_path(files, spec)
            if path.endswith(".ko"):
                self.symbols.setdefault(os.path.basename(path)[:-3].replace("-", "_"), path)
        return files

    def _follow(self, process, channel, deadline):
        """Passes on what comes until all has come; returns why it ended early, or None."""
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        if self.tty:
            self.tty.register(selector)
        while not channel.done and not channel.rebooted:
            left = deadline - time.monotonic()
            if left <= 0:
                return TimeOut
            for key, _ in selector.select(left):
                if key.fileobj is not process.stdout:
                    if not self.tty.relay(key.fileobj, selector):
                        return KeyboardInterrupt
                    continue
                data = os.read(process.stdout.fileno(), 1 << 16)
                if not data:
                    return Crashed
                channel.feed(data)
        if self.tty:
            self.tty.drain()
        return Crashed if channel.rebooted else None

    def run(self, host):
        """Runs the machine in HOST (bochs, qemu or nested)."""
        started = time.monotonic()
        channel = Channel(output)
        command = host.command(self)
        prepared = time.monotonic()
        deadline = started + self.options.timeout
        ended = KeyboardInterrupt
        with open(f"{self.work}/errors", "wb") as errors, \
             subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=errors, start_new_session=True) as process:
            try:
                ended = self._follow(process, channel, deadline)
            finally:
                host.stop(process, ended)
                if self.tty:
                    self.tty.restore()
        if self.options.verbose:
            report(f"testhost: {prepared - started:.1f} s to prepare, "
                   f"{time.monotonic() - prepared:.1f} s in the host")
        return self._judge(channel, ended)

    def _show_log(self, log):
        text = symbols.with_lines(hostlog.around_trouble(log), log, self.symbols)
        report(f"---- log of the host's kernel ----\n{text}\n" + "-" * 34)

    def _judge(self, channel, ended):
        """Returns the run's exit status, or raises what went wrong with the host."""
        if ended is KeyboardInterrupt:
            raise KeyboardInterrupt
        console = read(f"{self.work}/console")
        log = hostlog.clean(channel.log) or console
        if self.options.verbose:
            report(log)
        if not channel.hellos:
            self._not_up(console, ended)
        found = hostlog.trouble(log)
        if not found and hostlog.trouble(console):
            log, found = console, hostlog.trouble(console)
        if found:
            self._show_log(log)
            raise Crashed(f"the host's log tells of trouble: {found}")
        if channel.rebooted and self.options.reboot:
            return 0
        if channel.failure:
            self._show_log(log)
            raise DidNotBoot(channel.failure)
        if ended is TimeOut:
            raise TimeOut(f"time ran out ({self.options.timeout:g} s): use --timeout if the command takes longer")
        if ended:
            self._show_log(log)
            raise Crashed("the host went down before the command ended: see its log above")
        if self.options.reboot:
            raise Crashed("the host did not reboot: the command ended with status "
                          f"{channel.status} and left it up")
        self._save_files(channel)
        return channel.status

    def _not_up(self, console, ended):
        self._show_log(console)
        words = [line for name in ("errors", "bochs.log") for line in read(f"{self.work}/{name}").splitlines()]
        report("\n".join(words[-5:]))
        if ended is TimeOut:
            raise TimeOut(f"time ran out ({self.options.timeout:g} s) before the host was up: see its log above")
        raise DidNotBoot("the host ended before it was up: see its log above")

    def _save_files(self, channel):
        for spec in self.options.get:
            path, _, dest = spec.partition(":")
            dest = dest or os.path.basename(path)
            if path not in channel.files:
                raise NoSuchFile(f"--get {path}: no such file in the host (the command's status was {channel.status})")
            with open(dest, "wb") as file:
                file.write(channel.files[path])
