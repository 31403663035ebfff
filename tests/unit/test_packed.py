"""Recordings that are compressed: FILE.jsonl.zst."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect import zstd
from tcpconnect.batch import NO_LOSSES, Batch, Totals
from tcpconnect.connection import MEMBERS
from tcpconnect.errors import TcpconnectError
from tcpconnect.outputs.packed import PackedRecording
from tcpconnect.outputs.recording import Recording as PlainRecording
from tcpconnect.recorded import SCHEMA, About
from tcpconnect.sources.recording import Recording
from tcpconnect.view import Display
from tests.support.samples import connection

if TYPE_CHECKING:
    from pathlib import Path

    from tcpconnect.connection import Connection

EVENTS = [connection(pid=n, exe=f"/{n * 7919}") for n in range(1, 2001)]
ABOUT = About(version="1.2", host="here", options=["-r"], schema=SCHEMA)


def output(path: Path) -> PlainRecording:
    """Return an open output that writes to a file."""
    kind = PackedRecording if path.suffix == ".zst" else PlainRecording
    made = kind(str(path), Display("json", [*MEMBERS.values()], recorded=True), ABOUT)
    made.open()
    return made


def recorded(path: Path) -> bytes:
    """Write the events in four batches; return what the file has."""
    made = output(path)
    for begin in range(0, len(EVENTS), 500):
        made.write(Batch(EVENTS[begin : begin + 500], NO_LOSSES, [], 0))
    made.close(Totals(len(EVENTS), NO_LOSSES))
    return path.read_bytes()


def read(path: Path) -> tuple[list[Connection], list[str]]:
    """Return the events of a file, and the warnings."""
    with path.open("rb") as file, Recording(file.fileno(), "'file'") as source:
        batches = list(source.batches())
    events = [event for batch in batches for event in batch.events]
    return events, [line for batch in batches for line in batch.warnings]


def test_whole(tmp_path: Path) -> None:
    """What is read is what was written, in a tenth of the bytes."""
    packed = recorded(tmp_path / "a.jsonl.zst")
    plain = recorded(tmp_path / "a.jsonl")
    assert read(tmp_path / "a.jsonl.zst") == read(tmp_path / "a.jsonl")
    assert len(packed) < len(plain) / 10
    assert zstd.library().decompress(packed) == plain


def test_readable_while_it_is_written(tmp_path: Path) -> None:
    """A batch is in the file at once; the next one with the batch of a second later."""
    path = tmp_path / "a.jsonl.zst"
    made = output(path)
    made.write(Batch(EVENTS[:5], NO_LOSSES, [], 0))
    events, warnings = read(path)
    assert [event.pid for event in events] == [1, 2, 3, 4, 5]
    assert warnings == ["'file' has no end: it is being written, or that failed"]
    made.close(Totals(5, NO_LOSSES))
    assert read(path)[1] == []


def test_cut_anywhere(tmp_path: Path) -> None:
    """What is whole of a file is read; of its beginning, one line says what it is."""
    path = tmp_path / "a.jsonl.zst"
    whole = recorded(path)
    counts = []
    for length in (*range(4, 200, 13), *range(200, len(whole), 997)):
        path.write_bytes(whole[:length])
        try:
            events, warnings = read(path)
        except TcpconnectError as error:
            assert "line 1: it " in error.line  # noqa: PT017 (which of both it is)
            counts.append(0)
        else:
            counts.append(len(events))
            assert len(warnings) == 1
    assert counts[0] == 0
    assert counts[-1] > len(EVENTS) / 2
    assert counts == sorted(counts)


def test_frames_behind_each_other(tmp_path: Path) -> None:
    """Two files in one are read as both."""
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(recorded(path) * 2)
    events, warnings = read(path)
    assert (len(events), warnings) == (2 * len(EVENTS), [])


def test_damaged(tmp_path: Path) -> None:
    """What can't be unpacked is one line."""
    path = tmp_path / "a.jsonl.zst"
    whole = bytearray(recorded(path))
    whole[len(whole) // 2 :] = os.urandom(len(whole) // 2)
    path.write_bytes(whole)
    with pytest.raises(TcpconnectError, match=r"^can't read 'file', line \d+: "):
        read(path)


def test_much_in_little(tmp_path: Path) -> None:
    """What unpacks to a line without an end takes no memory without end."""
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstd.library().compress(bytes(1 << 28)))
    with pytest.raises(TcpconnectError, match="line 1: the line is too long"):
        read(path)
