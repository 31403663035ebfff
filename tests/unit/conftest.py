"""Fixtures of tests without a kernel."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.faketrace import SIGNALS, FakeTrace
from tests.support.folding import recorded
from tests.support.machine import Machine
from tests.support.panes import Pane
from tests.support.programs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def machine() -> Machine:
    """A machine on which nothing has been asked."""
    return Machine()


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTrace]:
    """A trace without a kernel, and signals with their defaults while it is used."""
    fake = FakeTrace()
    monkeypatch.setattr("tcpconnect.pipeline.trace", fake)
    monkeypatch.setattr("tcpconnect.cli.goes_ahead", lambda *_: False)
    monkeypatch.setattr("tcpconnect.pipeline.keep_only", fake.keep_only)
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield fake
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[Pane]:
    """Yield a terminal of 80 columns and 24 lines."""
    needs("tmux", "bash", "stty", "ps")
    with Pane(tmp_path) as pane:
        yield pane


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """Return the path of a recording."""
    return str(recorded(tmp_path / "a.jsonl"))


@pytest.fixture
def pipe(tmp_path: Path, recording: str) -> Iterator[int]:
    """Yield a pipe that has a recording's lines, and stalls; it is named "pipe"."""
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    os.write(writer, Path(recording).read_bytes())
    yield writer
    os.close(writer)
