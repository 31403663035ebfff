"""Boots a kernel in QEMU and runs a script there."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .cache import locked, pack
from .console import Console

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kernels import KernelFiles

INIT = Path(__file__).with_name("init")

# No KVM, even where it is: the pace shall be the same on every machine. A CPU that can
# do little is emulated faster; it needs a source of entropy.
EMULATORS = {
    "amd64": "qemu-system-x86_64 -cpu Nehalem,+rdrand",
    "arm64": "qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on",
}
MACHINE = "-accel tcg,thread=multi -m 4096 -nographic -no-reboot -nic none"

# The emulator's clocks are one and the same, which Linux doesn't believe: it would take
# the HPET, whose every reading is slow.
DEVICES = {"amd64": "console=ttyS0 tsc=reliable", "arm64": "console=ttyAMA0"}
KERNEL_LINE = "panic=-1 quiet rdinit=/init random.trust_cpu=on"
# What costs time and protects from what is not in these machines.
KERNEL_LINE += " mitigations=off init_on_alloc=0 nokaslr"

LIMIT = "timeout --foreground --kill-after=10"
TIMED_OUT = 124


class Order(NamedTuple):
    """What to run, on what, for how long at most; root and project are archives."""

    cache: Path
    kernel: KernelFiles
    root: Path
    project: Path
    script: str
    cpus: int
    limit_s: int


class Outcome(NamedTuple):
    """How it went; ``complaint`` says why there is no exit status of the script."""

    up_s: float | None
    total_s: float
    exit_status: int | None
    complaint: str
    out: dict[str, bytes]


def boot(order: Order, log: Path, show: Callable[[str], None]) -> Outcome:
    """Run the script of the order; ``log`` gets all that the console prints."""
    start = time.monotonic()
    console = Console(show)
    with tempfile.TemporaryDirectory(dir=log.parent) as room:
        initrd = _write_initrd(order, Path(room))
        ended = _run_qemu(order, initrd, log, console)
    complaint = ""
    if console.exit_status is None:
        complaint = _complaint(order, console, log, timed_out=ended == TIMED_OUT)
    total = time.monotonic() - start
    return Outcome(console.up_s, total, console.exit_status, complaint, console.out)


def _write_initrd(order: Order, room: Path) -> Path:
    """Join the archives: the kernel unpacks one after the other."""
    tree, last, initrd = room / "tree", room / "script.cpio", room / "initrd"
    (tree / "vm").mkdir(parents=True)
    (tree / "vm/run").write_text(order.script)
    shutil.copy(INIT, tree / "init")
    (tree / "init").chmod(0o755)
    pack(tree, last)
    with locked(order.cache, alone=False), open(initrd, "wb") as joined:
        for archive in (order.root, order.kernel.modules, order.project, last):
            with open(archive, "rb") as part:
                shutil.copyfileobj(part, joined, 1 << 20)
    return initrd


def _run_qemu(order: Order, initrd: Path, log: Path, console: Console) -> int:
    """Return the exit code of the emulator, once the machine is off."""
    arch = order.kernel.kernel.arch
    command = [*LIMIT.split(), str(order.limit_s), *EMULATORS[arch].split()]
    command += [*MACHINE.split(), "-smp", str(order.cpus)]
    command += ["-kernel", str(order.kernel.image), "-initrd", str(initrd)]
    command += ["-append", f"{DEVICES[arch]} {KERNEL_LINE}"]
    with (
        open(log, "wb", buffering=0) as copy,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as qemu,
    ):
        for line in qemu.stdout or ():
            copy.write(line)
            console.read(line.decode(errors="replace"))
    return qemu.returncode


def _complaint(order: Order, console: Console, log: Path, *, timed_out: bool) -> str:
    if console.up_s is None:
        what = "did not boot"
    elif timed_out:
        what = "did not end"
    else:
        what = "ended without a result"
    if timed_out:
        what += f" in {order.limit_s} s"
    return f"{what}; the console is in {log}"
