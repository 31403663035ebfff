"""Recordings: what is written is what is read, whoever made the file."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.batch import NO_LOSSES, Batch, Losses, Totals
from tcpconnect.connection import MEMBERS, Connection
from tcpconnect.errors import Line, TcpconnectError
from tcpconnect.formats import FORMATS, open_format
from tcpconnect.output import harmless
from tcpconnect.outputs.recording import Recording
from tcpconnect.recorded import SCHEMA, About
from tcpconnect.sources import recording as source
from tcpconnect.sources.rows import is_plain
from tcpconnect.view import Display
from tests.support.properties import steady
from tests.support.samples import connection, whole

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = list(MEMBERS.values())
OPTIONS = ["-r", "--failed"]


def record(path: Path, *batches: Batch, dropped: int = 0) -> list[dict[str, Any]]:
    """Write a recording; return its lines."""
    display = Display("json", COLUMNS, recorded=True)
    about = About(version="1.2", host="here", options=OPTIONS, schema=SCHEMA)
    output = Recording(str(path), display, about)
    output.open()
    for batch in batches:
        output.write(batch)
    events = sum(len(batch.events) for batch in batches)
    output.close(Totals(events, batches[-1].losses, dropped=dropped))
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def read(path: Path) -> tuple[list[Batch], source.Recording]:
    """Return the batches of a file, and what they were read from."""
    with (
        path.open("rb") as file,
        source.Recording(file.fileno(), "'file'") as recording,
    ):
        return list(recording.batches()), recording


def events_of(batches: list[Batch]) -> list[Connection]:
    """Return all events."""
    return [event for batch in batches for event in batch.events]


def wrong(path: Path, lines: bytes) -> str:
    """Return the error about a file that can't be read."""
    path.write_bytes(lines)
    with pytest.raises(TcpconnectError) as error:
        read(path)
    return str(error.value)


def test_lines(tmp_path: Path) -> None:
    """What made it, then events with all columns, losses and warnings; totals last."""
    lost, more = Losses(ring=2), Losses(ring=5, names=1)
    head, warning, first, ring, both, second, total = record(
        tmp_path / "file",
        Batch([connection()], NO_LOSSES, [Line("no names")], 0),
        Batch([], lost, [], 0),
        Batch([whole(Connection)], more, [], 0),
        Batch([], more, [], 0),
        dropped=3,
    )
    about = head.pop("tcpconnect")
    assert head == {}
    assert about == {
        "version": "1.2",
        "host": "here",
        "options": OPTIONS,
        "schema": SCHEMA,
    }
    assert warning == {"warning": "no names"}
    assert list(first) == list(second) == list(MEMBERS)
    assert (ring, both) == ({"lost": {"ring": 2}}, {"lost": {"ring": 3, "names": 1}})
    lost_in_all = {"ring": 5, "names": 1}
    assert total == {"total": {"events": 2, "dropped": 3, "lost": lost_in_all}}


@pytest.mark.parametrize("name", FORMATS)
def test_every_output_is_the_same(tmp_path: Path, name: str) -> None:
    """From a recording each format makes the bytes that it makes of the events."""
    made = [
        connection(),
        whole(Connection),
        connection(query="a.example", query_scope="host"),
    ]
    record(tmp_path / "file", Batch(made, NO_LOSSES, [], 0))
    shown = open_format(name, COLUMNS)
    assert shown.rows(events_of(read(tmp_path / "file")[0])) == shown.rows(made)


def test_losses_and_warnings_come_again(tmp_path: Path) -> None:
    """A recording is a source like the kernel: losses add up, warnings come once."""
    lost, more = Losses(ring=2), Losses(ring=5, names=1)
    record(
        tmp_path / "file",
        Batch([whole(Connection)], lost, [Line("a")], 0),
        Batch([whole(Connection)], more, [Line("b")], 0),
    )
    batches, recording = read(tmp_path / "file")
    assert batches[0].events == []
    assert batches[-1].losses == more
    assert [line for batch in batches for line in batch.warnings] == ["a", "b"]
    assert recording.about
    assert recording.about.options == OPTIONS


def test_nobody_reads_what_it_is_for(tmp_path: Path) -> None:
    """Where the output is closed, reading ends within a line, which is no damage."""
    path = tmp_path / "file"
    path.write_bytes(b'{"daddr":"10.0.0.1","dport":80}\n' * 40_000)
    reader, writer = os.pipe()
    with path.open("rb") as file, source.Recording(file.fileno(), "'file'") as made:
        made.stop_with(writer)
        batches = made.batches()
        assert [len(next(batches).events) for _ in range(2)][1] > 1000
        os.close(reader)
        assert [*batches] == []
    os.close(writer)


def test_lines_of_j(tmp_path: Path) -> None:
    """Lines without a head, and with fewer keys or more, are events, too."""
    path = tmp_path / "file"
    path.write_bytes(b'{"daddr":"10.0.0.1","dport":80,"new":[1]}\n{"daddr":"::1"}\n')
    first, second = events_of(read(path)[0])
    assert (first.daddr, first.dport, first.result) == ("10.0.0.1", 80, None)
    assert (second.daddr, second.dport, second.event) == ("::1", None, "connect")


def test_newer_schema(tmp_path: Path) -> None:
    """It is refused, with what made it."""
    line = b'{"tcpconnect":{"version":"9.0","schema":%d}}\n' % (SCHEMA + 1)
    message = wrong(tmp_path / "file", line)
    assert "line 1: it was recorded by tcpconnect 9.0, which is newer" in message


def test_unknown_losses_are_told(tmp_path: Path) -> None:
    """What a newer tool counts as lost is not silently forgotten."""
    path = tmp_path / "file"
    path.write_bytes(b'{"lost":{"ring":1,"else\\u001b":2}}\n')
    batches, _ = read(path)
    assert batches[-1].losses == Losses(ring=1)
    assert batches[-1].warnings == ["2 lost: else\\x1b"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no JSON", "line 2: JSON is malformed"),
        (b"[1]", "line 2: Expected `object`"),
        (b"{}", "line 2: it has no daddr"),
        (b'{"daddr":1}', "line 2: Expected `str | null`, got `int`"),
        (b'{"daddr":"::1","dport":"http"}', "line 2: Expected `int | null`"),
        (b'{"daddr":"::1","time":"yesterday"}', "line 2: "),
        (b'{"daddr":"::1","pid":99999999999999999999}', "line 2: "),
        (b"\xff", "line 2: "),
        (b'{"tcpconnect":{}}', "line 2: Object missing required field `schema`"),
        (b'{"lost":{"ring":"many"}}', "line 2: Expected `int`"),
        (b'{"lost":{"ring":-5}}', "line 2: Expected `int` >= 0"),
        (b'{"daddr":"\xff"}', "line 2: "),
        (b'{"daddr":"::1","x":' + b"[" * 100_000, "line 2: "),
        (b'{"daddr":"::1","time":"1969-12-31T23:59:59.5Z"}', "line 2: "),
        (b'\n\n{"daddr":"::1"}\n\nbad', "line 6: JSON is malformed"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: bytes, reason: str) -> None:
    """The error names the line and the reason, in printable characters."""
    message = wrong(tmp_path / "file", b'{"daddr":"::1"}\n' + line + b"\n")
    assert reason in message
    assert message.isprintable()


def test_long_line(tmp_path: Path) -> None:
    """A line without an end takes no memory without end."""
    message = wrong(tmp_path / "file", b"x" * (2 * source.MAX_LINE))
    assert "line 1: the line is too long" in message


def test_cut(tmp_path: Path) -> None:
    """Where the last line is not whole, the others are read, and that is told."""
    path = tmp_path / "file"
    path.write_bytes(b'{"daddr":"::1"}\n{"dad')
    batches, _ = read(path)
    assert len(events_of(batches)) == 1
    assert batches[-1].warnings == ["'file' ends within a line: it was truncated"]


def test_no_end(tmp_path: Path) -> None:
    """A recording without totals is still being written, or has failed: so it says."""
    path = tmp_path / "file"
    record(path, Batch([connection()], NO_LOSSES, [], 0))
    *lines, _ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines))
    batches, _ = read(path)
    (warning,) = batches[-1].warnings
    assert str(warning).startswith("'file' has no end")


def test_totals_are_read(tmp_path: Path) -> None:
    """What only the last line knows is not forgotten."""
    path = tmp_path / "file"
    path.write_bytes(
        b'{"lost":{"ring":2}}\n'
        b'{"total":{"events":9,"dropped":500,"lost":{"ring":7,"names":1}}}\n'
    )
    batches, _ = read(path)
    assert batches[-1].losses == Losses(ring=7, names=1)
    (warning,) = batches[-1].warnings
    assert str(warning).startswith("500 attempts are not in 'file'")


def test_hostile_texts(tmp_path: Path) -> None:
    """What would do something to a terminal is escaped, wherever it stands."""
    hostile = "a\x1b]0;x\x07b"
    event = {
        name: hostile
        for name, column in MEMBERS.items()
        if column.type in {str, str | None}
    }
    path = tmp_path / "file"
    path.write_text(json.dumps(event) + "\n" + json.dumps({"warning": hostile}) + "\n")
    batches, _ = read(path)
    rows = open_format("json", COLUMNS).rows(events_of(batches)).decode()
    found = json.loads(rows)
    for name in event:
        assert found[name] == "a\\x1b]0;x\\x07b"
    assert batches[-1].warnings == ["a\\x1b]0;x\\x07b"]


def test_stop() -> None:
    """A source that waits for a pipe ends when it is told to."""
    reader, writer = os.pipe()
    recording = source.Recording(reader, "stdin")
    batches = recording.batches()
    next(batches)
    timer = threading.Timer(0.05, recording.stop)
    timer.start()
    assert list(batches) == []
    timer.join()
    recording.close()
    os.close(reader)
    os.close(writer)


@given(st.text(), st.booleans())
@steady
def test_texts_that_are_not_looked_at(text: str, escaped: bool) -> None:  # noqa: FBT001
    """What is taken for plain is what harmless() would not change."""
    line = json.dumps({"comm": text}, ensure_ascii=escaped).encode(errors="replace")
    if is_plain(line):
        assert harmless(text) == text


def test_plain_lines_have_quotes() -> None:
    """Arguments that are quoted are plain."""
    assert is_plain(json.dumps({"cmdline": 'sh -c "a/b"'}).encode())
    for text in ("\x1b", "\x7f", "\n", "é", "\u200b"):
        assert not is_plain(json.dumps({"comm": text}).encode())
