"""Fixtures of tests that start the tool."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.folding import recorded
from tests.support.panes import Pane
from tests.support.programs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator


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
