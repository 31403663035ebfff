"""Alerting: batches in, lines out, over a history and with a clock of its own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.alerts.engine import Engine
from tcpconnect.alerts.keeper import Keeper
from tcpconnect.alerts.rows import accept, accepted
from tcpconnect.asking.forgetting import forget
from tcpconnect.batch import NO_LOSSES, Batch, Totals
from tcpconnect.history.store import Run
from tcpconnect.image import UNKNOWN, Image, Place
from tcpconnect.notify.event import line
from tcpconnect.outputs.alerting import Alerting
from tests.support.histories import new_store
from tests.support.recorder import asked
from tests.support.samples import connection
from tests.support.waiting import wait_until
from tests.support.windows import BEGIN, DAY_S, HOUR_S, MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGES = {
    name: Image(exe=f"/usr/sbin/{name}", place=Place(unit=f"{name}.service"))
    for name in ("web", "backup", "monitor")
}
STEP_S = 600  # a week has a minute in ten, so that it takes two seconds
LEARN_S = DAY_S // 10
TOTALS = Totals(0, NO_LOSSES)


def event(who: str, where: str, dport: int, result: str = "OK") -> Any:
    """Return an attempt."""
    why = "" if result == "OK" else "RST"
    made = connection(query=where, dport=dport, result=result, why=why, uid=33)
    made.image = IMAGES[who]
    return made


def steady(time: int) -> list[Any]:
    """Return the attempts of a minute on a machine where nothing happens."""
    found = [event("web", "db.example", 5432) for _ in range(12)]
    found.append(event("web", f"shard-{time // 60 % 512:x}0.cache", 6379))
    found.append(event("monitor", f"node-{time // 60 % 50}.example", 9100))
    if time % HOUR_S == 0:
        found.append(event("web", "db.example", 5432, "ECONNREFUSED"))
    if time % DAY_S == 3 * HOUR_S:
        bucket = f"backup-{time // DAY_S:x}0.s3.example"
        found += [event("backup", bucket, 443), event("backup", "auth.example", 443)]
    return found


class Replay:
    """Gives minutes to an Alerting, from one of its runs to the next."""

    def __init__(self, path: Path, *kinds: str) -> None:
        self._path, self._kinds = str(path), kinds
        self.time = BEGIN
        self.start()

    def start(self) -> None:
        """Begin a run."""
        self.keeper = Keeper(f"{self._path}.alerts", self._path)
        self.alerting = Alerting(
            Engine(self._kinds, LEARN_S),
            self.keeper,
            (),
            line=lambda notice: line(notice, "host"),
            history=self._path,
            clock=lambda: self.time,
        )
        self.alerting.open()

    def end(self) -> None:
        """End a run."""
        self.alerting.close(TOTALS)

    def printed(self) -> None:
        """Wait until all alerts are printed."""
        kept, waiting = Path(f"{self._path}.alerts"), "SELECT * FROM alert_waiting"
        wait_until(lambda: not asked(kept, waiting), "its lines")

    def minutes(
        self, number: int, events: Callable[[int], list[Any]], step_s: int = MINUTE_S
    ) -> None:
        """Give it so many minutes, with ``step_s`` from each to the next."""
        for _ in range(number):
            batch = Batch(events(self.time), NO_LOSSES, [], float(self.time))
            self.alerting.write(batch)
            self.time += step_s


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a history."""
    path = tmp_path / "h.db"
    new_store(path, Run()).close(BEGIN)
    return path


def seen(capfd: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Return the kinds and destinations of the lines that were printed."""
    out, err = capfd.readouterr()
    assert err == ""
    alerts = [json.loads(text)["alert"] for text in out.splitlines()]
    return [(alert["kind"], alert["destination"]) for alert in alerts]


def listed(path: Path) -> list[tuple[str, str]]:
    """Return the kinds and destinations that the history has."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT kind, destination FROM alerts")
        return [(kind, destination) for kind, destination in found]


def test_a_steady_week(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No alert in its second half; what is put in then is one, over restarts."""
    replay = Replay(path, "new", "failing")
    put_in = {
        BEGIN + 4 * DAY_S + 1_200: ("web", "exfil.example", 443),
        BEGIN + 5 * DAY_S: ("backup", "other.example", 4444),
    }

    def minute(time: int) -> list[Any]:
        events = steady(time)
        for begin, pair in put_in.items():
            if time >= begin and (time - begin) % HOUR_S == 0:
                events.append(event(*pair))
        return events

    for _ in range(7):
        replay.minutes(DAY_S // STEP_S, minute, STEP_S)
        replay.end()
        replay.start()
    replay.end()
    expected = [("new", "exfil.example"), ("new", "other.example")]
    assert seen(capfd) == expected
    assert listed(path) == expected


def test_details_that_were_lost(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What a thread is called is no program: nothing is new of it, but it may fail."""
    replay = Replay(path, "new", "failing")

    def lost(where: str) -> list[Any]:
        made = connection(comm="w", query=where, dport=1, result="EIO")
        made.image = UNKNOWN
        return [made] * 10

    replay.minutes(LEARN_S // MINUTE_S + 1, lambda _: [])
    replay.minutes(1, lambda _: [*lost("a.example"), event("web", "db.example", 1)])
    replay.minutes(LEARN_S // MINUTE_S + 1, lambda _: [])
    replay.minutes(2, lambda _: lost("b.example"))
    replay.minutes(1, lambda _: [event("web", "new.example", 1)])
    replay.end()
    assert seen(capfd) == [("failing", "b.example"), ("new", "new.example")]


def test_names_that_nobody_knows_any_more(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """After a restart an address that a name had is not new; another one is."""
    replay = Replay(path, "new")

    def at(address: str, name: str | None) -> Any:
        made = event("web", "", 443)
        made.query, made.daddr = name, address
        return made

    named = at("192.0.2.1", "db.example")
    replay.minutes(LEARN_S // MINUTE_S + 1, lambda _: [named])
    replay.end()
    replay.start()
    replay.minutes(2, lambda _: [at("192.0.2.1", None)])
    replay.minutes(1, lambda _: [at("198.51.100.1", None)])
    replay.minutes(1, lambda _: [at("192.0.2.1", "other.example")])
    replay.end()
    assert seen(capfd) == [("new", "198.51.100.1"), ("new", "other.example")]


def test_failing_and_solved(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each is one line: over a restart, and over minutes without an attempt."""
    replay = Replay(path, "failing")

    def failing(_time: int) -> list[Any]:
        return [event("web", "db.example", 5432, "ECONNREFUSED") for _ in range(10)]

    def working(_time: int) -> list[Any]:
        return [event("web", "db.example", 5432) for _ in range(10)]

    replay.minutes(5, working)
    replay.minutes(2, failing)
    replay.end()
    assert seen(capfd) == []  # its second minute may go on
    replay.start()
    replay.minutes(2, failing)
    replay.minutes(1, lambda _time: [])
    replay.printed()
    assert seen(capfd) == [("failing", "db.example")]
    replay.minutes(10, failing)
    replay.minutes(2, working)
    replay.minutes(3, lambda _time: [])
    replay.end()
    assert seen(capfd) == [("solved", "db.example")]
    assert listed(path) == [("failing", "db.example"), ("solved", "db.example")]


def test_accepted_while_nothing_can_be_kept(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was accepted waits until it is kept: a recorder that is killed reads it."""
    replay = Replay(path, "new")
    replay.minutes(LEARN_S // MINUTE_S + 1, lambda _: [event("web", "db.example", 1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        accept(connection, [("web.service", "other.example", 1)])
        replay.keeper._store._connection.execute("PRAGMA busy_timeout = 1")  # noqa: SLF001
        with closing(sqlite3.connect(f"{path}.alerts")) as holder:
            holder.execute("BEGIN IMMEDIATE")
            replay.minutes(2, lambda _: [])
            assert accepted(str(path))[0]
        replay.minutes(2, lambda _: [])
        assert not accepted(str(path))[0]
    replay.minutes(1, lambda _: [event("web", "other.example", 1)])
    replay.end()
    out, err = capfd.readouterr()
    assert out == ""
    assert "can't keep alerts" in err


def test_forgotten_while_it_runs(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What --forget deletes is not written again, and is new when it comes back."""

    def failing(_time: int) -> list[Any]:
        return [event("web", "bad.example", 443, "ECONNREFUSED") for _ in range(12)]

    replay = Replay(path, "new", "failing")
    replay.minutes(150, steady, STEP_S)
    replay.minutes(4, failing)
    replay.minutes(1, lambda _time: [])
    forget(str(path), "bad.example")
    replay.minutes(10, lambda _time: [])
    kept = Path(f"{path}.alerts")
    for table in ("alerts", "alert_pairs", "alert_failing"):
        found = asked(kept, f"SELECT destination FROM {table}")  # noqa: S608
        assert ("bad.example",) not in found
    replay.minutes(2, failing)
    replay.printed()
    replay.end()
    expected = [("new", "bad.example"), ("failing", "bad.example")]
    assert seen(capfd) == [*expected, ("new", "bad.example")]
