"""Rows in ClickHouse, as its engine has them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.history.store import Run
from tcpconnect.image import Image, Place
from tcpconnect.remote.clickhouse import ClickHouse, statements
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.clickhouse import DATABASE, PASSWORD, USER, serve_clickhouse
from tests.support.counted import (
    ALERTS,
    HOSTILE,
    alert_row,
    counted,
    insert,
    insert_alert,
)
from tests.support.engines import WITH_CLICKHOUSE
from tests.support.samples import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clickhouse import ClickHouse as Server

pytestmark = pytest.mark.skipif(not WITH_CLICKHOUSE, reason="needs chdb-core-lite")

MINUTE = int(time.time()) // 60 * 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return one with the tables of tcpconnect."""
    with serve_clickhouse(tmp_path_factory.mktemp("clickhouse")) as found:
        yield found


@pytest.fixture
def place(server: Server, monkeypatch: pytest.MonkeyPatch) -> ClickHouse:
    """Return it as a place of -o."""
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLICKHOUSE_USER", USER)
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", PASSWORD)
    return opened(server.url)


def opened(url: str, *, create: bool = False) -> ClickHouse:
    """Return a place that is ready."""
    place = ClickHouse(url, create=create)
    place.open()
    return place


def attempts_table() -> str:
    """Return the statement that makes the table of attempts."""
    (found,) = (s for s in statements() if b"EXISTS attempts\n" in s)
    return found.decode()


def test_windows_once(place: ClickHouse, server: Server) -> None:
    """A block that is sent twice is counted once, in all views."""
    packed = place.windows(
        [counted(MINUTE, "once", 3), counted(MINUTE, HOSTILE, 4, "ETIMEDOUT")], {}
    )
    assert packed[:3] == ("windows", 2, 7)
    insert(place, packed, "1f")
    insert(place, packed, "1f")
    insert(place, place.windows([counted(MINUTE, "once", 2)], {}), "2f")
    found = server.ask(
        "SELECT destination, result, failed, sum(attempts), sumMap(latencies) "
        "FROM window_rows GROUP BY ALL ORDER BY 4"
    )
    assert found == [
        [HOSTILE, "ETIMEDOUT", 1, 4, {"3": 2, "9": 1}],
        ["once", "OK", 0, 5, {"3": 4, "9": 2}],
    ]
    assert server.ask("SELECT sum(attempts) FROM hours") == [[9]]
    assert server.ask("SELECT destination, hosts FROM fleet_pairs ORDER BY 1 DESC") == [
        ["once", 1],
        [HOSTILE, 1],
    ]


def test_single(place: ClickHouse, server: Server) -> None:
    """An attempt has its microseconds, and no command line."""
    now = {"time": MINUTE * 10**9 + 123_456_789}
    image = Image("/usr/bin/curl", "curl --secret", Place(container="web", unit="u"))
    event = connection(
        image=image,
        result="OK",
        latency_ms=1.5,
        lport=4000,
        syns=1,
        comm=HOSTILE,
        **now,
    )
    failed = connection(daddr=None, dport=None, query="db", result="NXDOMAIN", **now)
    insert(place, place.single([event, failed]), "3f")
    when = now["time"] // 1000
    columns = "toUnixTimestamp64Micro(time), pid, comm, exe, cmdline, daddr, dport, "
    columns += "lport, result, latency_ms, container, query"
    found = server.ask(
        f"SELECT {columns} FROM attempts ORDER BY dport"  # noqa: S608
    )
    assert found[::-1] == [
        [
            when,
            1469,
            HOSTILE,
            "/usr/bin/curl",
            "",
            "54.245.105.25",
            80,
            4000,
            "OK",
            1.5,
            "web",
            "",
        ],
        [when, 1469, "curl", "", "", "", 0, 0, "NXDOMAIN", None, "", "db"],
    ]


COLUMNS = (
    "SELECT name FROM system.columns WHERE table = 'attempts' AND database = 'same'"
)
SIZE = """
SELECT sum(data_compressed_bytes) / sum(rows) FROM system.parts
WHERE active AND table = 'attempts' AND database = 'same'"""


def test_texts_that_repeat(server: Server) -> None:
    """They take next to nothing on disk, and are of the type that is parsed fastest."""
    server.ask("CREATE DATABASE same", database="default")
    server.ask(attempts_table(), database="same")
    assert server.ask(f"{COLUMNS} AND type LIKE 'Low%'") == []
    texts = [name for (name,) in server.ask(f"{COLUMNS} AND type = 'String'")]
    values = "SELECT " + ", ".join(["'it repeats'"] * len(texts))
    rows = f"({', '.join(texts)}) {values} FROM numbers(100000)"
    server.ask(f"INSERT INTO same.attempts {rows}")
    ((size,),) = server.ask(SIZE)
    assert size < 1


@pytest.mark.usefixtures("place")
def test_older_table(server: Server) -> None:
    """It had other types; it takes the same rows."""
    older = attempts_table().replace("String CODEC(ZSTD(3))", "LowCardinality(String)")
    assert older.count("LowCardinality") == 21
    server.ask("CREATE DATABASE older", database="default")
    server.ask(older, database="older")
    event = connection(result="OK", comm=HOSTILE, query="db", latency_ms=1.5)
    place = opened(server.url.replace(f"/{DATABASE}", "/older"))
    insert(place, place.single([event]), "cf")
    found = server.ask("SELECT comm, query, latency_ms FROM older.attempts")
    assert found == [[HOSTILE, "db", 1.5]]


def test_old_recordings_stay(place: ClickHouse, server: Server) -> None:
    """Attempts go when they were received long ago, not when they are of long ago."""
    server.ask("TRUNCATE TABLE attempts")
    days = [connection(time=(MINUTE - 86_400 * n) * 10**9) for n in range(60, 170)]
    insert(place, place.single(days), "af")
    long_ago = "INSERT INTO attempts (comm, time, received) VALUES "
    server.ask(f"{long_ago} ('gone', now(), today() - 31)")
    server.ask("OPTIMIZE TABLE attempts FINAL")
    found = server.ask("SELECT comm, count() FROM attempts GROUP BY comm")
    assert found == [["curl", len(days)]]


def test_runs_and_losses(place: ClickHouse, server: Server) -> None:
    """When it watched, of which the last row counts; what was lost."""
    run = Run(host="h", boot="b", version="1", options="-o x", pid=7, started=MINUTE)
    insert(place, place.runs(run, MINUTE + 1, ended=False), "4f")
    insert(place, place.runs(run, MINUTE + 60, ended=True), "5f")
    insert(place, place.losses({(MINUTE, "ring"): 3}), "6f")
    found = server.ask("SELECT host, pid, started, watched, ended FROM runs")
    assert found == [["h", 7, MINUTE, MINUTE + 60, MINUTE + 60]]
    assert server.ask("SELECT time, reason, lost FROM losses") == [[MINUTE, "ring", 3]]


def test_alerts(place: ClickHouse, server: Server) -> None:
    """What alerts say is a row, once."""
    insert_alert(place, MINUTE)
    assert server.ask(ALERTS) == [alert_row(MINUTE)]


def test_create(place: ClickHouse, server: Server) -> None:
    """Tables are made only where that is asked for, and may be there."""
    server.ask("CREATE DATABASE fresh", database="default")
    url = server.url.replace(f"/{DATABASE}", "/fresh")
    packed = place.windows([counted(MINUTE, "db", 1)], {})
    with pytest.raises(UndeliveredError, match="no tables of tcpconnect") as caught:
        insert(opened(url), packed, "7f")
    assert caught.value.again
    insert(opened(url, create=True), packed, "7f")
    insert(opened(url, create=True), packed, "8f")
    assert server.ask("SELECT sum(attempts) FROM window_rows", database="fresh") == [
        [2]
    ]


def test_credentials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong ones can be corrected: what was recorded waits."""
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", "wrong")
    place = opened(server.url)
    with pytest.raises(UndeliveredError, match="Authentication failed") as caught:
        insert(place, place.windows([counted(MINUTE, "db", 1)], {}), "9f")
    assert caught.value.again
