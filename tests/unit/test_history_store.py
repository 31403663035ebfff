"""The store of a history: what is added is there, however often, whoever reads."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.errors import TcpconnectError
from tcpconnect.history import file
from tcpconnect.history.file import open_for_reading
from tcpconnect.history.packed import unpack
from tcpconnect.history.rows import Program
from tcpconnect.history.schema import APPLICATION_ID, MINUTE, VERSION
from tcpconnect.history.store import Run, Store
from tests.support.histories import NOON, attempts, history, joined, new_store

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = """
SELECT time, span, program, destination, dport, result, why, failed, attempts,
       latency_us, latency_max_us, latencies, dns_us, syns
FROM windows JOIN programs USING (program_id)
JOIN destinations USING (destination_id) JOIN outcomes USING (outcome_id)
ORDER BY time, program, destination, result"""


def rows(path: str, statement: str = EVERYTHING) -> list[tuple[Any, ...]]:
    """Return what a statement finds in a history."""
    with closing(open_for_reading(path)) as connection:
        return connection.execute(statement).fetchall()


def test_windows_are_added_to_the_row_of_their_minute(tmp_path: Path) -> None:
    """Sums, the longest latency, and counts by latency; other keys are other rows."""
    path = history(
        tmp_path / "h.db",
        attempts("curl", "example.com", time=NOON + 3, count=2, latency_ms=1),
        attempts("curl", "192.0.2.9", result="ECONNREFUSED", why="RST"),
    )
    history(path, attempts("curl", "example.com", time=NOON + 14, latency_ms=5))
    found = [(*row[:11], unpack(row[11]), *row[12:]) for row in rows(path)]
    assert found == [
        (
            *(NOON, MINUTE, "curl", "192.0.2.9", 443, "ECONNREFUSED", "RST", 1),
            *(1, 1000, 1000, {9: 1}, 0, 1),
        ),
        (
            *(NOON, MINUTE, "curl", "example.com", 443, "OK", "", 0),
            *(3, 7000, 5000, {9: 2, 12: 1}, 0, 3),
        ),
    ]


def test_a_pair_knows_when_it_was_seen(tmp_path: Path) -> None:
    """First and last, in whatever order windows come."""
    path = history(tmp_path / "h.db", attempts("curl", "a.example", time=NOON + 60))
    history(path, attempts("curl", "a.example", time=NOON - 60))
    history(path, attempts("curl", "a.example", time=NOON + 90, result="ETIMEDOUT"))
    seen = "SELECT first_seen, last_seen FROM pairs"
    assert rows(path, seen) == [(NOON - 60, NOON + 90)]


def test_the_last_address_of_a_name_is_kept(tmp_path: Path) -> None:
    """A name has many."""
    path = history(tmp_path / "h.db", attempts("curl", "a.example"))
    history(path, attempts("curl", "a.example", address="2001:db8::1"))
    names = "SELECT destination, query, address FROM destinations"
    assert rows(path, names) == [("a.example", "a.example", "2001:db8::1")]


def test_programs_of_other_users_are_others(tmp_path: Path) -> None:
    """All of who connects is in the key."""
    path = history(
        tmp_path / "h.db",
        attempts(Program("nginx", unit="nginx.service", uid=1), "a.example"),
        attempts(Program("nginx", unit="nginx.service", uid=2), "a.example"),
    )
    assert len(rows(path)) == 2


def test_what_fails_changes_nothing(tmp_path: Path) -> None:
    """A window is added as a whole, or not at all; it can be added again."""
    path = str(tmp_path / "h.db")
    store = new_store(path, Run(started=NOON))
    good, bad = attempts("curl", "a.example"), attempts("curl", "b.example")
    for row in bad[MINUTE, NOON].values():
        row.attempts = 1 << 64  # more than a column takes
    with pytest.raises(OverflowError):
        store.add(joined([good, bad]), {(NOON, "ring"): 3}, NOON + 10)
    store.add(attempts("curl", "a.example"), {(NOON, "ring"): 3}, NOON + 20)
    store.close(NOON + 30)
    assert [row[8] for row in rows(path)] == [1]
    assert rows(path, "SELECT time, reason, lost FROM losses") == [(NOON, "ring", 3)]
    runs = "SELECT started, watched, ended FROM runs"
    assert rows(path, runs) == [(NOON, NOON + 30, NOON + 30)]


def test_readers_read_while_it_writes(tmp_path: Path) -> None:
    """They see what is committed, and don't stop the writer, nor change the file."""
    path = str(tmp_path / "h.db")
    store = new_store(path, Run(started=NOON))
    store.add(attempts("curl", "a.example"), {}, NOON + 10)
    with closing(open_for_reading(path)) as reader:
        reader.execute("BEGIN")
        count = "SELECT sum(attempts) FROM windows"
        assert reader.execute(count).fetchall() == [(1,)]
        store.add(attempts("curl", "a.example"), {}, NOON + 20)
        assert reader.execute(count).fetchall() == [(1,)]
        reader.execute("COMMIT")
        assert reader.execute(count).fetchall() == [(2,)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM windows")
    store.close(NOON + 30)
    assert [each.name for each in tmp_path.iterdir()] == ["h.db"]


def test_a_row_takes_at_most_60_bytes(tmp_path: Path) -> None:
    """All that is kept of it, in a file of many."""
    path = tmp_path / "h.db"
    latencies = {7: 3, 8: 40, 9: 200, 10: 20}
    every = joined(
        attempts(
            f"program-{n % 20}",
            f"service-{n % 500}.example.com",
            time=NOON + n // 500 * 3600,
            count=263,
            latencies=dict(latencies),
            span=3600,
        )
        for n in range(30_000)
    )
    history(path, every)
    assert path.stat().st_size / 30_000 <= 60


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"no database, but long enough to be one" * 30, "is no history: it is not"),
        (b"", "is no history: it is not a database of tcpconnect"),
        (None, "there is no history at "),
    ],
)
def test_what_is_no_history_is_refused(
    tmp_path: Path, content: bytes | None, line: str
) -> None:
    """In one line; nothing is made."""
    path = tmp_path / "h.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TcpconnectError, match=line):
        open_for_reading(str(path))
    assert path.exists() == (content is not None)


def test_a_database_of_others_is_refused(tmp_path: Path) -> None:
    """By readers and by the writer, who leave it as it is."""
    path = tmp_path / "h.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE windows (a)")
    before = path.read_bytes()
    for use in (open_for_reading, Store):
        with pytest.raises(TcpconnectError, match="is no history"):
            use(str(path))
    assert path.read_bytes() == before


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    """By readers and by the writer."""
    path = history(tmp_path / "h.db")
    set_version(path, VERSION + 1)
    for use in (open_for_reading, Store):
        with pytest.raises(TcpconnectError, match="a newer tcpconnect wrote it"):
            use(path)


def test_the_writer_brings_an_older_version_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers say so, and can't."""
    path = history(tmp_path / "h.db", attempts("curl", "a.example"))
    set_version(path, VERSION - 1)
    monkeypatch.setitem(file.UPGRADES, VERSION - 1, ["CREATE TABLE added (a)"])
    with pytest.raises(TcpconnectError, match="an older tcpconnect wrote it"):
        open_for_reading(path)
    history(path, attempts("curl", "a.example"))
    assert [row[8] for row in rows(path)] == [2]
    assert rows(path, "SELECT * FROM added") == []


def set_version(path: str, version: int) -> None:
    """Make the file one of another version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
        assert connection.execute("PRAGMA application_id").fetchone() == (
            APPLICATION_ID,
        )
