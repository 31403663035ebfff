"""An output that nobody reads holds up no other, and loses nothing that it can hold."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

SMALL = 4096
PORT = 4717
ATTEMPTS = 500  # many times what such a pipe holds


def lines(text: str) -> int:
    """Return how many lines, below the header, are attempts."""
    return text.count(f"{PORT}\n")


def test_slow_output(tmp_path: Path) -> None:
    """A file gets its lines beside a full pipe, which gets them when it is read."""
    fifo, file = tmp_path / "fifo", tmp_path / "file"
    os.mkfifo(fifo)
    fd = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, SMALL)
    pid = os.getpid()
    with Tool("-P", PORT, "-p", pid, "--columns=dport", "-o", fifo, "-o", file) as tool:
        for _ in range(ATTEMPTS):
            attempt("127.0.0.1", PORT)
        wait_until(lambda: lines(file.read_text()) == ATTEMPTS, "the lines of the file")
        read = b""

        def all_read() -> bool:
            nonlocal read
            try:
                read += os.read(fd, SMALL)
            except BlockingIOError:
                return False
            return lines(read.decode()) == ATTEMPTS

        wait_until(all_read, "the lines of the pipe")
        assert tool.stop() == 0
    os.close(fd)
