"""Metrics of OTLP in JSON: how many attempts a window has, and how long they took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.remote.attributes import integer, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.history.rows import Key, Moment, Row

NANO = 10**9
DELTA = '"aggregationTemporality":1'
OK = "OK"


def points(moment: Moment, key: Key, row: Row) -> Iterator[str]:
    """Yield a sum, and a histogram where latencies are known: of a window only (delta).

    A bucket of ours, 2^n to 2^(n+1)-1 us, is one of an exponential histogram whose
    scale is 0, but for its ends: there it is more than 2^n, and up to 2^(n+1).
    """
    span, time = moment
    named = {
        "tcpconnect.program": key.program.program,
        "server.address": key.destination,
        "error.type": key.result if key.result != OK else "",
    }
    attributes = ",".join([integer("server.port", key.dport), *strings({**named})])
    common = (
        f'"startTimeUnixNano":"{time * NANO}","timeUnixNano":"{(time + span) * NANO}",'
        f'"attributes":[{attributes}]'
    )
    yield (
        '{"name":"tcpconnect.attempts","unit":"{attempt}","sum":'
        f'{{{DELTA},"isMonotonic":true,"dataPoints":[{{{common},'
        f'"asInt":"{row.attempts}"}}]}}}}'
    )
    if not row.latencies:
        return
    first, last = min(row.latencies), max(row.latencies)
    counts = ",".join(f'"{row.latencies.get(n, 0)}"' for n in range(first, last + 1))
    yield (
        '{"name":"tcpconnect.duration","unit":"us","exponentialHistogram":'
        f'{{{DELTA},"dataPoints":[{{{common},"scale":0,"sum":{row.latency_us},'
        f'"count":"{sum(row.latencies.values())}","max":{row.latency_max_us},'
        f'"positive":{{"offset":{first},"bucketCounts":[{counts}]}}}}]}}}}'
    )
