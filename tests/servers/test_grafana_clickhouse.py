"""The dashboard of packaging/ for ClickHouse, asked of the real engine."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clickhouse import serve_clickhouse
from tests.support.engines import WITH_CLICKHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clickhouse import ClickHouse as Server

pytestmark = pytest.mark.skipif(not WITH_CLICKHOUSE, reason="needs chdb-core-lite")

BOARD = Path(__file__).parents[2] / "packaging/grafana-clickhouse.json"
NOW = int(time.time())
SINCE, STEP = NOW - 3600, 60
# What Grafana's plugin makes of its macros.
MACROS = (
    (
        r"\$__timeFilter\((\w+)\)",
        rf"\1 >= toDateTime({SINCE}) AND \1 <= toDateTime({NOW})",
    ),
    (
        r"\$__timeInterval\((\w+)\)",
        rf"toStartOfInterval(toDateTime(\1), INTERVAL {STEP} second)",
    ),
    (r"\$__fromTime", f"toDateTime({SINCE})"),
    (r"\$__toTime", f"toDateTime({NOW})"),
    (r"\$__interval_s", str(STEP)),
)
ALL = (r"\$__conditionalAll\(\w+ IN \(.*?\), \$\w+\)", "1=1")
CHOSEN = (
    (r"\$__conditionalAll\((\w+ IN \(.*?\)), \$\w+\)", r"\1"),
    (r"\$\{host:singlequote\}", "'one','other'"),
    (r"\$\{program:singlequote\}", "'o\\\\'brien'"),
)
WINDOW: dict[str, Any] = {
    **dict.fromkeys("container unit pod query address why".split(), ""),
    **dict.fromkeys("uid dns_us failed".split(), 0),
    "span": 60,
    "program": "o'brien",
    "destination": "db",
    "dport": 5432,
    "result": "OK",
    "attempts": 4,
    "latency_us": 900,
    "latency_max_us": 600,
    "latencies": {"9": 4},
    "syns": 5,
    "time": NOW - 120,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return one to which two hosts have written, of which one is silent."""
    with serve_clickhouse(tmp_path_factory.mktemp("clickhouse")) as found:
        failed = {"result": "ETIMEDOUT", "failed": 1, "attempts": 3}
        rows = [WINDOW | {"host": "one"}, WINDOW | failed | {"host": "other"}]
        found.insert("window_rows", rows)
        run = {"host": "other", "boot": "b", "version": "1", "options": ""}
        times = {"started": NOW - 1800, "watched": NOW - 900, "ended": 0, "pid": 1}
        found.insert("run_rows", [{**run, **times}])
        lost = {"host": "one", "time": NOW - 60, "reason": "ring", "lost": 3}
        found.insert("loss_rows", [lost])
        yield found


def filled(text: str, *replaced: tuple[str, str]) -> str:
    """Return a query as the plugin sends it."""
    for pattern, value in (*replaced, *MACROS):
        text = re.sub(pattern, value, text)
    assert "$" not in text
    return text


def queries() -> list[tuple[str, str]]:
    """Return titles and queries of panels, and of variables."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    variables = board["templating"]["list"]
    return [
        *((x["title"], t["rawSql"]) for x in board["panels"] for t in x["targets"]),
        *((x["name"], x["query"]) for x in variables if x["type"] == "query"),
    ]


def test_every_query(server: Server) -> None:
    """Each has an answer, of all and of those that are chosen."""
    asked = queries()
    assert len(asked) > 10
    for replaced in ([ALL], CHOSEN):
        empty = [n for n, text in asked if not server.ask(filled(text, *replaced))]
        assert empty == []


def test_answers(server: Server) -> None:
    """They are right."""
    asked = dict(queries())
    fails = server.ask(filled(asked["What fails"], ALL))
    assert fails == [["o'brien", "db", 5432, 3, 7, "ETIMEDOUT", 2]]
    ((_, *pair),) = server.ask(filled(asked["New to the fleet"], ALL))
    assert pair == ["o'brien", "db", 5432, 2, "one"]
    assert server.ask(filled(asked["Silent hosts"], ALL))[0][0] == "other"


def test_steps() -> None:
    """A rate is of steps of a minute or longer: windows are of a minute.

    In a shorter one all attempts of a minute would be those of its first seconds.
    """
    panels = json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
    for panel in panels:
        if any("$__timeInterval" in query["rawSql"] for query in panel["targets"]):
            assert panel.get("interval") == "1m", panel["title"]
