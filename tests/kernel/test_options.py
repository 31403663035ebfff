"""The options that say what is printed and for how long: exact lines."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt, comm
from tests.support.tool import Tool

if TYPE_CHECKING:
    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

SLACK_NS = 10**9  # between two clocks
HEADER = "PID    COMM         IP SADDR            DADDR            DPORT"


def start(*options: object) -> Tool:
    """Trace this process."""
    return Tool("-p", os.getpid(), *options)


def me() -> str:
    """Return the columns PID and COMM of this process."""
    return f"{os.getpid():<6} {comm():<12.12}"


def test_default_table() -> None:
    """Columns as wide as in bcc's tool; a wider value pushes the line."""
    with start() as tool:
        attempt("127.0.0.1", 23)
        attempt("::1", 65535)
        attempt("::ffff:127.100.100.100", 80, ("::ffff:127.200.200.200", 0))
        lines = tool.lines(4)
    assert lines == [
        HEADER,
        f"{me()} 4  127.0.0.1        127.0.0.1        23",
        f"{me()} 6  ::1              ::1              65535",
        f"{me()} 4  127.200.200.200  127.100.100.100  80",
    ]


def test_wide_address_pushes_the_line(netns: NetNs) -> None:
    """An address is never cut, whatever its length."""
    wide = "fe80::2000:bff:fe82:3ac"
    netns.ip(f"addr add {wide}/128 dev lo nodad")
    scope = socket.if_nametoindex("lo")
    with start() as tool, socket.socket(socket.AF_INET6) as client:
        client.connect_ex((wide, 22, 0, scope))
        lines = tool.lines(2)
    assert lines == [HEADER, f"{me()} 6  {wide} {wide} 22"]


def test_header_comes_at_once() -> None:
    """The header is there before any connection."""
    with start() as tool:
        assert tool.lines(1) == [HEADER]


def test_timestamp() -> None:
    """-t shows seconds since the first event, three decimals."""
    with start("-t") as tool:
        earliest = time.monotonic()
        attempt("127.0.0.1", 1)
        latest = time.monotonic()
        tool.lines(2)
        passed_at_least = time.monotonic() - latest
        attempt("127.0.0.1", 2)
        passed_at_most = time.monotonic() - earliest
        header, first, second = tool.lines(3)
    assert header == f"TIME(s)  {HEADER}"
    assert first == f"0.000    {me()} 4  127.0.0.1        127.0.0.1        1"
    assert re.fullmatch(r"\d\.\d{3}    ", second[:9])
    shown, half = float(second[:9]), 0.0005
    assert passed_at_least - half <= shown <= passed_at_most + half


def test_print_uid() -> None:
    """-U puts UID in front."""
    with start("-U") as tool:
        attempt("127.0.0.1", 1)
        lines = tool.lines(2)
    assert lines == [
        f"UID   {HEADER}",
        f"0     {me()} 4  127.0.0.1        127.0.0.1        1",
    ]


def test_timestamp_and_uid() -> None:
    """-tU: the time comes first, as in bcc's tool."""
    with start("-tU") as tool:
        attempt("127.0.0.1", 1)
        lines = tool.lines(2)
    assert lines == [
        f"TIME(s)  UID   {HEADER}",
        f"0.000    0     {me()} 4  127.0.0.1        127.0.0.1        1",
    ]


def test_lport() -> None:
    """-L shows the source port: chosen by the kernel or bound, refused or not."""
    with (
        start("-L") as tool,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        port, lport = server.getsockname()[1], client.getsockname()[1]
        attempt("127.0.0.1", 1, ("127.0.0.1", 12345))
        lines = tool.lines(3)
    assert lines == [
        "PID    COMM         IP SADDR            LPORT DADDR            DPORT",
        f"{me()} 4  127.0.0.1        {lport:<5} 127.0.0.1        {port}",
        f"{me()} 4  127.0.0.1        12345 127.0.0.1        1",
    ]


def test_lport_of_unbound_refused() -> None:
    """With -L a refused attempt has the port that the kernel had chosen for it."""
    with start("-L", "-j") as tool:
        attempt("127.0.0.1", 1)
        (event,) = tool.events(1)
    assert event["lport"] > 0


@pytest.mark.usefixtures("far")
def test_lport_of_pending() -> None:
    """With -L, what has not ended when tracing stops is shown then, without a port."""
    with start("-L") as tool, socket.socket() as client:
        client.setblocking(False)  # noqa: FBT003 (its only argument)
        client.connect_ex(("10.2.0.1", 80))
        assert tool.stop() == 0
        (_, line) = tool.stdout.decode().splitlines()
    assert line == f"{me()} 4  10.1.0.1         -     10.2.0.1         80"


def test_port_not_yet_known_is_null() -> None:
    """Without -L an event comes at once, without a port unless one was bound."""
    with start("-j") as tool:
        attempt("127.0.0.1", 1)
        attempt("127.0.0.1", 2, ("127.0.0.1", 12345))
        shown = [event["lport"] for event in tool.events(2)]
    assert shown == [None, 12345]


def test_columns_in_table() -> None:
    """--columns chooses and orders; the last one is not padded."""
    with start("--columns", "dport,ip,comm") as tool:
        attempt("127.0.0.1", 1)
        lines = tool.lines(2)
    assert lines == ["DPORT IP COMM", f"1     4  {comm():.12}"]


def test_columns_in_json() -> None:
    """--columns chooses and orders the keys."""
    with start("--columns", "dport,uid", "-j") as tool:
        attempt("127.0.0.1", 1)
        lines = tool.lines(1)
    assert lines == ['{"dport":1,"uid":0}']


def test_csv() -> None:
    """--format csv has a header of names; what is unknown is empty."""
    with start("--format", "csv") as tool:
        attempt("::1", 80)
        tool.lines(2)
        output = tool.stdout.decode()
    names = "time,pid,tid,uid,comm,ip,saddr,lport,daddr,dport,netns"
    assert output.partition("\r\n")[0] == names
    (row,) = csv.DictReader(io.StringIO(output, newline=""))
    shown = [row[name] for name in "pid uid ip saddr lport daddr dport".split()]
    assert shown == [str(os.getpid()), "0", "6", "::1", "", "::1", "80"]


KEYS = "time pid tid uid comm ip saddr lport daddr dport netns".split()


@pytest.mark.parametrize(
    ("options", "more"),
    [("-j", []), ("-rj", ["result", "latency_ms", "asked", "asked_port"])],
)
def test_json(netns: NetNs, options: str, more: list[str]) -> None:
    """-j: all that is known; with -r, outcome and latency, too."""
    with start(options) as tool:
        began = time.time_ns()
        attempt("127.0.0.1", 1, ("127.0.0.1", 12345))
        ended = time.time_ns()
        (event,) = tool.events(1)
    assert list(event) == KEYS + more
    assert began - SLACK_NS < rfc3339_to_ns(event["time"]) < ended + SLACK_NS
    shown = [event[name] for name in KEYS[1:]]
    who = [os.getpid(), threading.get_native_id(), 0, comm()]
    where = [4, "127.0.0.1", 12345, "127.0.0.1", 1, netns.inode]
    assert shown == who + where


def rfc3339_to_ns(text: str) -> int:
    """Parse a time with nine decimals and Z."""
    matched = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", text)
    assert matched
    import calendar

    seconds = calendar.timegm(time.strptime(matched[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000_000 + int(matched[2])


def test_duration() -> None:
    """--duration ends the trace after its time, with all attempts."""
    began = time.monotonic()
    with start("--duration", "2") as tool:
        attempt("127.0.0.1", 1)
        assert tool.wait() == 0
        assert tool.stdout.count(b"\n") == 2
    assert 2 <= time.monotonic() - began < 10


@pytest.mark.parametrize("options", [(), ("--format", "csv"), ("-r",), ("-j",)])
def test_limit(options: tuple[str, ...]) -> None:
    """--limit ends the trace after so many lines, not counting the header."""
    with start("--limit", 3, *options) as tool:
        for port in range(1, 6):
            attempt("127.0.0.1", port)
        assert tool.wait() == 0
        lines = tool.stdout.splitlines()
    assert len(lines) == 3 + (options != ("-j",))


def test_duration_before_limit() -> None:
    """With both, the first one that is reached ends the trace."""
    with start("--limit", 3, "--duration", "2", "-j") as tool:
        attempt("127.0.0.1", 1)
        assert tool.wait() == 0
        assert [json.loads(line)["dport"] for line in tool.stdout.splitlines()] == [1]
