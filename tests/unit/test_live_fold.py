"""Attempts made rows, and rows made messages that the screen checks."""

from __future__ import annotations

import msgspec
import pytest

from tcpconnect.batch import Losses
from tcpconnect.image import Image, Place
from tcpconnect.live import stream
from tcpconnect.live.fold import OTHERS, Fold
from tcpconnect.live.program import program_of
from tcpconnect.live.stream import (
    MAX_FAILURES,
    MAX_LATEST,
    MAX_MESSAGE,
    MAX_OUTCOMES,
    MAX_ROWS,
    MAX_TEXT,
    Begin,
    End,
    Message,
    Program,
    Reader,
    Second,
    StreamError,
    encode,
)
from tcpconnect.program import runs
from tests.support.folding import NOW, attempt, batch, refused, ticks

CURL = Program("curl", "comm", "curl")


def test_a_row() -> None:
    """Attempts of a program to a destination are one row, with what failed."""
    events = [attempt(), attempt(latency_ms=4.0), refused(latency_ms=0.5)]
    (tick,) = ticks(batch(events, losses=Losses(ring=2, missed=3, names=9)))
    (row,) = tick.rows
    assert (row.program, row.destination, row.port) == (CURL, "54.245.105.25", 80)
    assert (row.attempts, row.failed, row.measured) == (3, 1, 3)
    assert (row.latency_ms, row.max_ms, row.last) == (6.5, 4.0, NOW)
    assert row.outcomes == {"ECONNREFUSED RST": 1}
    assert [each.failed for each in row.latest] == [False, False, True]
    assert tick.failures == row.latest[2:]
    assert tick.seconds == [Second(int(NOW), 3, 1)]
    assert (tick.lost, tick.others) == (5, 0)


def test_what_makes_a_row() -> None:
    """Program, name else address, and port tell rows; a failed lookup has its own."""
    names = [attempt(query="a.example"), attempt(query="a.example", daddr="192.0.2.1")]
    lookup = attempt(daddr=None, dport=None, query="b.example", result="NXDOMAIN")
    others = [attempt(dport=81), attempt(comm="wget")]
    (tick,) = ticks(batch([*names, lookup, *others]))
    found = [
        (r.program.name, r.destination, r.address, r.port, r.attempts)
        for r in tick.rows
    ]
    assert found == [
        ("curl", "a.example", "192.0.2.1", 80, 2),
        ("curl", "b.example", "", 0, 1),
        ("curl", "54.245.105.25", "54.245.105.25", 81, 1),
        ("wget", "54.245.105.25", "54.245.105.25", 80, 1),
    ]


def test_a_tick_takes_all() -> None:
    """The next one has what came since."""
    fold = Fold()
    fold.add(batch([refused()]))
    assert len(fold.tick().rows) == 1
    fold.add(batch([], NOW + 1))
    tick = fold.tick()
    assert (tick.rows, tick.failures, tick.seconds) == ([], [], [])
    assert (tick.began, tick.time) == (NOW, NOW + 1)


def test_times_of_a_recording() -> None:
    """In a file, attempts are seen when they ended."""
    fold = Fold(whole=True)
    at = int(NOW) * 10**9
    events = [attempt(time=at, latency_ms=2500.0), attempt(time=at + 10**10)]
    fold.add(batch(events, NOW + 1e6))
    tick = fold.tick()
    assert tick.began == NOW + 2.5
    assert round(tick.time - NOW, 3) == 10.002
    assert [each.second - int(NOW) for each in tick.seconds] == [2, 10]


def test_bounds() -> None:
    """However much comes, a message has bounded lists, and the rest is counted."""
    many = MAX_ROWS + 10
    events = [
        refused(dport=n, query="x" * 1000, why=f"dropped: REASON{n}")
        for n in range(many)
    ]
    same = [refused(dport=1, query="x" * 1000, why=f"{n}") for n in range(100)]
    (tick,) = ticks(batch(events + same))
    assert (len(tick.rows), tick.others) == (MAX_ROWS, 10)
    assert len(tick.failures) == MAX_FAILURES
    row = tick.rows[1]
    assert (len(row.outcomes), row.outcomes[OTHERS]) == (MAX_OUTCOMES, 101 - 15)
    assert (len(row.latest), len(row.destination)) == (MAX_LATEST, MAX_TEXT)
    data = encode(tick)
    assert len(data) < MAX_MESSAGE
    assert list(Reader().messages(data)) == [tick]


def test_messages_in_pieces() -> None:
    """Messages are found however the pipe cuts them."""
    messages: list[Message] = [Begin("host", "-r"), *ticks(batch([attempt()])), End()]
    data = b"".join(encode(message) for message in messages)
    reader = Reader()
    found = [m for at in range(len(data)) for m in reader.messages(data[at : at + 1])]
    assert found == messages


def message_with(**changes: object) -> bytes:
    """Return an encoded tick that another program has made."""
    (tick,) = ticks(batch([attempt()]))
    return encode(msgspec.structs.replace(tick, **changes))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x01\x00\x00\x00\xc1",
        message_with(time=-1.0),
        message_with(lost=-1),
        message_with(lost="1"),
        message_with(rows=[[]]),
        message_with(failures=[None]),
        message_with(seconds=[Second(0)] * (stream.MAX_SECONDS + 1)),
        encode(Begin("x" * (MAX_TEXT + 1), "")),
    ],
)
def test_wrong_messages(data: bytes) -> None:
    """What is no message of ours is an error."""
    with pytest.raises(StreamError):
        list(Reader().messages(data))


def test_nan_is_a_time_of_nobody() -> None:
    """A number that compares with nothing is refused, too."""
    with pytest.raises(StreamError):
        list(Reader().messages(message_with(time=float("nan"))))


@pytest.mark.parametrize(
    ("exe", "cmdline", "expected"),
    [
        ("/usr/bin/curl", "curl example.com", "curl"),
        ("/usr/bin/curl (deleted)", "curl", "curl"),
        ("/usr/bin/python3.11", "python3 -u /opt/app/serve.py --port 1", "serve.py"),
        ("/usr/bin/python3.11", "python3 -m http.server", "http.server"),
        ("/usr/bin/python3.11", "python3 -c 'import x'", "python3.11"),
        ("/usr/bin/python3.11", "python3", "python3.11"),
        ("/usr/lib/jvm/bin/java", "java -Xmx1g -jar /srv/app.jar", "app.jar"),
        ("/bin/dash", "sh /etc/cron.daily/job", "job"),
        ("/usr/bin/node", "node '/srv/a b.js'", "a"),
        (None, "x", ""),
    ],
)
def test_scripts(exe: str | None, cmdline: str, expected: str) -> None:
    """Of an interpreter the script is shown."""
    assert runs(exe, cmdline) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(pod="ns/web", container="web"), ("ns/web", "pod")),
        (Place(container="web", unit="docker.service"), ("web", "container")),
        (Place(unit="cron.service"), ("cron.service", "unit")),
        (Place(unit="session-3.scope"), ("curl", "comm")),
        (Place(unit="user@1000.service"), ("curl", "comm")),
    ],
)
def test_whose(place: Place, expected: tuple[str, str]) -> None:
    """The pod is shown, else the container, the unit or what runs."""
    program = program_of("thread", Image("/bin/curl", "curl", place))
    assert (program.name, program.kind, program.comm) == (*expected, "thread")


def test_unknown_program() -> None:
    """A thread's name is better than none."""
    assert program_of("kworker", Image()).name == "kworker"
    assert program_of(None, Image()).name == "?"
