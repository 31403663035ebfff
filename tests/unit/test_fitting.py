"""Columns that fit a terminal, whatever is shown and however wide it is."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tcpconnect.batch import NO_LOSSES, Batch
from tcpconnect.connection import CONNECTION, Connection
from tcpconnect.fields import choose
from tcpconnect.flow import FLOW, Flow
from tcpconnect.formats import open_format
from tcpconnect.formats.fitting import cells, cut, widths
from tcpconnect.outputs.text import Text
from tcpconnect.view import Display
from tests.support.samples import connection, empty, whole
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

    from tcpconnect.fields import Column

LONG = "2001:db8:1234:5678:abcd:ef01:2345:6789"
HUGE = connection(
    comm="字" * 15,
    saddr=LONG,
    daddr=LONG,
    dport=(1 << 63) - 1,
    result="E" * 300,
    latency_ms=1e300,
    exe="/" + "é" * 4000,
    query="x" * 253,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc", 3), ("", 0), ("é", 1), ("e\u0301", 1), ("浏览器", 6), ("ｱ", 1), ("😀", 2)],
)
def test_cells(text: str, expected: int) -> None:
    """A mark takes no cell of its own, what is wide takes two."""
    assert cells(text) == expected


@pytest.mark.parametrize(
    ("text", "width", "head", "tail"),
    [
        ("abcdef", 6, "abcdef", "abcdef"),
        ("abcdef", 4, "abc…", "…def"),
        ("abcdef", 1, "…", "…"),
        ("浏览器进程", 6, "浏览…", "…进程"),
        ("浏览器进程", 5, "浏览…", "…进程"),
        ("浏览器进程", 4, "浏…", "…程"),
        ("ae\u0301bc", 3, "ae\u0301…", "…bc"),
        ("abe\u0301c", 3, "ab…", "…e\u0301c"),
        ("abce\u0301", 2, "a…", "…e\u0301"),
    ],
)
def test_cut(text: str, width: int, head: str, tail: str) -> None:
    """What remains fits; no character is halved, and no mark changes another one."""
    assert cut(text, width, "…") == head
    assert cut(text, width, "…", tail=True) == tail
    assert max(cells(head), cells(tail)) <= width


@pytest.mark.parametrize("width", range(1, 8))
def test_cut_any(width: int) -> None:
    """What fits stays as it is; all else is cut, and one cell is empty at most."""
    for letters in product("a字\u0301", repeat=5):
        text = "".join(letters)
        for tail in (False, True):
            found = cut(text, width, "…", tail=tail)
            if cells(text) <= width:
                assert found == text
            else:
                assert width - 1 <= cells(found) <= width
                assert text.startswith(found[:-1]) or text.endswith(found[1:])


def lines(columns: list[Column], width: int, *structs: msgspec.Struct) -> list[str]:
    """Return what a terminal of this width shows."""
    sink = open_format("table", columns, width=lambda: width)
    return (sink.header() + sink.rows(structs)).decode().splitlines()


def choices(table: dict[str, Column]) -> Iterator[list[Column]]:
    """Yield choices of columns: all, each, and all that begin with each."""
    names = list(table)
    for i in range(len(names)):
        yield choose(table, names[i:])
        yield choose(table, names[: i + 1])
        yield choose(table, [names[i]])


@pytest.mark.parametrize("width", [60, 61, 79, 80, 100, 132, 200, 500])
def test_nothing_wraps(width: int) -> None:
    """Whatever columns there are, and whatever is in them."""
    unknown = empty(whole(Connection), CONNECTION)
    for columns in choices(CONNECTION):
        shown = lines(columns, width, whole(Connection), HUGE, unknown)
        assert max(map(cells, shown)) <= width
    for columns in choices(FLOW):
        shown = lines(columns, width, whole(Flow), empty(whole(Flow), FLOW))
        assert max(map(cells, shown)) <= width


def test_narrower_than_any() -> None:
    """Below 60 cells, lines are as for 60."""
    columns = choose(CONNECTION, ["comm", "daddr", "dport", "query"])
    event = connection(query="example.com")
    assert lines(columns, 1, event) == lines(columns, 60, event)


def test_what_never_gives_way() -> None:
    """Result, latency and destination are whole in any line that can have them."""
    names = "pid comm ip saddr daddr dport latency_ms result query"
    event = connection(daddr=LONG, dport=65535, result="ECONNREFUSED", latency_ms=127e3)
    whole_values = {
        "DADDR": LONG,
        "DPORT": "65535",
        "LAT(ms)": "127000.000",
        "RESULT": "ECONNREFUSED",
    }
    for width in range(70, 200):
        header, row = lines(choose(CONNECTION, names.split()), width, event)[-2:]
        for title, value in whole_values.items():
            assert row[header.index(title) :].split()[0] == value, width


def test_lines_are_aligned() -> None:
    """Each cell begins below its header, wide characters or not."""
    columns = choose(CONNECTION, ["comm", "dport"])
    for comm in ("浏览器", "e\u0301", "abc"):
        header, row = lines(columns, 80, connection(comm=comm, dport=443))
        before, _, _ = row.partition("443")
        assert cells(before) == header.index("DPORT")


def test_columns_move_seldom() -> None:
    """A header comes again only where a value does not fit its column."""
    columns = choose(CONNECTION, ["pid", "daddr", "dport", "latency_ms", "result"])
    sink = open_format("table", columns, width=lambda: 80)
    text = sink.header()
    for n in range(100):
        daddr = f"10.{n}.{n}.1" if n < 50 else f"fe80::{n}"
        text += sink.rows([connection(pid=n, daddr=daddr, latency_ms=n * 1000.0)])
    assert text.count(b"DADDR") == 1
    text = sink.rows([connection(pid=4194304)]) + sink.rows([connection(pid=4194303)])
    assert text.splitlines()[0].startswith(b"PID     DADDR")
    assert text.count(b"DADDR") == 1


def test_plan_takes_all_room() -> None:
    """No cell is left while a name is cut."""
    fields = [column.field for column in choose(CONNECTION, ["pid", "daddr", "query"])]
    for room in range(60, 300):
        assert sum(widths(fields, room, [0, 0, 0])) + 2 == room


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A terminal: our end, and that of programs."""
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def resize(fd: int, width: int) -> None:
    """Give a terminal a width."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))


def read_lines(fd: int, count: int) -> list[str]:
    """Return what was written to a terminal, when it has so many lines."""
    data = b""
    os.set_blocking(fd, False)

    def read() -> bool:
        nonlocal data
        with suppress(BlockingIOError):
            data += os.read(fd, 4096)
        return data.count(b"\n") >= count

    wait_until(read, f"{count} lines")
    return data.decode().splitlines()


def batch(**changes: object) -> Batch:
    """Return a batch of one event."""
    return Batch([connection(**changes)], NO_LOSSES, [], 0.0)


def display(names: str) -> Display:
    """Return a table of these columns."""
    return Display("table", choose(CONNECTION, names.split()))


@pytest.mark.parametrize(
    ("width", "wide", "expected"),
    [
        (60, False, "DPORT QUERY\n80    " + 53 * "x" + "…\n"),
        (60, True, "DPORT QUERY\n80    " + 90 * "x" + "\n"),
        (0, False, "DPORT QUERY\n80    " + 90 * "x" + "\n"),
    ],
)
def test_output(
    terminal: tuple[int, int], width: int, *, wide: bool, expected: str
) -> None:
    """A terminal is fitted unless --wide is given, or it has no width."""
    ours, theirs = terminal
    resize(theirs, width)
    output = Text(theirs, display("dport query"), wide=wide)
    output.open()
    output.write(batch(query=90 * "x"))
    assert read_lines(ours, 2) == expected.splitlines()


@pytest.mark.parametrize("quiet", [False, True])
def test_what_is_left_out_is_named(
    capfd: pytest.CaptureFixture[str], terminal: tuple[int, int], *, quiet: bool
) -> None:
    """A notice names each column once, when it is left out; with --quiet none."""
    _, theirs = terminal
    resize(theirs, 80)
    names = "pid comm ip saddr daddr dport latency_ms result query"
    output = Text(theirs, display(names), wide=False, quiet=quiet)
    output.open()
    output.write(Batch([], NO_LOSSES, [], 0.0))
    said = capfd.readouterr().err
    output.write(batch())
    assert capfd.readouterr().err == ""
    resize(theirs, 60)
    output.write(batch())
    resize(theirs, 120)
    output.write(batch())
    said += capfd.readouterr().err
    notice = "tcpconnect: no room for {}; widen the terminal or add --wide\n"
    expected = [notice.format(names) for names in ("IP, SADDR", "PID, QUERY")]
    assert said == ("" if quiet else "".join(expected))


def test_resized(terminal: tuple[int, int]) -> None:
    """The next line fits; there is a header above it if columns have moved."""
    ours, theirs = terminal
    output = Text(theirs, display("comm saddr daddr"), wide=False)
    resize(theirs, 120)
    output.open()
    output.write(batch())
    for width in (60, 60, 90):
        resize(theirs, width)
        output.write(batch(saddr=LONG, daddr=LONG))
    lines = read_lines(ours, 7)
    shown = [cells(line) for line in lines]
    assert [line.split()[0] for line in lines] == (
        ["COMM", "curl", "COMM", "curl", "curl", "COMM", "curl"]
    )
    assert max(shown[2:5]) <= 60 < max(shown[5:]) <= 90


def test_other_encoding(
    monkeypatch: pytest.MonkeyPatch, terminal: tuple[int, int]
) -> None:
    """What takes more cells since it is escaped fits, too; the mark is ASCII."""
    monkeypatch.setattr("tcpconnect.output.nl_langinfo", lambda _: "ANSI_X3.4-1968")
    ours, theirs = terminal
    resize(theirs, 60)
    output = Text(theirs, display("dport query"), wide=False)
    output.open()
    output.write(batch(query=90 * "é"))
    _, row = read_lines(ours, 2)
    assert row == "80    " + (9 * r"\u00e9")[:53] + "~"
