"""A collector as a place of -o, as users run it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.children import children
from tests.support.recorder import baseline_of
from tests.support.servers import Server
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget those of this machine."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def recording(spool: Path, port: int, *options: object) -> Tool:
    """Return a recorder of what this process does, to a collector."""
    place = f"otlp+http://127.0.0.1:{port}"
    who = () if "--netns" in options else ("-p", os.getpid())
    return Tool("record", *who, "-o", place, "--spool", spool, *options)


def records(server: Server) -> list[dict[str, Any]]:
    """Return the records that a collector got, as dicts of their attributes."""
    return [
        {
            "name": record["eventName"],
            **{a["key"]: next(iter(a["value"].values())) for a in record["attributes"]},
        }
        for request in server.requests
        for resource in request.body["resourceLogs"]
        for record in resource["scopeLogs"][0]["logRecords"]
    ]


def waiting(spool: Path) -> list[str]:
    """Return the names of the blocks that wait."""
    return sorted(f.name for f in spool.glob("*/*-*"))


def test_windows(tmp_path: Path, netns: NetNs) -> None:
    """The tool's own connects are not among them; nothing is left.

    It is one record, or two if what was read in time was sent at the signal.
    """
    with Server() as server:
        with recording(tmp_path, server.port, "--netns", netns.inode) as tool:
            for _ in range(3):
                attempt("127.0.0.1", PORT)
            tool.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: server.requests, "a request")
            assert tool.stop(signal.SIGTERM) == 0
        assert b"not sent" not in tool.stderr
        found = records(server)
    keys = ("name", "server.port", "error.type")
    assert {tuple(record[key] for key in keys) for record in found} == {
        ("tcpconnect.window", str(PORT), "ECONNREFUSED")
    }
    assert sum(int(record["tcpconnect.attempts"]) for record in found) == 3
    assert waiting(tmp_path) == []


def test_single(tmp_path: Path) -> None:
    """A plain trace sends them, too, beside what it prints."""
    with Server() as server:
        place = f"otlp+http://127.0.0.1:{server.port}?events=all"
        words = ("-rj", "-p", os.getpid(), "-o", "-", "-o", place, "--spool", tmp_path)
        with Tool(*words) as tool:
            attempt("127.0.0.1", PORT)
            (event,) = tool.events(1)
            assert tool.stop() == 0
        single, window = sorted(records(server), key=lambda r: r["name"])
    assert single["process.pid"] == str(event["pid"]) == str(os.getpid())
    assert single["tcpconnect.result"] == event["result"] == "ECONNREFUSED"
    assert window["tcpconnect.attempts"] == "1"


def test_metrics(tmp_path: Path) -> None:
    """Totals grow; what was sent, and then some; losses and places are there, too."""
    with Server() as server:
        place = f"otlp+http://127.0.0.1:{server.port}?metrics=yes"
        words = ("-p", os.getpid(), "-o", place, "--spool", tmp_path)

        def totals() -> list[float]:
            tool.process.send_signal(signal.SIGUSR1)
            return [
                point["asDouble"]
                for request in list(server.requests)
                if request.path == "/v1/metrics"
                for some in request.body["resourceMetrics"]
                for metric in some["scopeMetrics"][0]["metrics"]
                if metric["name"] == "tcpconnect.attempts"
                for point in metric["sum"]["dataPoints"]
            ]

        with Tool("record", *words) as tool:
            attempt("127.0.0.1", PORT)
            wait_until(lambda: totals()[-1:] == [1], "the first")
            attempt("127.0.0.1", PORT)
            wait_until(lambda: totals()[-1:] == [2], "both")
            assert tool.stop(signal.SIGTERM) == 0
        names = {
            metric["name"]
            for request in server.requests
            if request.path == "/v1/metrics"
            for some in request.body["resourceMetrics"]
            for metric in some["scopeMetrics"][0]["metrics"]
        }
    assert names >= {
        f"tcpconnect.{name}" for name in ("lost", "place_dropped", "pending")
    }


@pytest.mark.parametrize("before", [(), ("unshare", "--pid", "--fork")])
def test_own(tmp_path: Path, netns: NetNs, before: tuple[str, ...]) -> None:
    """What the tool's thread looks up, and connects to, is not traced, in no format."""
    with Server() as server:
        place = f"otlp+http://localhost:{server.port}"
        words = ("-rdj", "--netns", netns.inode, "-o", "-", "-o", place)
        with Tool(*words, "--spool", tmp_path, before=before) as tool:
            attempt("127.0.0.1", PORT)
            pid = tool.process.pid
            if before:
                (pid,) = children(pid)
            os.kill(pid, signal.SIGHUP)
            wait_until(lambda: server.requests, "a request")
            attempt("127.0.0.1", PORT)
            tool.lines(2)
            os.kill(pid, signal.SIGINT)
            assert tool.wait() == 0
    assert {event["pid"] for event in tool.all_events()} == {os.getpid()}
    assert len(tool.all_events()) == 2


def test_alerts(tmp_path: Path, port: int) -> None:
    """An alert whose collector is away waits in the spool, and is sent once."""
    known = ("--alert", "new", "--baseline", baseline_of(tmp_path, "127.1.0.1"))
    spool, words = tmp_path / "spool", (*known, "-o", f"sqlite:{tmp_path}/h.db")
    with recording(spool, port, *words) as tool:
        attempt("127.2.0.1", PORT)
        assert tool.stop(signal.SIGTERM) == 0
    assert sum("-alerts-" in name for name in waiting(spool)) == 1
    with Server(port=port) as server:
        with recording(spool, port, *words) as tool:
            assert tool.stop(signal.SIGTERM) == 0
        (alert,) = [r for r in records(server) if "destination" in r["name"]]
    assert alert["name"] == "tcpconnect.destination.new"
    assert alert["server.address"] == "127.2.0.1"
    assert alert["error.type"] == "ECONNREFUSED"
    assert waiting(spool) == []


def test_check(tmp_path: Path) -> None:
    """Its spool is opened, and nothing is sent."""
    with Server() as server:
        place = f"otlp+http://127.0.0.1:{server.port}"
        ended = run_tool("record", "--check", "-o", place, "--spool", tmp_path)
        assert server.requests == []
    assert ended.returncode == 0, ended.stdout
    assert f"ok    {place}: its spool can be written" in ended.stdout


def test_mistakes(tmp_path: Path) -> None:
    """A wrong word is one line, and nothing is traced."""
    for place, said in (
        ("otlp+http://me:pw@h", "put it into OTEL_EXPORTER_OTLP_HEADERS"),
        ("otlp+http://h?events=some", "invalid events 'some'"),
        ("otlp+htp://h", "did you mean otlp+http"),
    ):
        ended = run_tool("record", "-o", place, "--spool", tmp_path)
        assert (ended.returncode, ended.stdout) == (2, "")
        (line,) = ended.stderr.splitlines()
        assert said in line
        assert "pw" not in line
    assert not list(tmp_path.iterdir())
