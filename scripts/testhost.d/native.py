# SPDX-License-Identifier: GPL-2.0-only
"""The running machine itself as the test host: for a machine that has VT-x.

A fault in the module takes this machine down, so it is done only when asked
for.  The command sees the files of the machine's root file system with those of
--add over them, in a mount namespace of its own; what it writes goes to memory.
"""
import os
import shlex
import shutil
import signal
import subprocess

from errors import Crashed, DidNotBoot, NoSuchFile, SetupError, TimeOut
import hostlog

TOP = os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../..")

# $1: a folder on a tmpfs; then the command.  Runs in a mount namespace.
ENTER = """
set -e
root=$1
shift
mount -t tmpfs tmpfs "$root/space"
mkdir "$root/space/upper" "$root/space/work"
cp -a "$root/added" "$root/space"
mount -t overlay -o "lowerdir=$root/space/added:/,upperdir=$root/space/upper,workdir=$root/space/work" overlay "$root/host"
for folder in dev proc sys; do
	mount --rbind "/$folder" "$root/host/$folder"
done
status=0
chroot "$root/host" sh -c 'cd /; PATH=$PATH:/; export PATH; exec "$@"' sh "$@" || status=$?
while read -r path copy; do
	cp "$root/host/$path" "$copy" 2>/dev/null || true
done <"$root/get"
exit $status
"""


def _log_lines():
    log = subprocess.run(["dmesg"], check=False, stdout=subprocess.PIPE, text=True, errors="replace")
    return log.stdout.splitlines()


def _loaded(name):
    return os.path.exists(f"/sys/module/{name}")


def _load(options):
    """Loads what was asked for; returns what to unload afterwards."""
    loaded = []
    if options.kvm and not _loaded("kvm_intel"):
        if subprocess.run(["modprobe", "kvm_intel"], check=False).returncode:
            raise DidNotBoot("cannot load kvm_intel: see above and dmesg")
        loaded.append("kvm_intel")
    if not options.no_module and not _loaded("minivmm"):
        path = f"{TOP}/module/minivmm.ko"
        if not os.path.exists(path):
            raise SetupError("module/minivmm.ko is not built: run make")
        if subprocess.run(["insmod", path], check=False).returncode:
            raise DidNotBoot("cannot load minivmm: see above and dmesg")
        loaded.append("minivmm")
    return loaded


def _place(options, work):
    for folder in ("added", "space", "host", "got"):
        os.mkdir(f"{work}/{folder}")
    for spec in options.add:
        source, _, dest = spec.partition(":")
        if not os.path.exists(source):
            raise SetupError(f"--add {source}: no such file")
        if not dest or dest.endswith("/"):
            dest += os.path.basename(os.path.abspath(source))
        # /bin and the like are links to /usr/bin: go through them.
        folder = os.path.realpath("/" + os.path.dirname(dest.lstrip("/")))
        dest = f"{work}/added{folder}/{os.path.basename(dest)}"
        os.makedirs(os.path.dirname(dest), exist_ok=True)
        subprocess.run(["cp", "-rL", source, dest], check=True)
    with open(f"{work}/get", "w", encoding="utf-8") as file:
        for i, spec in enumerate(options.get):
            file.write(f"{spec.partition(':')[0]} {work}/got/{i}\n")


def _save(options, work):
    for i, spec in enumerate(options.get):
        path, _, dest = spec.partition(":")
        if not os.path.exists(f"{work}/got/{i}"):
            raise NoSuchFile(f"--get {path}: no such file")
        shutil.copyfile(f"{work}/got/{i}", dest or os.path.basename(path))


def _enter(command, options):
    """Runs COMMAND and returns its status; when time runs out, ends all of it."""
    if options.interactive:
        return subprocess.run(command, check=False).returncode
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            return process.wait(options.timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def run(options, work):
    """Runs the command on this machine and returns its exit status."""
    if os.geteuid():
        raise SetupError("--host=native loads modules: run it as root")
    if options.package or options.reboot:
        raise SetupError("--package and --reboot are not for --host=native")
    _place(options, work)
    before = len(_log_lines())
    loaded = _load(options)
    command = options.command or [os.environ.get("SHELL", "/bin/sh")]
    try:
        status = _enter(["unshare", "--mount", "sh", "-c", ENTER, "sh", work, *command], options)
    except subprocess.TimeoutExpired as error:
        raise TimeOut(f"time ran out ({options.timeout:g} s) for {shlex.join(command)}") from error
    finally:
        for name in reversed(loaded):
            subprocess.run(["rmmod", name], check=False)
    # The log is a ring: if it has wrapped, all that is left of it is new.
    lines = _log_lines()
    log = "\n".join(lines[before:] if len(lines) > before else [])
    found = hostlog.trouble(log)
    if found:
        raise Crashed(f"this machine's log tells of trouble: {found}")
    _save(options, work)
    return status if status >= 0 else 128 - status
