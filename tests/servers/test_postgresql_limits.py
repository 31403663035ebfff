"""What PostgreSQL refuses, and how long it may take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.databases import database as asking
from tcpconnect.databases.opening import open_database
from tcpconnect.errors import TcpconnectError
from tcpconnect.history.store import Run
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.counted import (
    counted,
    insert,
)
from tests.support.engines import needs_postgresql
from tests.support.postgresql import USER, open_place
from tests.support.samples import connection

if TYPE_CHECKING:
    from tcpconnect.remote.postgresql import PostgreSQL
    from tests.support.postgresql import PostgreSQL as Server

MINUTE = int(time.time()) // 60 * 60


def refusal(url: str) -> str:
    """Return what is said of a question that takes a minute."""
    database = open_database(url, lambda: None)
    with pytest.raises(TcpconnectError) as caught:
        database.rows("SELECT pg_sleep(60)", {})
    database.close()
    return str(caught.value)


# What postgresql.sql says that a recorder needs.
GRANTS = """
CREATE ROLE agent LOGIN PASSWORD 'agent';
GRANT INSERT ON window_rows, attempts, run_rows, loss_rows, alert_rows, blocks TO agent;
GRANT SELECT, UPDATE ON run_rows, blocks TO agent;
REVOKE EXECUTE ON FUNCTION make_partitions FROM PUBLIC"""
ALLOW = "GRANT EXECUTE ON FUNCTION make_partitions TO agent"


@needs_postgresql
def test_next_month_without_rights(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may insert only has the partition of a new month made by a function."""
    with server.connect() as owner:
        owner.execute(GRANTS)
    monkeypatch.setenv("PGUSER", "agent")
    monkeypatch.setenv("PGPASSWORD", "agent")
    place, month = open_place(server.url), MINUTE + 45 * 86_400
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


@needs_postgresql
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


@needs_postgresql
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


@needs_postgresql
def test_credentials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong ones can be corrected: what was recorded waits."""
    monkeypatch.setenv("PGPASSWORD", "wrong")
    monkeypatch.setenv("PGUSER", USER)
    place = open_place(server.url)
    with pytest.raises(UndeliveredError, match="password authentication") as caught:
        insert(place, place.windows([counted(MINUTE, "db", 1)], {}), "af")
    assert caught.value.again
