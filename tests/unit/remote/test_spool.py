"""The spool: bounded, in order, and whole after any end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import OutputError
from tcpconnect.remote.spool import (
    CHECK,
    FULL,
    KEEP_S,
    LOSSES,
    METRICS,
    OLD,
    RUNS,
    SINGLE,
    UNFINISHED,
    WINDOWS,
    Packed,
    Spool,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_764_417_600


def opened(path: Path, blocks: int = 3) -> Spool:
    """Return a spool of 100 bytes, and of what so many blocks have besides."""
    spool = Spool(str(path), 100 + blocks * CHECK)
    spool.open()
    return spool


def put(spool: Spool, kind: str, body: bytes, now: int = NOW) -> None:
    """Put a block of five attempts."""
    spool.put(Packed(kind, 2, 5, body), now)


def taken(spool: Spool, now: int = NOW) -> list[tuple[str, bytes]]:
    """Take all that is there, in its order."""
    found = []
    while block := spool.first(now):
        found.append((block.kind, spool.read(block)))
        spool.done(block)
    return found


def test_order(tmp_path: Path) -> None:
    """What came first goes first; what is done leaves no file."""
    spool = opened(tmp_path / "spool")
    put(spool, WINDOWS, b"1")
    put(spool, SINGLE, b"2")
    put(spool, WINDOWS, b"3")
    assert spool.left == 10
    assert taken(spool) == [(WINDOWS, b"1"), (SINGLE, b"2"), (WINDOWS, b"3")]
    assert [file.name for file in (tmp_path / "spool").iterdir()] == ["lock"]


def test_next_run(tmp_path: Path) -> None:
    """Blocks outlive the process with their tokens; what was being written does not."""
    spool = opened(tmp_path)
    put(spool, WINDOWS, b"1")
    put(spool, WINDOWS, b"2")
    block = spool.first(NOW)
    spool.close()
    (tmp_path / UNFINISHED).write_bytes(b"ha")
    again = opened(tmp_path)
    assert again.first(NOW) == block
    put(again, WINDOWS, b"3")
    assert [body for _, body in taken(again)] == [b"1", b"2", b"3"]
    assert not (tmp_path / UNFINISHED).exists()


def test_one_writer(tmp_path: Path) -> None:
    """Two processes can't have a spool."""
    spool = opened(tmp_path)
    with pytest.raises(OutputError, match=r"another tcpconnect .*--spool DIRECTORY"):
        opened(tmp_path)
    spool.close()
    opened(tmp_path).close()


def test_no_directory(tmp_path: Path) -> None:
    """A file in its place is an error that names it."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't use the directory"):
        opened(tmp_path / "file" / "spool")


def test_full_of_single_attempts(tmp_path: Path) -> None:
    """New ones are dropped, and windows take their place, the oldest first."""
    spool = opened(tmp_path, 2)
    put(spool, SINGLE, b"a" * 50)
    put(spool, SINGLE, b"b" * 50)
    put(spool, SINGLE, b"c" * 50)
    assert spool.dropped == {(SINGLE, FULL): 5}
    put(spool, WINDOWS, b"w" * 40)
    assert spool.dropped == {(SINGLE, FULL): 10}
    assert taken(spool) == [(SINGLE, b"b" * 50), (WINDOWS, b"w" * 40)]


def test_full_of_windows(tmp_path: Path) -> None:
    """The oldest windows go, after all but how many are lost: that says so."""
    spool = opened(tmp_path)
    put(spool, WINDOWS, b"1" * 40)
    put(spool, LOSSES, b"m" * 20)
    put(spool, WINDOWS, b"2" * 40)
    put(spool, WINDOWS, b"3" * 40)
    assert spool.dropped == {(WINDOWS, FULL): 5}
    assert spool.unsent == 5
    assert [body[:1] for _, body in taken(spool)] == [b"m", b"2", b"3"]


@pytest.mark.parametrize("kind", [SINGLE, METRICS, RUNS])
def test_what_counts_less(tmp_path: Path, kind: str) -> None:
    """Windows are not dropped for it."""
    spool = opened(tmp_path)
    put(spool, WINDOWS, b"w" * 90)
    put(spool, kind, b"x" * 40)
    assert spool.dropped == {(kind, FULL): 5}
    assert taken(spool) == [(WINDOWS, b"w" * 90)]


@pytest.mark.parametrize("left", [0, 1, 9])
def test_damaged(tmp_path: Path, left: int) -> None:
    """Of a file that lost its end, as after a power cut, nothing is sent."""
    spool = opened(tmp_path)
    put(spool, WINDOWS, b"123456")
    block = spool.first(NOW)
    assert block
    os.truncate(tmp_path / block.name, left)
    with pytest.raises(OSError, match="Bad message"):
        spool.read(block)


def test_too_large(tmp_path: Path) -> None:
    """A block that fits nowhere is dropped; it is counted."""
    spool = opened(tmp_path)
    put(spool, WINDOWS, b"x" * 120)
    assert spool.dropped == {(WINDOWS, FULL): 5}
    assert taken(spool) == []


def test_a_day(tmp_path: Path) -> None:
    """All waits for a day, and what is lost until it is known."""
    spool = opened(tmp_path)
    put(spool, WINDOWS, b"1")
    put(spool, LOSSES, b"l")
    put(spool, WINDOWS, b"2", NOW + 10)
    assert taken(spool, NOW + KEEP_S + 5) == [(LOSSES, b"l"), (WINDOWS, b"2")]
    assert spool.dropped == {(WINDOWS, OLD): 5}


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not written is no block, and takes no room."""
    spool = opened(tmp_path)
    monkeypatch.setattr("tcpconnect.remote.spool.UNFINISHED", "../dev-full")
    (tmp_path.parent / "dev-full").symlink_to("/dev/full")
    with pytest.raises(OSError, match="link"):
        put(spool, WINDOWS, b"1")
    assert taken(spool) == []
