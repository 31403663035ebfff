"""docs/special_filtering.md: each command does, in its order, what the page shows."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.console import Step, Terminal, sessions
from tests.support.mounts import private_mounts
from tests.support.processes import unified
from tests.support.system import checked, libc, sh
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


DOCUMENT = Path(__file__).parents[2] / "docs/special_filtering.md"
CLONE_NEWCGROUP = 0x02000000

# Lines with a number that is another one each time, on the page and as they come.
NUMBERS = re.compile(r"(?:\[1\] |mnt:\[)?(\d+)\]?")
# A row's PID, and its padding; the number of a mount namespace has more digits.
PROCESS = re.compile(r"^\d{1,7} +(?=curl )", re.MULTILINE)
ENDED = re.compile(r"\[1\]\+ +Terminated .*")  # a shell says it when it sees it
# What a terminal is told at the end: docs/output.md.
SUMMARY = re.compile(r"\n\d+ attempts? in .*", re.DOTALL)
JOB = re.compile(r".* (\S+) \S+ &")  # the program that ends up in the background


@contextmanager
def hierarchy() -> Iterator[Path]:
    """Have /sys/fs/cgroup be a cgroup of our own; yield its list of processes."""
    cgroup = unified() / f"tcpconnect-test-{os.getpid()}"
    cgroup.mkdir()
    try:
        with private_mounts():
            sh(f"mount --bind {cgroup} /sys/fs/cgroup")
            yield Path("/sys/fs/cgroup/cgroup.procs")
    finally:
        events = cgroup / "cgroup.events"
        wait_until(lambda: "populated 0\n" in events.read_text(), "all to end")
        for each in sorted(cgroup.glob("**/"), reverse=True):
            each.rmdir()


@pytest.fixture
def terminals() -> Iterator[tuple[Terminal, Terminal]]:
    """Two terminals, in cgroups that begin at our own."""
    with hierarchy() as procs:

        def enter() -> None:
            procs.write_text(f"{os.getpid()}\n")
            checked(libc.unshare(CLONE_NEWCGROUP))

        with Terminal(enter) as first, Terminal(enter) as second:
            yield first, second


class Page:
    """What the page shows, with the numbers of this run in the place of its own."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}

    def learn(self, expected: list[str], lines: list[str]) -> None:
        """Learn the numbers that came from those that were expected."""
        for theirs, ours in zip(expected, lines, strict=True):
            found = NUMBERS.fullmatch(theirs), NUMBERS.fullmatch(ours)
            if found[0] and found[1]:
                old, new = (match[1] for match in found if match)
                self._numbers.setdefault(old, new)
                self._numbers.setdefault(in_bytes(old), in_bytes(new))

    def translate(self, text: str) -> str:
        """Return a text of the page with the numbers that were learnt."""
        if not self._numbers:
            return text
        return re.sub(
            rf"\b({'|'.join(self._numbers)})\b",
            lambda match: self._numbers[match[0]],
            text,
        )

    def compare(self, step: Step, lines: list[str]) -> None:
        """Check what came of a step."""
        shown = "\n".join(line for line in lines if not ENDED.fullmatch(line))
        lines = SUMMARY.sub("", shown).splitlines()
        self.learn(step.lines, lines)
        expected, came = (
            PROCESS.sub("PID ", "\n".join(each)) for each in (step.lines, lines)
        )
        assert (step.command, came) == (step.command, self.translate(expected))


def in_bytes(number: str) -> str:
    """Return a number as bpftool prints it."""
    return int(number).to_bytes(8, "little").hex(" ")


def wait_for_job(step: Step, lines: list[str]) -> None:
    """Wait until the program runs that a step has put into the background."""
    if program := JOB.fullmatch(step.command):
        name = Path("/proc", lines[0].split()[-1], "comm")
        wait_until(lambda: name.read_text() == f"{program[1]}\n", program[1])


@pytest.mark.usefixtures("far")
def test_page(terminals: tuple[Terminal, Terminal]) -> None:
    """Commands after a trace are typed in the other terminal while it runs."""
    page = Page()
    one, other = terminals
    trace: Step | None = None
    for session in sessions(DOCUMENT):
        if session[-1].interrupted:
            (trace,) = session
            one.begin(page.translate(trace.command), 1)
            continue
        for step in session:
            lines = other.run(page.translate(step.command))
            wait_for_job(step, lines)
            page.compare(step, lines)
        if trace:
            one.wait_for(len(trace.lines) - 1)  # all but the echo of Ctrl-C
            page.compare(trace, one.interrupt())
            trace = None
    assert not trace


def test_all_blocks_are_sessions() -> None:
    """Nothing that looks like a session is left out."""
    assert 2 * len(sessions(DOCUMENT)) == DOCUMENT.read_text().count("```") > 0
