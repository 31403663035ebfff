"""The dashboard and the rules of packaging/, in a real Prometheus."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.programs import statistics
from tests.support.attempts import PORT, attempt
from tests.support.recorder import baseline_of
from tests.support.scraping import get, prometheus, promtool
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scraping import Prometheus

pytestmark = pytest.mark.usefixtures("netns")

PACKAGING = Path(__file__).parents[2] / "packaging"
RULES = PACKAGING / "prometheus-rules.yml"
DASHBOARD = PACKAGING / "grafana-prometheus.json"
VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "1h",
    "$instance": ".*",
    "$program": ".*",
}
# What is empty while all is well.
WELL = re.compile(r"tcpconnect_(lost|place_dropped|series_folded)_total")


def queries() -> list[str]:
    """Return those of the dashboard, as Grafana sends them."""
    board = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for name, value in VARIABLES.items():
        found = [each.replace(name, value) for each in found]
    return found


def names(text: str) -> set[str]:
    """Return the metrics that are named."""
    return set(re.findall(r"\btcpconnect_\w+", text))


@pytest.fixture
def server(tmp_path: Path, port: int) -> Iterator[Prometheus]:
    """Yield one that knows attempts, alerts and gauges, and has the rules."""
    known = baseline_of(tmp_path, "127.1.0.1")
    words = ("-p", os.getpid(), "-o", f"prometheus://{port}")
    alerts = ("--alert", "new,failing", "--baseline", known)
    with (
        statistics(),
        socket.create_server(("127.3.0.1", 0)) as listener,
        Tool("record", *words, *alerts, "-o", f"sqlite:{tmp_path}/h.db") as tool,
        prometheus(tmp_path, f"127.0.0.1:{port}", RULES) as running,
    ):
        wait_until(lambda: running.value("up") == 1, "a scrape")

        def grown() -> bool:
            attempt("127.2.0.1", PORT)
            with socket.create_connection(listener.getsockname()):
                listener.accept()[0].close()
            return bool(running.query("sum(rate(tcpconnect_attempts_total[1m])) > 0"))

        wait_until(grown, "a rate")
        assert names(" ".join(queries()) + RULES.read_text()) <= names(
            get(port, "/metrics")[1]
        )
        yield running
        assert tool.stop() == 0


def test_every_query(server: Prometheus) -> None:
    """Each is right, and those of what goes on have an answer."""
    asked = queries()
    assert len(asked) > 10

    def silent() -> list[str]:
        empty = [each for each in asked if not server.query(each)]
        return [each for each in empty if not WELL.search(each)]

    wait_until(lambda: not silent(), "answers")


def test_rules(server: Prometheus) -> None:
    """They are right, and Prometheus evaluates them."""
    assert "SUCCESS" in promtool("check", "rules", str(RULES))

    def rules() -> list[dict[str, Any]]:
        (group,) = server.rules()
        found: list[dict[str, Any]] = group["rules"]
        return found

    wait_until(lambda: {x["health"] for x in rules()} == {"ok"}, "an evaluation")
    fails = "TcpconnectDestinationFails"
    wait_until(
        lambda: [x["state"] for x in rules() if x["name"] == fails] == ["pending"],
        "an alert",
    )
