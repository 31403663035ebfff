"""The ways of running the tool that are compared, and how to check what each showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bench.generator import NETWORK, UNUSED_PORT
from tcpconnect.connection import CONNECTION

if TYPE_CHECKING:
    from bench.generator import Made

BASE = "table"


class Mode(NamedTuple):
    """Options of the tool, and the command that it traces instead of all.

    ``shows``: which attempts it shows: all, failed or none.
    """

    name: str
    options: tuple[str, ...]
    shows: str = "all"
    command: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it counts in the kernel, instead of a line an attempt."""
        return self.name.startswith("-c")


def _many_networks() -> list[str]:
    """Return 9,999 networks of many lengths, where no connect goes, as options."""
    networks = (
        f"{10 + n % 7}.{n // 7 % 256}.{n // 1792}.0/{24 + n % 9}" for n in range(9999)
    )
    texts = list(networks)
    chunks = (texts[i : i + 3000] for i in range(0, len(texts), 3000))
    return [word for chunk in chunks for word in ("--to", ",".join(chunk))]


MODES = {
    mode.name: mode
    for mode in (
        Mode(BASE, ()),
        Mode("-r", ("-r",)),
        Mode("--why", ("--why",)),
        Mode("-L", ("-L",)),
        Mode("-j", ("-j",)),
        Mode("-rj", ("-rj",)),
        Mode("csv", ("--format", "csv")),
        Mode("-r csv", ("-r", "--format", "csv")),
        Mode("-d", ("-d",)),
        Mode("-rd", ("-rd",)),
        Mode("all", ("-rd", "--why", "--columns", ",".join(CONNECTION))),
        Mode("exe container", ("--columns", "pid,comm,daddr,dport,exe,container")),
        Mode("-c", ("-c",)),
        Mode("-cr", ("-cr",)),
        Mode("--failed", ("--failed",), "failed"),
        Mode("-P other", ("-P", str(UNUSED_PORT)), "none"),
        Mode("--slower", ("--slower", "60000"), "none"),
        Mode("--to 1", ("--to", f"{NETWORK}0/24")),
        Mode("--to 10000", ("--to", f"{NETWORK}0/24", *_many_networks())),
        Mode("--", (), "none", ("sleep", "3600")),
    )
}


def mismatch(mode: Mode, output: bytes, made: Made, lost: int) -> str:
    """Return in what the output, plus what was lost, differs from what was made."""
    expected = {"all": made.connects, "failed": made.failed, "none": 0}[mode.shows]
    lines = [line for line in output.splitlines() if NETWORK.encode() in line]
    shown, failed = _counted(lines) if mode.counts else _listed(lines)
    if shown + lost != expected:
        return f"{expected} made, {shown} shown, {lost} lost"
    with_results = mode.counts or b"ECONNREFUSED" in output
    if mode.shows != "none" and with_results and not lost and failed != made.failed:
        return f"{made.failed} refused, {failed} shown as such"
    return ""


def _listed(lines: list[bytes]) -> tuple[int, int]:
    return len(lines), sum(b"ECONNREFUSED" in line for line in lines)


def _counted(lines: list[bytes]) -> tuple[int, int]:
    """Add CONNECTS and FAILED of ``-c``, the fourth and sixth column."""
    rows = [line.split() for line in lines]
    return sum(int(row[3]) for row in rows), sum(int(row[5]) for row in rows)
