"""Boots a machine with the peers in it; prints the report, and puts it into docs."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

from bench import document
from bench.peers.report import cases, report

from .__main__ import CACHE, More, carry_out, say
from .debian import Apt
from .errors import VmError, run
from .suites import parser_for, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from .kernels import KernelFiles

PACKAGES = ("bpfcc-tools", "libbpf-tools", "bpftrace")
RESULT = "peers.json"


def main() -> int:
    """Return 0 when all was measured."""
    parser = parser_for("peers", __doc__, limit_s=3600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--write", action="store_true", help="put the reports into docs"
    )
    given = parser.parse_args()
    guest = f"bench.peers.guest --rounds {given.rounds} --output /vm/out/{RESULT}"
    try:
        order = prepare("peers", given, more, f"cd /project\npython3 -m {guest}\n", 2)
    except VmError as error:
        say(f"peers: {error}")
        return 1
    outcome = carry_out(order)
    if outcome.exit_status or RESULT not in outcome.out:
        say(f"peers: {outcome.complaint or f'exit status {outcome.exit_status}'}")
        return 1
    result = json.loads(outcome.out[RESULT])
    for name, lines in (("peers", report(result)), ("cases", cases(result))):
        text = list(lines)
        say("\n" + "\n".join(text))
        if given.write:
            document.write(name, text)
    return 0


def more(kernel: KernelFiles, mirror: str) -> More:
    """Say what the machine has: the peers, and what bcc's compile with."""

    def add(root: Path) -> None:
        add_headers(root, kernel, mirror)

    return More(PACKAGES, add, kernel.release)


def add_headers(root: Path, kernel: KernelFiles, mirror: str) -> None:
    """Unpack the kernel's headers, which bcc's tool compiles with."""
    suite, arch = kernel.kernel.suite, kernel.kernel.arch
    apt = Apt(CACHE / "apt" / kernel.kernel.name, mirror, suite, arch)
    headers = f"linux-headers-{kernel.release}"
    common = [n for n in apt.dependencies(headers) if n.startswith("linux-headers-")]
    room = root / "tmp/headers"
    room.mkdir(parents=True, exist_ok=True)
    for package in apt.download([headers, *common], room):
        run("dpkg-deb", "--extract", package, room, what=f"unpack {package.name}")
        package.unlink()
    for part in ("usr/src", "usr/lib/modules", "lib/modules"):
        if (room / part).is_dir():
            target = root / "usr" / part.removeprefix("usr/")
            target.mkdir(parents=True, exist_ok=True)
            # They may be there already; shutil would stumble over their links.
            run("cp", "--archive", f"{room / part}/.", target, what="copy the headers")
    shutil.rmtree(room)


if __name__ == "__main__":
    sys.exit(main())
