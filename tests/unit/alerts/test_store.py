"""What alerts know is kept over restarts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from string import ascii_lowercase
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from tcpconnect.alerts import store as alert_store
from tcpconnect.alerts.alert import Notice, Pair, new
from tcpconnect.alerts.engine import Engine
from tcpconnect.alerts.failing import State
from tcpconnect.alerts.keeper import Keeper
from tcpconnect.alerts.rows import accept, accepted, forget_accepted
from tcpconnect.errors import OutputError
from tests.support.alert_stores import CHANNEL, Kept, table
from tests.support.windows import HOUR_S, WINDOW_S, Watch, row

if TYPE_CHECKING:
    from pathlib import Path

    from tcpconnect.alerts.alert import Alert

BAD = row(attempts=10, failed=10)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the path of a file that is not there yet."""
    return str(tmp_path / "alerts.db")


def test_restarted_in_each_window(path: str) -> None:
    """Whoever is restarted all the time alerts the same as who is not."""
    expected = Watch(Engine({"new"}, 60))
    windows = [[row()]] * 7 + [[row(destination="new.example")]] * 2
    windows += [[row(destination=f"{letter}.example")] for letter in ascii_lowercase]
    alerts: list[Alert] = []
    time = expected.time
    for rows in windows:
        expected.window(*rows)
        kept = Kept(path, 60, time=time)
        alerts += kept.window(*rows)
        time = kept.time
        kept.store.close()
    assert alerts == expected.alerts
    assert len(alerts) == 20
    kept = Kept(path, 60, time=time)
    (summary,) = kept.engine.feed(time, HOUR_S, [])
    assert summary.more == 7
    kept.store.close()


def test_failing_is_kept(path: str) -> None:
    """It is not reported again after a restart, and solved by the next run."""
    kept = Kept(path)
    for _ in range(3):
        kept.minute(BAD)
    assert [alert.kind for alert in kept.alerts] == ["failing"]
    kept.store.close()
    again = Kept(path, time=kept.time)
    assert again.minute(BAD) == again.minute(BAD) == []
    assert [alert.since for alert in again.engine.failing.active()]
    again.minute(row())
    assert [alert.kind for alert in again.window()] == ["solved"]
    assert table(path, "alert_failing") == []
    again.store.close()


def test_the_table_of_alerts(path: str) -> None:
    """History shows them, and each waits until it was sent."""
    kept = Kept(path, WINDOW_S)
    kept.window(row())
    time = kept.time
    kept.window(row(destination="new.example"))
    line = "web connected to new.example:5432 for the first time"
    (found,) = table(path, "alerts")
    assert found == (time, "new", "web", "new.example", 5432, line)
    (notice,) = kept.store.waiting(CHANNEL)
    assert [notice.alert] == kept.alerts
    assert [alert.text for alert in kept.store.latest(time)] == [line]
    assert kept.store.latest(time + 1) == []
    kept.store.sent(CHANNEL, notice.id)
    assert kept.store.waiting(CHANNEL) == []
    kept.store.close()


def test_accepted(path: str) -> None:
    """What another process accepts is known from the next window on."""
    kept = Kept(path, WINDOW_S)
    kept.window(row())
    with sqlite3.connect(path) as other:
        assert accept(other, [("web", "shard-1", 443)]) == 1
    other.close()
    pairs, reach = accepted(path)
    kept.engine.accept(pairs, learnt=False)
    assert kept.window(row(destination="shard-2", dport=443)) == []
    with sqlite3.connect(path) as other:
        accept(other, [("web", "later", 443)])
    other.close()
    forget_accepted(path, reach)
    assert accepted(path)[0] == [("web", "later", 443)]  # nobody has read that yet
    kept.store.close()
    again = Kept(path, WINDOW_S, time=kept.time)
    assert again.window(row(destination="shard-3", dport=443)) == []
    again.store.close()


def test_bounds(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest alerts go."""
    monkeypatch.setattr(alert_store, "MAX_ALERTS", 5)
    monkeypatch.setattr(alert_store, "MAX_WAITING", 3)
    kept = Kept(path, WINDOW_S)
    kept.window(row())
    for letter in "ghijklmnop":
        kept.window(row(destination=letter))
    assert [found[3] for found in table(path, "alerts")] == list("lmnop")
    waiting = kept.store.waiting(CHANNEL)
    assert [notice.alert.destination for notice in waiting] == list("nop")
    kept.store.close()


def test_what_fails_is_kept_later(path: str) -> None:
    """While others hold the file nothing is lost."""
    kept = Kept(path, WINDOW_S)
    kept.window(row())
    kept.store._connection.execute("PRAGMA busy_timeout = 1")  # noqa: SLF001
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        kept.window(row(destination="new.example"))
    other.close()
    kept.window()
    assert {found[1] for found in table(path, "alert_pairs")} == {
        "db.example",
        "new.example",
    }
    kept.store.close()


LATE = 10**17


def test_damaged_times(path: str) -> None:
    """No time that is read is later than what can be sent."""
    kept = Kept(path, WINDOW_S)
    made = new(row())
    kept.store.keep(kept.engine, [Notice("1", structs.replace(made, time=LATE))], "a")
    assert kept.store.latest(0) == []
    assert kept.store.waiting("a") == []
    kept.engine.failing.states[Pair("a", "b", 1)] = State(since=LATE, last=LATE)
    kept.engine.failing.changed.add(Pair("a", "b", 1))
    kept.store.keep(kept.engine, [], "a")
    kept.store.close()
    with pytest.raises(OutputError, match="move the file away"):
        Keeper(path).open(kept.engine)


@pytest.mark.parametrize("observed", ["nan", "inf", "-1", "1e300", "x"])
def test_a_damaged_file(path: str, observed: str) -> None:
    """It is refused with a way out, and a notice that can't be read is left out."""
    kept = Kept(path, WINDOW_S)
    kept.window(row())
    kept.store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        values = CHANNEL, "1", "no JSON"
        connection.execute(
            "INSERT INTO alert_waiting (channel, notice_id, notice) VALUES (?, ?, ?)",
            values,
        )
        again = Kept(path, WINDOW_S)
        assert again.store.waiting(CHANNEL) == []
        again.store.close()
        connection.execute(
            "UPDATE alert_state SET value = ? WHERE name = 'observed'", (observed,)
        )
    with pytest.raises(OutputError, match="move the file away"):
        Keeper(path).open(kept.engine)
