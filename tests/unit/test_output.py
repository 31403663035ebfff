"""Writing: whole, or with an error that says what to do."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from tcpconnect import output
from tcpconnect.errors import OutputError
from tcpconnect.output import ReaderGoneError, harmless, write, write_line

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = bytes(range(256)) * 4096  # a pipe holds a sixteenth of it
REMEDY = "nothing more is shown; check where it goes"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: the end to read, the end to write."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:  # the test has closed it
            continue


def read_until(fd: int, size: int) -> bytes:
    """Read so many bytes."""
    data = b""
    while len(data) < size:
        data += os.read(fd, 1 << 20)
    return data


def read_while(fd: int, size: int, write_to: int, data: bytes) -> bytes:
    """Return what comes out of a pipe while data are written to it."""
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(read_until(fd, size)))
    reader.start()
    write(write_to, data)
    reader.join()
    return got[0]


@pytest.mark.parametrize("data", [b"", b"a line\n", b"\0\xff"])
def test_small(pipe: tuple[int, int], data: bytes) -> None:
    """Data that fits is written unchanged."""
    write(pipe[1], data + b"end")
    assert os.read(pipe[0], 100) == data + b"end"


@pytest.mark.parametrize("blocking", [True, False])
def test_more_than_a_pipe_holds(pipe: tuple[int, int], *, blocking: bool) -> None:
    """A slow reader gets all, also through a pipe that says EAGAIN."""
    os.set_blocking(pipe[1], blocking)
    assert read_while(pipe[0], len(LARGE), pipe[1], LARGE) == LARGE


def test_partial_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a write leaves over is written by the next ones."""
    written: list[bytes] = []

    def write_three(_: int, data: memoryview) -> int:
        written.append(bytes(data[:3]))
        return len(written[-1])

    with monkeypatch.context() as patch:
        patch.setattr("os.write", write_three)
        write(1, b"seven..")
    assert written == [b"sev", b"en.", b"."]


def test_reader_gone(pipe: tuple[int, int]) -> None:
    """A closed pipe is no failure of ours: the loop just ends."""
    os.close(pipe[0])
    with pytest.raises(ReaderGoneError):
        write(pipe[1], b"line\n")


def test_reader_goes_in_the_middle(pipe: tuple[int, int]) -> None:
    """A reader that goes while a write waits for it ends the write."""
    os.set_blocking(pipe[1], False)

    def read_once_and_go() -> None:
        os.read(pipe[0], 10)
        os.close(pipe[0])

    reader = threading.Thread(target=read_once_and_go)
    reader.start()
    with pytest.raises(ReaderGoneError):
        write(pipe[1], LARGE)
    reader.join()


def test_no_space() -> None:
    """A full disk is an error with its reason."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OutputError) as caught:
            write(full, b"line\n")
    finally:
        os.close(full)
    reason = "No space left on device"
    assert str(caught.value) == f"can't write the output: {reason}; {REMEDY}"


def test_closed_descriptor(pipe: tuple[int, int]) -> None:
    """A descriptor that is not open is an error with its reason."""
    os.close(pipe[1])
    with pytest.raises(OutputError) as caught:
        write(pipe[1], b"line\n")
    reason = "Bad file descriptor"
    assert str(caught.value) == f"can't write the output: {reason}; {REMEDY}"


def test_nothing_to_write() -> None:
    """Nothing is written where there is nothing: no error, wherever it goes."""
    full = os.open("/dev/full", os.O_WRONLY)
    write(full, b"")
    os.close(full)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hello", "hello\n"),
        ("", "\n"),
        ("é", "é\n"),
        ("\udcff", "\\udcff\n"),
    ],
)
def test_write_line(
    capfd: pytest.CaptureFixture[str], line: str, expected: str
) -> None:
    """A line goes to stderr, with what is no text written out."""
    write_line(line)
    assert capfd.readouterr() == ("", expected)


def test_hostile_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each character is examined once: a long text of them takes little time."""
    seen: list[str] = []
    monkeypatch.setattr(output, "visible", seen.append)
    assert harmless("\ue5a1\ue5a2" * 8192) == "\\ue5a1\\ue5a2" * 8192
    assert seen == ["\ue5a1", "\ue5a2"]
