"""ClickHouse and PostgreSQL as places of -o, as users run them."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.support import clickhouse, postgresql
from tests.support.attempts import PORT, attempt, run_tool
from tests.support.engines import WITH_CLICKHOUSE, WITH_POSTGRESQL
from tests.support.network import NetNs, inside
from tests.support.recorder import baseline_of, record
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    Server = clickhouse.ClickHouse | postgresql.PostgreSQL


def of_clickhouse(folder: Path) -> Iterator[Server]:
    """Serve, with an empty database."""
    if not WITH_CLICKHOUSE:
        pytest.skip("needs chdb-core-lite")
    with clickhouse.serve_clickhouse(folder) as server:
        yield server


def of_postgresql(folder: Path) -> Iterator[Server]:
    """Do the same."""
    if not WITH_POSTGRESQL:
        pytest.skip("needs PostgreSQL")
    with postgresql.serve_postgresql(folder) as server:
        yield server


@pytest.fixture(scope="module", params=[of_clickhouse, of_postgresql])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Return each of them, in a network namespace, where its tests run, too."""
    with (
        ExitStack() as stack,
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory() as folder,
    ):
        space = NetNs()
        stack.callback(space.remove)
        stack.enter_context(inside(space))
        for name, value in {
            "CLICKHOUSE_USER": clickhouse.USER,
            "CLICKHOUSE_PASSWORD": clickhouse.PASSWORD,
            "PGUSER": postgresql.USER,
            "PGPASSWORD": postgresql.PASSWORD,
        }.items():
            patch.setenv(name, value)
        for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        yield from request.param(Path(folder))


def test_recorded(server: Server, tmp_path: Path) -> None:
    """Windows, attempts, and when it watched; nothing waits after the end."""
    place = f"{server.url}?events=all"
    who = ("-p", os.getpid())
    with Tool("record", *who, "-o", place, "--spool", tmp_path, "--create") as tool:
        attempt("127.0.0.1", PORT)
        attempt("127.0.0.1", PORT)
        tool.process.send_signal(signal.SIGUSR1)
        count = "SELECT count(*) FROM attempts"
        # What we ask is among them.
        wait_until(lambda: server.ask(count)[0][0] >= 2, "both attempts")
        attempt("127.0.0.1", PORT)
        assert tool.stop(signal.SIGTERM) == 0
    assert b"not sent" not in tool.stderr, tool.stderr
    found = server.ask(
        "SELECT destination, dport, result, why, attempts::bigint FROM window_rows"
    )
    ours = [row for row in found if row[1] == PORT]
    assert {(*row[:4],) for row in ours} == {("localhost", PORT, "ECONNREFUSED", "RST")}
    assert sum(row[4] for row in ours) == 3
    runs = server.ask("SELECT pid, started, watched, ended FROM runs")
    ((_, started, watched, ended),) = [x for x in runs if x[0] == tool.process.pid]
    assert started <= watched == ended
    assert not list(tmp_path.glob("*/*-*"))


def test_alerts(server: Server, tmp_path: Path) -> None:
    """What is new is in the tables, also what is found at the end, once."""
    words = ("--alert", "new", "--baseline", baseline_of(tmp_path, "127.1.0.1"))
    places = ("-o", server.url, "--spool", tmp_path / "spool")
    with record(tmp_path / "h.db", *words, *places, "--create") as tool:
        attempt("127.2.0.1", PORT + 1)
        assert tool.stop(signal.SIGTERM) == 0
    ended = run_tool("history", "--db", server.url, "--alerts", "-j")
    assert ended.returncode == 0, ended.stderr
    alerts = [json.loads(line) for line in ended.stdout.splitlines()]
    ours = [alert for alert in alerts if alert["dport"] == PORT + 1]
    assert [(each["kind"], each["destination"]) for each in ours] == [
        ("new", "127.2.0.1")
    ]


def test_own(tmp_path: Path, netns: NetNs, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it connects to, and looks up in vain, is not traced, of no place."""
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    schemes = ["otlp+http", "clickhouse"]
    if find_spec("psycopg"):
        schemes.append("postgresql")
    hosts = (f"localhost:{PORT}", f"tcpconnect.invalid:{PORT}")
    places = [f"{scheme}://{host}" for scheme in schemes for host in hosts]
    more = [word for place in places for word in ("-o", place)]
    words = ("-rdj", "--netns", netns.inode, "-o", "-", *more, "--spool", tmp_path)
    with Tool(*words) as tool:
        attempt("127.0.0.1", PORT)
        tool.process.send_signal(signal.SIGHUP)
        said = b"can't write to "
        wait_until(lambda: tool.stderr.count(said) == len(places), "all tries")
        with pytest.raises(OSError, match="resolution"):  # ours is
            socket.getaddrinfo("tcpconnect.invalid", PORT)
        tool.lines(2)
        assert tool.stop() == 0
    assert [event["pid"] for event in tool.all_events()] == [os.getpid()] * 2
