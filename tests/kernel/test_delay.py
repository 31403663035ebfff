"""How long after its connect a line is there, on a quiet host and on a busy one."""

from __future__ import annotations

import os
import pty
import select
import socket
import statistics
import subprocess
import sys
import threading
import time

import pytest

from tcpconnect import trace
from tcpconnect.bpf.ring import stride_of
from tcpconnect.kernel.records import CONNECTION
from tcpconnect.waits import Waits
from tests.support.attempts import attempt
from tests.support.launch import EMULATED
from tests.support.terminals import read_until
from tests.support.tool import Tool
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")

# The bound of each line on a quiet host. A busy one may delay some of those
# measured here, so the bound is put on their median, or on nine of ten.
BOUND_S = 0.1
BUSY_BOUND_S = 0.3
LINES = 9
MANY = 300
PACE_S = 0.002
RING_BYTES = 1 << 16
QUIET_S = 0.15  # until the tool waits for the next record
ASKER = """
import socket, sys
question = bytes.fromhex("123401000001000000000000") + b"\\1a\\7example\\0\\0\\1\\0\\1"
asker = socket.socket(type=socket.SOCK_DGRAM)
asker.connect(("127.0.0.1", 53))
for _ in sys.stdin.buffer:
    asker.send(question)
    print(flush=True)
"""
FILLING = 200  # attempts are more than a quarter of it
PARTS = 2 if EMULATED else 10  # emulated, a line takes some ms by itself


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


def start(fd: int, *options: str) -> Tool:
    """Trace this process into ``fd``, which is then closed here."""
    try:
        return Tool("-p", os.getpid(), "--color=never", *options, stdout=fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("option", ["-t", "-L", "-r", "-j"])
def test_line_is_in_the_pipe_soon(option: str) -> None:
    """Each line comes within 100 ms of its connect."""
    read, write = os.pipe()
    with start(write, option) as tool:
        if option != "-j":
            read_until(read, b"\n")  # the header
        delay = median_delay(tool, read)
    os.close(read)
    assert delay < BOUND_S


def test_lines_of_many_attempts_come_soon() -> None:
    """When more come than the tool is woken for, each line still is there soon."""
    read, write = os.pipe()
    began: dict[int, float] = {}
    delays: list[float] = []

    def take() -> bool:
        """Take the lines that are there; say whether all have come."""
        if select.select((read,), (), (), PACE_S)[0]:
            now = time.monotonic()
            ports = map(int, os.read(read, 65536).split())
            delays.extend(now - began[port] for port in ports)
        return len(delays) == MANY

    with start(write, "-r", "--format", "csv", "--columns", "dport") as tool:
        read_until(read, b"dport\r\n")
        for port in range(1, 1 + MANY):
            began[port] = time.monotonic()
            attempt("127.0.0.1", port)
            take()
        wait_until(take, "all lines")
        assert tool.stop() == 0
    os.close(read)
    assert statistics.quantiles(delays, n=PARTS)[-1] < BUSY_BOUND_S


def test_questions_of_others_delay_no_line() -> None:
    """They are discarded in the ring, and the line behind one comes as soon."""
    read, write = os.pipe()
    delays = []
    with (
        socket.socket(type=socket.SOCK_DGRAM) as server,
        start(write, "-rd", "--format", "csv", "--columns", "dport") as tool,
    ):
        server.bind(("127.0.0.1", 53))
        read_until(read, b"dport\r\n")
        words = [sys.executable, "-c", ASKER]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, bufsize=0) as asker:
            assert asker.stdin
            assert asker.stdout
            for port in range(1, 1 + LINES):
                time.sleep(QUIET_S)
                asker.stdin.write(b"\n")
                assert asker.stdout.readline()
                began = time.monotonic()
                attempt("127.0.0.1", port)
                read_until(read, b"%d\r\n" % port)
                delays.append(time.monotonic() - began)
            asker.stdin.close()
        assert tool.stop() == 0
    os.close(read)
    assert statistics.median(delays) < BOUND_S


def test_pause_ends_when_the_ring_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a quarter of the ring is full, what is in it comes at once."""
    pausing = threading.Event()
    pause = Waits.between_reads

    def noted(waits: Waits, events: int, most_ms: float) -> None:
        pausing.set()
        pause(waits, events, most_ms)

    def fill() -> None:
        assert pausing.wait(10)
        for port in range(2, 2 + FILLING):
            attempt("127.0.0.1", port)

    monkeypatch.setattr("tcpconnect.waits.PAUSES_MS", (60_000,) * 3)
    monkeypatch.setattr(Waits, "between_reads", noted)
    filler = threading.Thread(target=fill)
    with trace(pids=[os.getpid()], ring_bytes=RING_BYTES) as events:
        batches = (batch.events for batch in events.batches() if batch.events)
        attempt("127.0.0.1", 1)
        filler.start()
        assert [each.dport for each in next(batches)] == [1]
        began = time.monotonic()
        assert len(next(batches)) >= RING_BYTES // 4 // stride_of(CONNECTION.length)
        assert time.monotonic() - began < 30
        filler.join()


def test_line_is_on_the_terminal_soon() -> None:
    """The same when stdout is a terminal."""
    leader, terminal = pty.openpty()
    with start(terminal) as tool:
        read_until(leader, b"DPORT\r\n")
        delay = median_delay(tool, leader)
    os.close(leader)
    assert delay < BOUND_S
