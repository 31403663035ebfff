"""-c: exact counts for each source, destination and port."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import signal
import socket

import pytest

from tests.support.attempts import attempt
from tests.support.launch import TOOL
from tests.support.tool import Tool
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")

HEADER = (
    "LADDR                 RADDR                      RPORT             CONNECTS OK"
    "       FAILED"
)


def start(*options: object) -> Tool:
    """Count what this process connects to."""
    return Tool("-c", "-p", os.getpid(), *options)


def make() -> None:
    """Make attempts of both versions: 5, 1, 3, 2 and 4 of a kind."""
    for _ in range(5):
        attempt("::1", 443)
    attempt("127.0.0.1", 80)
    for _ in range(3):
        attempt("127.0.0.2", 80)
    for _ in range(2):
        attempt("::ffff:127.0.0.1", 81)
    for _ in range(4):
        attempt("127.0.0.1", 80, ("127.0.0.9", 0))


def row(*cells: object) -> str:
    """Return a line of the table."""
    return "{:<21} {:<26} {:<17} {:<8} {:<8} {}".format(*cells)


TABLE = [
    HEADER,
    row("::1", "::1", 443, 5, 0, 5),
    row("127.0.0.9", "127.0.0.1", 80, 4, 0, 4),
    row("127.0.0.1", "127.0.0.2", 80, 3, 0, 3),
    row("127.0.0.1", "127.0.0.1", 81, 2, 0, 2),
    row("127.0.0.1", "127.0.0.1", 80, 1, 0, 1),
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_table_at_the_end(number: int) -> None:
    """Nothing until the signal; then all flows, most connects first."""
    with start() as tool:
        make()
        assert tool.stdout == b""
        assert tool.stop(number) == 0
        assert tool.stdout.decode().splitlines() == TABLE


def test_limit_is_of_lines() -> None:
    """--limit keeps the flows with most connects."""
    with start("--limit", 2) as tool:
        make()
        tool.stop()
        assert tool.stdout.decode().splitlines() == [*TABLE[:3], "[3 more rows]"]


def test_duration() -> None:
    """--duration prints the table and ends."""
    with start("--duration", "2") as tool:
        make()
        assert tool.wait() == 0
        assert tool.stdout.decode().splitlines() == TABLE


def test_filters() -> None:
    """Only what passes the filters is counted."""
    with start("-4", "-P", 80) as tool:
        make()
        tool.stop()
        expected = [TABLE[0], TABLE[2], TABLE[3], TABLE[5]]
        assert tool.stdout.decode().splitlines() == expected


def test_nothing_counted() -> None:
    """No connection, no row: the header alone."""
    with start("-P", 65535) as tool:
        make()
        tool.stop()
        assert tool.stdout.decode() == HEADER + "\n"


def test_ok_and_failed() -> None:
    """A flow of connections that succeed and one that do not."""
    with socket.create_server(("127.0.0.1", 0)) as server, start() as tool:
        port = server.getsockname()[1]
        for _ in range(3):
            socket.create_connection(server.getsockname()).close()
        attempt("127.0.0.1", 1)
        tool.stop()
        expected = [
            HEADER,
            row("127.0.0.1", "127.0.0.1", port, 3, 3, 0),
            row("127.0.0.1", "127.0.0.1", 1, 1, 0, 1),
        ]
        assert tool.stdout.decode().splitlines() == expected


def test_json() -> None:
    """-cj: an object for each flow."""
    with start("-j", "-P", 443) as tool:
        make()
        tool.stop()
        assert tool.all_events() == [
            {
                "saddr": "::1",
                "daddr": "::1",
                "dport": 443,
                "connects": 5,
                "ok": 0,
                "failed": 5,
            }
        ]


def test_csv_with_columns() -> None:
    """--columns and --format work for flows, too."""
    with start("--format", "csv", "--columns", "connects,dport") as tool:
        make()
        tool.stop()
        rows = list(csv.reader(io.StringIO(tool.stdout.decode(), newline="")))
    expected = [["connects", "dport"]]
    expected += [["5", "443"], ["4", "80"], ["3", "80"], ["2", "81"], ["1", "80"]]
    assert rows == expected


def test_many_counts_are_exact() -> None:
    """Thousands of attempts on few flows: each is counted."""
    with start("--columns", "dport,connects") as tool:
        for _ in range(1000):
            for port in (1, 2, 3):
                attempt("127.0.0.1", port)
        tool.stop()
        lines = tool.stdout.decode().splitlines()
    assert lines == ["RPORT             CONNECTS"] + [
        f"{p:<17} 1000" for p in (1, 2, 3)
    ]


def test_ctrl_c_on_a_terminal() -> None:
    """Ctrl-C as people press it: the echoed ^C has a line of its own."""
    pid, terminal = pty.fork()
    if not pid:
        command = [str(TOOL), "-c", "--color", "never", "-p", str(os.getppid())]
        os.execv(TOOL, command)  # noqa: S606 (no shell, on purpose)
    output = bytearray()

    def read() -> bytes:
        try:
            output.extend(os.read(terminal, 65536))
        except OSError:  # EIO: the tool has ended, and all was read
            return b"end"
        return bytes(output)

    wait_until(lambda: b"to end\r\n" in read(), "the ready line")
    make()
    os.write(terminal, b"\x03")
    wait_until(lambda: read() == b"end", "its end")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    lines = output.decode().splitlines()
    ready, total, *worst = "Tracing connect ... Hit Ctrl-C to end", lines[-2], lines[-1]
    assert lines[:-2] == [ready, "^C", *TABLE]
    assert re.fullmatch(r"15 attempts in .* m?s: 15 failed", total)
    assert worst[0].startswith("  most failures: ")
