"""Rows in PostgreSQL, as a server has them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.history.store import Run
from tcpconnect.image import Image, Place
from tcpconnect.remote.sender import REFUSED, Sender
from tcpconnect.remote.spool import WINDOWS, Spool
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.counted import (
    ALERTS,
    HOSTILE,
    alert_row,
    counted,
    insert,
    insert_alert,
)
from tests.support.engines import needs_postgresql
from tests.support.postgresql import PASSWORD, open_place
from tests.support.samples import connection

if TYPE_CHECKING:
    from pathlib import Path

    from tcpconnect.remote.postgresql import PostgreSQL
    from tests.support.postgresql import PostgreSQL as Server

MINUTE = int(time.time()) // 60 * 60


@needs_postgresql
def test_windows_once(place: PostgreSQL, server: Server) -> None:
    """A block that is sent twice is counted once, in all views."""
    rows = [counted(MINUTE, "once", 3), counted(MINUTE, HOSTILE, 4, "ETIMEDOUT")]
    packed = place.windows(rows, {})
    assert packed[:3] == (WINDOWS, 2, 7)
    insert(place, packed, "1f")
    insert(place, packed, "1f")
    insert(place, place.windows([counted(MINUTE, "once", 2)], {}), "2f")
    names = "destination, result, failed"
    statement = f"SELECT {names}, sum(attempts) FROM window_rows GROUP BY {names}"  # noqa: S608
    assert sorted(server.ask(statement), key=lambda row: row[3]) == [
        [HOSTILE.replace("\0", "?"), "ETIMEDOUT", 1, 4],
        ["once", "OK", 0, 5],
    ]
    assert server.ask("SELECT sum(attempts) FROM hours") == [[9]]
    found = server.ask("SELECT latencies FROM window_rows WHERE attempts = 3")
    assert found == [[{"3": 2, "9": 1}]]
    assert server.ask("SELECT min(hosts), count(*) FROM fleet_pairs") == [[1, 2]]


@needs_postgresql
def test_old_tokens_go(server: Server) -> None:
    """They are forgotten when nothing can be sent again any more."""
    days = {"today": 0, "week": 6, "old": 8}
    now = int(time.time())
    rows = [{"token": name, "time": now - 86_400 * n} for name, n in days.items()]
    server.insert("blocks", rows)
    server.ask(f"SELECT make_partitions({now})")
    found = server.ask(
        "SELECT token FROM blocks WHERE token IN ('today', 'week', 'old')"
    )
    assert sorted(found) == [["today"], ["week"]]


@needs_postgresql
def test_each_day(
    place: PostgreSQL, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder that runs for months has old tokens forgotten, too."""
    insert(place, place.windows([counted(MINUTE, "day", 1)], {}), "d1")
    server.insert("blocks", [{"token": "late", "time": MINUTE - 8 * 86_400}])
    late = "SELECT count(*) FROM blocks WHERE token = 'late'"
    insert(place, place.windows([counted(MINUTE, "day", 1)], {}), "d2")
    assert server.ask(late) == [[1]]
    monkeypatch.setattr("tcpconnect.remote.postgresql.ASK_S", 0.0)
    insert(place, place.windows([counted(MINUTE, "day", 1)], {}), "d3")
    assert server.ask(late) == [[0]]


@needs_postgresql
def test_month_begins(server: Server) -> None:
    """The partition of the next month is made before, whoever reads or inserts then."""
    moment = MINUTE + 200 * 86_400
    year, month = time.gmtime(moment)[:2]
    names = [f"{year + n // 12}{n % 12 + 1:02}" for n in (month - 1, month, month + 1)]
    with server.connect() as other, other.transaction(force_rollback=True):
        other.execute("SELECT count(*) FROM window_rows")
        other.execute("INSERT INTO attempts VALUES ('h', %s, '{}')", (MINUTE,))
        with server.connect() as connection:
            connection.execute("SET statement_timeout = '5s'")
            connection.execute("SELECT make_partitions(%s)", (moment,))
    there = [
        server.ask(f"SELECT to_regclass('{parent}_{name}') IS NOT NULL")
        for parent in ("window_rows", "attempts")
        for name in names
    ]
    assert there == [[[True]], [[True]], [[False]]] * 2
    statement = "SELECT count(*) FROM pg_inherits WHERE inhrelid = '{}'::regclass"
    assert server.ask(statement.format(f"attempts_{names[1]}")) == [[1]]


@needs_postgresql
def test_single(place: PostgreSQL, server: Server) -> None:
    """An attempt is an object as of -j, without its command line."""
    image = Image("/usr/bin/curl", "curl --secret", Place(container="web"))
    event = connection(
        image=image, result="OK", latency_ms=1.5, comm=HOSTILE, time=MINUTE * 10**9 + 5
    )
    insert(place, place.single([event]), "3f")
    ((when, found),) = server.ask("SELECT time, attempt FROM attempts")
    assert when == MINUTE
    assert found["time"].endswith(":00.000000005Z")
    assert found["comm"] == HOSTILE.replace("\0", "?")
    assert (found["daddr"], found["dport"]) == ("54.245.105.25", 80)
    assert (found["container"], found["latency_ms"]) == ("web", 1.5)
    assert "cmdline" not in found


@needs_postgresql
def test_runs_and_losses(place: PostgreSQL, server: Server) -> None:
    """When it watched, of which the last row counts; what was lost."""
    run = Run(host="h", boot="b", version="1", options="-o x", pid=7, started=MINUTE)
    insert(place, place.runs(run, MINUTE + 1, ended=False), "4f")
    insert(place, place.runs(run, MINUTE + 60, ended=True), "5f")
    insert(place, place.losses({(MINUTE, "ring"): 3}), "6f")
    found = server.ask("SELECT host, pid, started, watched, ended FROM runs")
    assert found == [["h", 7, MINUTE, MINUTE + 60, MINUTE + 60]]
    assert server.ask("SELECT time, reason, lost FROM losses") == [[MINUTE, "ring", 3]]


@needs_postgresql
def test_alerts(place: PostgreSQL, server: Server) -> None:
    """What alerts say is a row, once."""
    insert_alert(place, MINUTE)
    assert server.ask(ALERTS) == [alert_row(MINUTE)]


@needs_postgresql
def test_create(place: PostgreSQL, server: Server) -> None:
    """Tables are made only where that is asked for, and may be there."""
    ask_nothing = "CREATE DATABASE fresh"
    with server.connect() as connection:
        connection.execute(ask_nothing)
    url = server.url.replace("/postgres", "/fresh").replace("postgresql:", "", 1)
    url = f"postgresql:{url}"
    packed = place.windows([counted(MINUTE, "db", 1)], {})
    environment = pytest.MonkeyPatch()
    with environment.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        with pytest.raises(UndeliveredError, match="does not exist") as caught:
            insert(open_place(url), packed, "7f")
        assert caught.value.again
        insert(open_place(url, create=True), packed, "7f")
        insert(open_place(url, create=True), packed, "8f")


@needs_postgresql
def test_refused(place: PostgreSQL) -> None:
    """A row that can't be stored is no reason to wait; its block leaves nothing."""
    packed = place.windows([counted(MINUTE - 500 * 86_400, "old", 1)], {})
    with pytest.raises(UndeliveredError, match="no partition") as caught:
        insert(place, packed, "9f")
    assert not caught.value.again
    insert(place, place.windows([counted(MINUTE, "old", 1)], {}), "9f")


@needs_postgresql
def test_poison(place: PostgreSQL, server: Server, tmp_path: Path) -> None:
    """A block that the server refuses is dropped and counted; what follows is taken."""
    spool = Spool(str(tmp_path / "spool"))
    spool.open()
    moment, key, row = counted(MINUTE, "poison", 5)
    row.attempts = 1 << 63  # no bigint
    now = int(time.time())
    spool.put(place.windows([(moment, key, row)], {})._replace(attempts=5), now)
    spool.put(place.windows([counted(MINUTE, "after", 2)], {}), now)
    sender = Sender(place.name, spool, place.deliver)
    sender.start()
    sender.close(20)
    assert spool.dropped == {(WINDOWS, REFUSED): 5}
    assert (sender.sent, spool.left) == (2, 0)
    found = server.ask(
        "SELECT destination FROM window_rows WHERE destination IN ('poison', 'after')"
    )
    assert found == [["after"]]
    spool.close()
