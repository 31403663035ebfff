"""What metrics say besides attempts: alerts, gauges, time in BPF programs."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from bench.programs import statistics
from tests.support.attempts import PORT, attempt
from tests.support.recorder import baseline_of
from tests.support.scraping import counted, serve
from tests.support.sockets import HOLE, begin
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")


def test_what_alerts_find(port: int, tmp_path: Path) -> None:
    """They are counted, where they are looked for."""
    known = baseline_of(tmp_path, "127.1.0.1")
    new, failing = (
        "tcpconnect_new_destinations_total",
        "tcpconnect_failing_destinations",
    )
    options = ("--alert", "new", "--baseline", known, "-o", f"sqlite:{tmp_path}/h.db")
    with serve(port, *options, verb="record") as tool:
        assert (counted(port, new), counted(port, failing)) == ([0], [])
        attempt("127.2.0.1", PORT)
        wait_until(lambda: counted(port, new) == [1], "an alert")
        assert tool.stop() == 0


@pytest.mark.usefixtures("far")
def test_pending(port: int) -> None:
    """Attempts that wait for an answer are counted from time to time."""
    with serve(port, "-P", HOLE[1]) as tool, socket.socket() as client:
        begin(client, HOLE)
        wait_until(lambda: counted(port, "tcpconnect_pending") == [1], "one")
        client.close()
        wait_until(lambda: counted(port, "tcpconnect_pending") == [0], "none")
        assert tool.stop() == 0


def test_run_time(port: int) -> None:
    """It is there where the kernel measures programs."""
    name = "tcpconnect_bpf_run_seconds_total"
    with statistics(), serve(port) as tool:
        attempt("127.0.0.9", PORT)
        (first,) = wait_until(lambda: counted(port, name), "a time")
        assert 0 < first < 60
        assert tool.stop() == 0
