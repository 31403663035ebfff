"""What a terminal is sent, byte for byte; ``^[`` in the page is the escape."""

from __future__ import annotations

from pathlib import Path

from tcpconnect.formats import open_format
from tcpconnect.parsing import parse
from tcpconnect.view import View
from tests.support.samples import connection

EVENTS = [
    connection(pid=16243, daddr="10.1.0.3", dport=443, result="OK", latency_ms=0.08),
    connection(pid=16244, daddr="10.1.0.3", dport=443, result="OK", latency_ms=1034.5),
    connection(
        pid=16249,
        daddr="10.1.0.2",
        dport=5432,
        result="ECONNREFUSED",
        latency_ms=0.044,
        query="db.example.com",
    ),
    connection(pid=16250, daddr="10.2.0.9", result="ABORTED", latency_ms=250.437),
    connection(pid=16253, daddr="10.2.0.9", result="ETIMEDOUT", latency_ms=127e3),
    connection(pid=16254, daddr="10.2.0.9", result="PENDING", latency_ms=12.5),
    connection(pid=16255, daddr="10.2.0.9"),
]


def test_page() -> None:
    """Only outcomes and latencies that deserve a look are set off, and the header."""
    shown = View(parse(["-rd"])).displays[None]
    sink = open_format(shown.format, shown.columns, colored=True)
    text = (sink.header() + sink.rows(EVENTS)).decode().replace("\x1b", "^[")
    assert text == Path(__file__).with_name("colored.txt").read_text()
