"""-o prometheus://, as users run it."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.scraping import (
    ATTEMPTS,
    Samples,
    counted,
    get,
    prometheus,
    promtool,
    samples,
    serve,
)
from tests.support.servers import Server
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

LOST, DROPPED = "tcpconnect_lost_total", "tcpconnect_place_dropped_total"


@pytest.mark.parametrize("verb", ["", "record"])
def test_metrics(port: int, verb: str) -> None:
    """Attempts are counted by program, destination and result; 0 comes first."""
    with serve(port, verb=verb) as tool:
        wait_until(lambda: b"metrics are served at" in tool.stderr, "the notice")
        attempt("127.0.0.9", PORT)
        attempt("127.0.0.9", PORT)
        first = wait_until(lambda: counted(port), "a series")
        wait_until(lambda: counted(port) == [2], "both")
        text = get(port, "/metrics")[1]
        assert tool.stop() == 0
    assert first == [0]
    assert promtool("check", "metrics", text=text) == ""
    ((error, _, address, dport),) = samples(text, ATTEMPTS)
    assert (error, address, dport) == ("ECONNREFUSED", "127.0.0.9", str(PORT))
    assert str(os.getpid()) not in text
    assert samples(text, LOST)["ring",] == 0
    assert f"metrics are served at http://127.0.0.1:{port}/metrics" in (
        tool.stderr.decode()
    )


def test_beside_others(port: int, tmp_path: Path) -> None:
    """Other places have all attempts, and what they drop is counted."""
    with serve(port, "-o", tmp_path / "x.csv", "-o", f"sqlite:{tmp_path}/h") as tool:
        attempt("127.0.0.9", PORT)
        text = wait_until(lambda: get(port, "/metrics")[1], "a page")
        assert len(samples(text, DROPPED)) == 2
        assert tool.stop() == 0
    assert (tmp_path / "x.csv").read_text().count("\n") == 2


def test_what_places_drop(port: int, tmp_path: Path) -> None:
    """What a remote place refuses for good is counted, single attempts apart."""
    with Server(status=404) as server:
        place = f"otlp+http://127.0.0.1:{server.port}"
        options = ("-o", f"{place}?events=all", "--spool", tmp_path)
        with serve(port, *options, verb="record") as tool:
            for _ in range(3):
                attempt("127.0.0.9", PORT)
            wait_until(lambda: sum(counted(port)) == 3, "all attempts")

            def dropped() -> Samples:
                tool.process.send_signal(signal.SIGUSR1)
                return samples(get(port, "/metrics")[1], DROPPED)

            both = {(place,): 3, (f"{place}?events=all",): 3}
            wait_until(lambda: dropped() == both, "what is dropped")
            assert tool.stop(signal.SIGTERM) == 0


def test_a_scan(port: int) -> None:
    """What has no room is counted in coarser series: made = shown + lost."""
    made = 400
    with serve(port, "--max-series", 400) as tool:
        for n in range(made):
            attempt(f"127.{n % 200}.{n // 200}.9", PORT)
        wait_until(lambda: sum(counted(port)) >= made, "all attempts")
        text = get(port, "/metrics")[1]
        assert tool.stop() == 0
    shown = samples(text, ATTEMPTS)
    assert (sum(shown.values()), sum(samples(text, LOST).values())) == (made, 0)
    assert len(shown) <= 100
    folded = samples(text, "tcpconnect_series_folded_total")[()]
    assert made - len(shown) <= folded < made
    assert shown["ECONNREFUSED", name(text), "~other", ""] > 0


def name(text: str) -> str:
    """Return the only program that has attempts."""
    (found,) = {program for _, program, _, _ in samples(text, ATTEMPTS)}
    return found


def test_killed_and_slow(port: int) -> None:
    """A page has what was made since the start, whoever reads slowly beside."""
    with serve(port) as tool:
        attempt("127.0.0.9", PORT)
        attempt("127.0.0.9", PORT)
        wait_until(lambda: counted(port) == [2], "both")
        tool.stop(signal.SIGKILL)
    with pytest.raises(ConnectionRefusedError):
        get(port, "/metrics")
    with serve(port) as tool, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        attempt("127.0.0.9", PORT)
        wait_until(lambda: counted(port) == [1], "the one since then")
        assert slow.recv(1) == b"H"
        assert samples(get(port, "/metrics")[1], LOST)["ring",] == 0
        assert tool.stop() == 0


def test_a_real_prometheus(port: int, tmp_path: Path) -> None:
    """Debian's reads it, and sees each increment of a new series."""
    with prometheus(tmp_path, f"127.0.0.1:{port}") as server, serve(port) as tool:
        wait_until(lambda: server.value("up") == 1, "a scrape")
        for _ in range(3):
            attempt("127.0.0.9", PORT)
        wait_until(lambda: server.value(f"increase({ATTEMPTS}[1h])"), "an increase")
        wait_until(lambda: server.value(ATTEMPTS) == 3, "all attempts")
        first = f"min_over_time({ATTEMPTS}[1h])"
        assert server.value(first) == 0
        assert server.value("tcpconnect_duration_seconds_count") == 3
        assert tool.stop() == 0


def test_ports_and_addresses() -> None:
    """IPv6, and a port that only root opens, although it then is somebody else."""
    with serve("[::1]:80") as tool:
        assert get(80, "/metrics", "::1")[0] == 200
        assert tool.stop() == 0


def test_an_address_that_is_not_to_be_had(port: int) -> None:
    """It is one line, and 1; also when it is only checked."""
    with socket.create_server(("127.0.0.1", port)):
        for words in (("record",), ("record", "--check"), ()):
            ended = run_tool(*words, "-o", f"prometheus://{port}")
            assert ended.returncode == 1
            assert ended.stderr == (
                f"tcpconnect: can't serve metrics at 127.0.0.1:{port}: Address "
                "already in use; choose another port\n"
            )
    ended = run_tool("-o", f"prometheus://192.0.2.1:{port}")
    assert ended.returncode == 1
    assert "Cannot assign requested address; name an address of this" in ended.stderr
    ended = run_tool("record", "--check", "-o", f"prometheus://{port}")
    assert ended.returncode == 0, ended.stderr
    assert f"ok    prometheus://{port}: can be served\n" in ended.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-c -o prometheus://9", "-c conflicts with 'prometheus://9'"),
        ("-o prometheus://x:9", "invalid place of metrics 'prometheus://x:9'"),
        ("-o prometheus", "unknown place 'prometheus'; write prometheus://[ADDRESS:]"),
        ("--max-series 500", "--max-series needs metrics"),
        ("--max-series 3 -o prometheus://9", "invalid number of series '3'"),
        ("record --max-series 500", "--max-series needs metrics"),
        ("replay x -o prometheus://9", "a recording has no metrics"),
    ],
)
def test_wrong_words(words: str, line: str) -> None:
    """They are refused in one line."""
    ended = run_tool(*words.split())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1
