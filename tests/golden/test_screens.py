"""The table on terminals of several widths, as files to be read.

``screens/events.jsonl`` is a recording. Each ``screens/WIDTH.txt`` has what a terminal
of that width shows of it, with several options; ``pipe.txt`` what a pipe gets.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect.flow import Flow
from tcpconnect.formats import open_format
from tcpconnect.formats.fitting import cells
from tcpconnect.parsing import parse
from tcpconnect.sources.recording import Recording
from tcpconnect.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.batch import Batch

SCREENS = Path(__file__).with_name("screens")
OPTIONS = [
    "",
    "-T",
    "-rd",
    "--why -d",
    "-tLU -rd",
    "-TUL -rd --why",
    "--columns pid,comm,exe,daddr,dport,cmdline",
    "--columns pid,ppid,uid,comm,daddr,dport,container,unit,pod,exe,cgroup,query",
]
COUNTS = ["-c", "-cr", "-crd --why"]
WIDTHS = [60, 80, 120, 200]
LONG = "2001:db8:1234:5678:abcd:ef01:2345:6789"
FLOWS = [
    Flow("10.201.219.236", "10.1.0.3", 443, 120, 119, 1, 12.5, 1034.5, 2, "db.example"),
    Flow("10.201.219.236", "10.1.0.2", 5432, 7, 0, 7, 0.044, 0.061, 0),
    Flow(LONG, "2606:2800:220:1::1946", 22, 1, 1, 0, 1.5, 1.5, 0, "anotherhost.org"),
    Flow(None, None, None, 0, 0, 3, query="nosuch.example"),
]


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are those of the recording."""
    monkeypatch.setattr("tcpconnect.times.time.localtime", time.gmtime)


def recorded() -> list[Batch]:
    """Return the events of the recording, each in a batch of its own."""
    with (
        (SCREENS / "events.jsonl").open("rb") as file,
        Recording(file.fileno(), "events.jsonl") as source,
    ):
        return [batch for batch in source.batches() if batch.events]


def screen(options: str, width: Callable[[], int] | None) -> str:
    """Return what is shown with these options."""
    display = View(parse(options.split())).displays[None]
    sink = open_format("table", display.columns, width=width)
    if display.count:
        rows = sink.rows(FLOWS)
        return (sink.header() + rows).decode()
    events = [event for batch in recorded() for event in batch.events]
    lines = [sink.header(), *(sink.rows([event]) for event in events)]
    return b"".join(lines).decode()


def page(width: Callable[[], int] | None) -> str:
    """Return the screens of all options."""
    return "\n".join(
        f"# tcpconnect {options}".rstrip() + f"\n{screen(options, width)}"
        for options in [*OPTIONS, *COUNTS]
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_screen(width: int) -> None:
    """Nothing wraps, and columns give way in the order of docs/output.md."""
    text = page(lambda: width)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert max(map(cells, lines)) <= width
    assert text == (SCREENS / f"{width}.txt").read_text()


def test_pipe() -> None:
    """A pipe, a file, and a terminal with --wide get the widths of bcc's page."""
    assert page(None) == (SCREENS / "pipe.txt").read_text()
