"""Boots kernels and runs the tests of tests/kernel, or a command, on each."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .boot import Order, Outcome, boot
from .cache import TOP, cached, key_of, locked, pack
from .debian import host_mirror
from .errors import VmError
from .kernels import KERNELS, Kernel, fetch
from .project import build_wheel, copy_files, install
from .report import JUNIT, Run, problems, read_run, table
from .roots import make_root

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = TOP / ".cache/vm"
TESTS = ["tests/kernel"]

# Attaching, results, filters, columns and names: where all of TESTS takes too long.
# What is printed (options), and the sets that user space fills (pids, maps), are tried
# where all of TESTS are.
BASIC = [
    f"tests/kernel/test_{name}.py"
    for name in (
        *("filters", "count", "outcomes", "outcomes_rare"),
        *("names_dns", "names_libc", "process", "follow", "api"),
        *("refused", "refused_ways", "asked"),
        *("why", "why_firewall", "why_refused"),
        *("pending", "preempted", "skipped_programs", "namespaces_again"),
    )
]

# Now and then a kernel crashes that patches its own code while the emulator boots it.
BOOTS = 3

# A test that hangs is stopped, and the others are still run.
PYTEST = "pytest -v --color=no -p no:cacheprovider --timeout=100"


def main() -> int:
    """Return 0 when all is well on all kernels, 1 when not."""
    options = parse_arguments()
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        with locked(CACHE, alone=True):
            orders = prepare(options)
    except VmError as error:
        say(f"vm: {error}")
        return 1
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(carry_out, orders))
    if options.run:
        return tell_statuses(orders, outcomes)
    runs = map(read_run, (order.kernel for order in orders), outcomes)
    return tell_results(list(runs))


def parse_arguments() -> argparse.Namespace:
    """Return the options, with the chosen kernels in ``kernels``."""
    names = ", ".join(kernel.name for kernel in KERNELS)
    parser = argparse.ArgumentParser(prog="vm", description=__doc__)
    add = parser.add_argument
    add("tests", nargs="*", help=f"default: {' '.join(TESTS)}; on arm64 a part of it")
    add("--basic", action="append", metavar="NAME", help="run a part on this kernel")
    add("--kernel", action="append", metavar="NAME", help=f"of {names}; default: all")
    add("-k", metavar="EXPR", help="which tests, as in pytest -k")
    add("-m", metavar="EXPR", help="which tests, as in pytest -m")
    add("--run", metavar="CMD", help="a command line to run instead of the tests")
    jobs = min(2, os.cpu_count() or 1)
    add("--jobs", type=int, default=jobs, metavar="N", help="machines at a time")
    add("--cpus", type=int, default=1, metavar="N", help="of each machine")
    add("--limit", type=int, default=3600, metavar="SECONDS", help="for each kernel")
    add("--mirror", metavar="URI", help="of Debian; default: this host's")
    add("--update", action="store_true", help="look for newer kernels")
    options = parser.parse_args()
    wanted = options.kernel or [kernel.name for kernel in KERNELS]
    basic = options.basic = options.basic or []
    options.kernels = [kernel for kernel in KERNELS if kernel.name in wanted]
    # What takes longest begins first.
    options.kernels.sort(key=lambda kernel: runs_a_part(kernel, basic))
    if unknown := {*wanted, *basic} - {kernel.name for kernel in KERNELS}:
        parser.error(f"no kernel {', '.join(sorted(unknown))}; there are {names}")
    return options


def runs_a_part(kernel: Kernel, basic: list[str]) -> bool:
    """Say whether a kernel runs BASIC only."""
    return kernel.arch != "amd64" or kernel.name in basic


def prepare(options: argparse.Namespace) -> list[Order]:
    """Make all that is needed, but for what is there; return what is to run."""
    mirror = options.mirror or host_mirror()
    if options.update:
        shutil.rmtree(CACHE / "kernels", ignore_errors=True)
    kernels = []
    for kernel in options.kernels:
        say(f"{kernel.name}: fetch the kernel of {kernel.suite}")
        kernels.append(fetch(kernel, CACHE, mirror))
    arches = sorted({kernel.arch for kernel in options.kernels})
    roots = {arch: pack_root(arch, mirror) for arch in arches}
    project = pack_project()
    limits = (options.cpus, options.limit)
    return [
        Order(
            *(CACHE, kernel, roots[kernel.kernel.arch], project),
            *(write_script(options, kernel.kernel), *limits),
        )
        for kernel in kernels
    ]


class More(NamedTuple):
    """What a root has more than others: packages, and what ``add`` puts into it.

    ``key`` changes when ``add`` puts something else there. Without ``tool`` that is not
    installed.
    """

    packages: tuple[str, ...]
    add: Callable[[Path], None]
    key: str
    tool: bool = True


def pack_root(arch: str, mirror: str, name: str = "", more: More | None = None) -> Path:
    """Return the archive of a root file system with the tool in it, or ``more``."""
    name = name or arch
    say(f"{name}: make the root file system")
    root = make_root(arch, CACHE, mirror, more.packages if more else ())
    wheel = build_wheel(CACHE) if not more or more.tool else None
    built = key_of(wheel.parent) if wheel else ""
    key = f"{key_of(root.folder)} {built} {more.key if more else ''}"

    def make(folder: Path) -> None:
        install(root, arch, wheel)
        if more:
            more.add(root.folder)
        pack(root.folder, folder / "root.cpio")

    return cached(CACHE / f"archive-{name}", key, make) / "root.cpio"


def pack_project() -> Path:
    """Return the archive of the project's files."""
    archive = CACHE / "project.cpio"
    with tempfile.TemporaryDirectory(dir=CACHE) as tree:
        copy_files(Path(tree))
        pack(Path(tree), archive)
    return archive


def write_script(options: argparse.Namespace, kernel: Kernel) -> str:
    """Return what a machine runs: nothing may be skipped silently there."""
    command = options.run
    if not command:
        part = runs_a_part(kernel, options.basic)
        tests = options.tests or (BASIC if part else TESTS)
        words = [*PYTEST.split(), f"--junit-xml=/vm/out/{JUNIT}", *tests]
        for option in ("-k", "-m"):
            if expression := getattr(options, option.lstrip("-")):
                words += [option, expression]
        command = shlex.join(words)
    return f"export CI=1 TCPCONNECT_EMULATED=1\ncd /project\n{command}\n"


def carry_out(order: Order) -> Outcome:
    """Boot a machine; show what it prints, with the kernel's name before it."""
    name = order.kernel.kernel.name
    log = CACHE / f"{name}.console"
    for _ in range(BOOTS):
        say(f"{name}: boot Linux {order.kernel.release}")
        outcome = boot(order, log, lambda line: say(f"{name}| {line}"))
        if outcome.up_s is not None:
            break
        say(f"{name}: {outcome.complaint}")
    return outcome


def tell_statuses(orders: list[Order], outcomes: list[Outcome]) -> int:
    """Say how --run ended on each kernel."""
    for order, outcome in zip(orders, outcomes, strict=True):
        end = outcome.complaint or f"exit status {outcome.exit_status}"
        say(f"{order.kernel.kernel.name}: {end}")
    return int(any(outcome.exit_status != 0 for outcome in outcomes))


def tell_results(runs: list[Run]) -> int:
    """Print the table, and what is wrong below it."""
    say("\n" + "\n".join(table(runs)))
    wrong = [f"{run.kernel.kernel.name}: {p}" for run in runs for p in problems(run)]
    say("\n" + "\n".join(wrong or ["all is well"]))
    return int(bool(wrong))


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
