"""How far it is, on a terminal; Ctrl-C ends it at once."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tcpconnect.progress import ERASE
from tcpconnect.times import rfc3339
from tests.support.terminals import read_all

if TYPE_CHECKING:
    from pathlib import Path

# The tool without patience, since no test shall wait for a second.
IMPATIENT = """
import sys
from tcpconnect import progress
progress.PATIENCE_S = progress.PERIOD_S = 0
from tcpconnect.cli import main
sys.exit(main())
"""
EVENTS = 10_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording that takes a tenth of a second."""
    path: Path = tmp_path_factory.mktemp("progress") / "a.jsonl"
    event = {"time": rfc3339(10**18), "daddr": "192.0.2.1", "result": "OK"}
    path.write_bytes(json.dumps(event).encode().join([b"\n"] * EVENTS))
    return path


class Run:
    """A run of the tool whose stderr is a terminal."""

    def __init__(self, *words: object, stdout: int = subprocess.DEVNULL) -> None:
        self._leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=follower,
        )
        os.close(follower)
        self.said = b""

    def read(self) -> bytes:
        """Return what comes next on its terminal, nothing at the end."""
        try:
            piece = os.read(self._leader, 1 << 16)
        except OSError:  # it has ended
            piece = b""
        self.said += piece
        return piece

    def end(self) -> int:
        """Read to the end; return its exit code."""
        while self.read():
            pass
        os.close(self._leader)
        return self.process.wait()


@pytest.mark.parametrize(
    "words", ["replay", "replay -c", "replay -j --to 10.0.0.0/8", "top --once"]
)
def test_shown_and_erased(words: str, recording: Path) -> None:
    """The percents grow; at the end the line is empty."""
    run = Run(*words.split(), recording)
    assert run.end() == 0
    first, *shown, last = run.said.split(ERASE)
    assert (first, last) == (b"", b"")
    percents = [int(each.removesuffix(b"%")) for each in shown]
    assert percents == sorted(percents)
    assert len(set(percents)) > 2
    assert percents[-1] == 100


@pytest.mark.parametrize("where", ["--quiet", "the same terminal", "no terminal"])
def test_not_shown(where: str, recording: Path) -> None:
    """Neither with --quiet, nor where the lines go, nor in pipes."""
    if where == "no terminal":
        ran = subprocess.run(
            [sys.executable, "-c", IMPATIENT, "replay", recording, "-c"],
            check=True,
            capture_output=True,
        )
        assert ran.stderr == b""
        return
    if where == "--quiet":
        run = Run("replay", recording, "--quiet")
        assert run.end() == 0
        assert run.said == b""
        return
    leader, follower = pty.openpty()
    run = Run("replay", recording, "--limit", "3", stdout=follower)
    os.close(follower)
    assert run.end() == 0
    os.close(leader)
    assert run.said == b""


def test_shown_before_a_table(recording: Path) -> None:
    """Where the table goes, too: nothing else comes before all is read."""
    leader, follower = pty.openpty()
    run = Run("replay", recording, "-c", stdout=follower)
    os.close(follower)
    assert run.end() == 0
    assert read_all(leader).count(b"\n") > 1
    os.close(leader)
    first, *shown, last = run.said.split(ERASE)
    assert (first, last) == (b"", b"")
    assert len(set(shown)) > 2


def test_interrupted(recording: Path, tmp_path: Path) -> None:
    """Ctrl-C ends it by the signal, as a shell expects; the line is erased."""
    many = [recording] * 30
    run = Run("replay", *many, "-o", tmp_path / "b.jsonl")
    while b"%" not in run.said:
        assert run.read()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == -signal.SIGINT
    assert run.said.endswith(ERASE)
    assert b"Traceback" not in run.said
