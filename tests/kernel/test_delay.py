"""How long after its connect a line is there, when the host is quiet."""

from __future__ import annotations

import os
import pty
import select
import statistics
import time

import pytest
from attempts import attempt
from conftest import Tool, wait_until

pytestmark = pytest.mark.usefixtures("netns")

# The bound of each line on a quiet host. A busy one may delay some of those
# measured here, so the bound is put on their median.
BOUND_S = 0.1
LINES = 9


def median_delay(tool: Tool, fd: int) -> float:
    """Return how long after its connect a line comes on ``fd``."""
    delays = []
    for port in range(1, 1 + LINES):
        began = time.monotonic()
        attempt("127.0.0.1", port)
        assert select.select((fd,), (), (), 5)[0]
        delays.append(time.monotonic() - began)
        os.read(fd, 65536)
    assert tool.stop() == 0
    return statistics.median(delays)


def wait_for(fd: int, text: bytes) -> None:
    """Read from ``fd`` until this text has come, in however many pieces."""
    seen = bytearray()

    def has_come() -> bool:
        if select.select((fd,), (), (), 0)[0]:
            seen.extend(os.read(fd, 65536))
        return text in seen

    wait_until(has_come, text.decode())


def start(fd: int, *options: str) -> Tool:
    """Trace this process into ``fd``, which is then closed here."""
    try:
        return Tool("-p", os.getpid(), "--color=never", *options, stdout=fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("option", ["-t", "-L", "-r", "-j"])
def test_line_is_in_the_pipe_soon(option: str) -> None:
    """Each line comes by itself, within 100 ms of its connect."""
    read, write = os.pipe()
    with start(write, option) as tool:
        if option != "-j":
            wait_for(read, b"\n")  # the header
        delay = median_delay(tool, read)
    os.close(read)
    assert delay < BOUND_S


def test_line_is_on_the_terminal_soon() -> None:
    """The same when stdout is a terminal."""
    leader, terminal = pty.openpty()
    with start(terminal) as tool:
        wait_for(leader, b"DPORT\r\n")
        delay = median_delay(tool, leader)
    os.close(leader)
    assert delay < BOUND_S
