"""Colors, on a real terminal and elsewhere."""

from __future__ import annotations

import os
import pty
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

PLAIN = "DPORT RESULT\n9     ECONNREFUSED\n"
COLORED = "\x1b[1mDPORT RESULT\x1b[0m\n9     \x1b[31mECONNREFUSED\x1b[0m\n"
OPTIONS = ("--columns", "dport,result")


class Terminal:
    """A pseudo terminal: the end for programs, and what they have written there."""

    def __init__(self) -> None:
        self._ours, self.fd = pty.openpty()
        os.set_blocking(self._ours, False)
        self._seen = b""

    @property
    def seen(self) -> bytes:
        """What has been written until now."""
        with suppress(BlockingIOError):
            self._seen += os.read(self._ours, 1 << 16)
        return self._seen

    def close(self) -> None:
        """Close both ends."""
        os.close(self._ours)
        os.close(self.fd)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal in an environment that says nothing against colors."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    made = Terminal()
    yield made
    made.close()


def refused(terminal: Terminal, *options: str) -> str:
    """Return what the terminal gets of a refused attempt."""
    with Tool("-p", os.getpid(), *OPTIONS, *options, stdout=terminal.fd):
        attempt("127.0.0.1", 9)
        wait_until(lambda: terminal.seen.count(b"\n") == 2, "header and line")
    return terminal.seen.decode().replace("\r\n", "\n")


def test_terminal(terminal: Terminal) -> None:
    """On a terminal the header is bold and a failure red."""
    assert refused(terminal) == COLORED


def test_no_color(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    """With NO_COLOR a terminal gets what a pipe gets."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert refused(terminal) == PLAIN


def test_never(terminal: Terminal) -> None:
    """So it does with --color never."""
    assert refused(terminal, "--color", "never") == PLAIN


@pytest.mark.parametrize(
    ("options", "expected"), [((), PLAIN), (("--color", "always"), COLORED)]
)
def test_pipe(options: tuple[str, ...], expected: str) -> None:
    """A pipe gets colors only when they are asked for."""
    with Tool("-p", os.getpid(), *OPTIONS, *options) as tool:
        attempt("127.0.0.1", 9)
        tool.lines(2)
        assert tool.stdout.decode() == expected
