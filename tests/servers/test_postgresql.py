"""Rows in PostgreSQL, as a server has them."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.databases import database as asking
from tcpconnect.databases.opening import open_database
from tcpconnect.errors import TcpconnectError
from tcpconnect.history.store import Run
from tcpconnect.image import Image, Place
from tcpconnect.remote.postgresql import PostgreSQL
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
from tests.support.engines import NEEDS_POSTGRESQL
from tests.support.postgresql import PASSWORD, USER, serve_postgresql
from tests.support.samples import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgresql import PostgreSQL as Server

MINUTE = int(time.time()) // 60 * 60


def needs_server(test: Any) -> Any:
    """Have a test run where the server of PostgreSQL is."""
    for mark in NEEDS_POSTGRESQL:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return one with the tables of tcpconnect."""
    with TemporaryDirectory() as folder, serve_postgresql(Path(folder)) as found:
        yield found


@pytest.fixture
def place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PostgreSQL:
    """Return it as a place of -o, with a file of passwords."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    path = tmp_path / "passwords"
    path.write_text(f"# mine\nother:*:*:*:x\n*:{server.port}:postgres:us:{PASSWORD}\n")
    monkeypatch.setenv("PGPASSFILE", str(path))
    monkeypatch.setenv("PGUSER", USER)
    return opened(server.url)


def refusal(url: str) -> str:
    """Return what is said of a question that takes a minute."""
    database = open_database(url, lambda: None)
    with pytest.raises(TcpconnectError) as caught:
        database.rows("SELECT pg_sleep(60)", {})
    database.close()
    return str(caught.value)


def opened(url: str, *, create: bool = False) -> PostgreSQL:
    """Return a place that is ready."""
    place = PostgreSQL(url, create=create)
    place.open()
    return place


@needs_server
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


@needs_server
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


@needs_server
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


@needs_server
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


@needs_server
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


@needs_server
def test_runs_and_losses(place: PostgreSQL, server: Server) -> None:
    """When it watched, of which the last row counts; what was lost."""
    run = Run(host="h", boot="b", version="1", options="-o x", pid=7, started=MINUTE)
    insert(place, place.runs(run, MINUTE + 1, ended=False), "4f")
    insert(place, place.runs(run, MINUTE + 60, ended=True), "5f")
    insert(place, place.losses({(MINUTE, "ring"): 3}), "6f")
    found = server.ask("SELECT host, pid, started, watched, ended FROM runs")
    assert found == [["h", 7, MINUTE, MINUTE + 60, MINUTE + 60]]
    assert server.ask("SELECT time, reason, lost FROM losses") == [[MINUTE, "ring", 3]]


@needs_server
def test_alerts(place: PostgreSQL, server: Server) -> None:
    """What alerts say is a row, once."""
    insert_alert(place, MINUTE)
    assert server.ask(ALERTS) == [alert_row(MINUTE)]


@needs_server
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
            insert(opened(url), packed, "7f")
        assert caught.value.again
        insert(opened(url, create=True), packed, "7f")
        insert(opened(url, create=True), packed, "8f")


@needs_server
def test_refused(place: PostgreSQL) -> None:
    """A row that can't be stored is no reason to wait; its block leaves nothing."""
    packed = place.windows([counted(MINUTE - 500 * 86_400, "old", 1)], {})
    with pytest.raises(UndeliveredError, match="no partition") as caught:
        insert(place, packed, "9f")
    assert not caught.value.again
    insert(place, place.windows([counted(MINUTE, "old", 1)], {}), "9f")


# What postgresql.sql says that a recorder needs.
GRANTS = """
CREATE ROLE agent LOGIN PASSWORD 'agent';
GRANT INSERT ON window_rows, attempts, run_rows, loss_rows, alert_rows, blocks TO agent;
GRANT SELECT, UPDATE ON run_rows, blocks TO agent;
REVOKE EXECUTE ON FUNCTION make_partitions FROM PUBLIC"""
ALLOW = "GRANT EXECUTE ON FUNCTION make_partitions TO agent"


@needs_server
def test_next_month_without_rights(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may insert only has the partition of a new month made by a function."""
    with server.connect() as owner:
        owner.execute(GRANTS)
    monkeypatch.setenv("PGUSER", "agent")
    monkeypatch.setenv("PGPASSWORD", "agent")
    place, month = opened(server.url), MINUTE + 45 * 86_400
    packed = place.windows([counted(month, "next", 1)], {})
    with pytest.raises(UndeliveredError, match="permission denied") as caught:
        insert(place, packed, "bf")
    assert caught.value.again  # it waits for the right
    with server.connect() as owner:
        owner.execute(ALLOW)
    insert(place, packed, "bf")
    run = Run(host="h", boot="n", version="1", options="", pid=8, started=MINUTE)
    insert(place, place.runs(run, MINUTE, ended=False), "cf")
    insert(place, place.runs(run, MINUTE + 60, ended=True), "df")
    insert(place, place.losses({(MINUTE, "ring"): 3}), "ef")
    insert(place, place.single([connection(time=month * 10**9)]), "ff")
    partition = f"window_rows_{time.strftime('%Y%m', time.gmtime(month))}"
    found = server.ask(f"SELECT destination FROM {partition}")  # noqa: S608
    assert found == [["next"]]


@needs_server
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


@needs_server
def test_stuck(
    place: PostgreSQL, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not answer is left after a while, and has nothing then."""
    monkeypatch.setattr("tcpconnect.remote.postgresql.LIMIT_S", 0.2)
    packed = place.windows([counted(MINUTE, "stuck", 1)], {})
    with server.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE blocks")
        with pytest.raises(UndeliveredError, match="did not answer in time") as caught:
            insert(place, packed, "ab")
    assert caught.value.again
    monkeypatch.undo()
    insert(place, packed, "ab")
    statement = "SELECT sum(attempts) FROM window_rows WHERE destination = 'stuck'"
    assert server.ask(statement) == [[1]]


@needs_server
@pytest.mark.usefixtures("place")
def test_questions_have_a_limit(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends them, by its own limit if that is lower; we, if it is gone."""
    monkeypatch.setattr(asking, "LIMIT_S", 0.2)
    url = server.url
    late = f"'{url}' had no answer within 0.2 s: that is the limit of a question; "
    assert refusal(url).startswith(late)
    server.run(f"ALTER ROLE {USER} SET statement_timeout = '150ms'")
    monkeypatch.setattr(asking, "LIMIT_S", 50)
    ended = f"can't read the history '{url}': canceling statement due to statement"
    assert refusal(url).startswith(ended)
    server.run(f"ALTER ROLE {USER} RESET statement_timeout")
    monkeypatch.setattr("tcpconnect.databases.postgresql.MARGIN_S", 0.2 - 50)
    assert refusal(url).startswith(f"'{url}' had no answer within 50 s")


@needs_server
def test_credentials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong ones can be corrected: what was recorded waits."""
    monkeypatch.setenv("PGPASSWORD", "wrong")
    monkeypatch.setenv("PGUSER", USER)
    place = opened(server.url)
    with pytest.raises(UndeliveredError, match="password authentication") as caught:
        insert(place, place.windows([counted(MINUTE, "db", 1)], {}), "af")
    assert caught.value.again
