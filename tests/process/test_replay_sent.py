"""A recording that is sent to a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.remote.spool import WINDOWS
from tests.support.attempts import run_tool
from tests.support.folding import recorded
from tests.support.spools import waiting

if TYPE_CHECKING:
    from pathlib import Path


def test_a_recording(tmp_path: Path) -> None:
    """What was recorded long ago can be sent, too."""
    path = recorded(tmp_path / "a.jsonl", 100)
    words = ("-o", "otlp+http://127.0.0.1:1", "--spool", tmp_path / "spool")
    ended = run_tool("replay", path, *words)
    assert ended.returncode == 0, ended.stderr
    (spool,) = (tmp_path / "spool").iterdir()
    assert waiting(spool) == {WINDOWS: 100}
