"""Flows: what the kernel has counted, and attempts that have not ended."""

from __future__ import annotations

from typing import Any

import pytest

from tcpconnect.counted import decode_flows
from tests.support.decoding import MAPPED, attempt

LOOPBACK = MAPPED + b"\x7f\0\0\1"

PENDING_ONE = attempt(saddr=LOOPBACK, daddr=LOOPBACK, dport=80)
LOCAL = MAPPED + b"\x0a\0\0\1"


def flow_entry(last: int, *counts: int) -> tuple[Any, ...]:
    """Return what the kernel counted for port 80 of 10.0.0.LAST."""
    return (LOCAL, MAPPED + bytes((10, 0, 0, last)), 80, 0, *counts)


def test_flows_come_most_connects_first() -> None:
    """Flows of as many connects are in the order of their addresses."""
    counts = ((3, 1), (2, 5), (9, 5), (4, 9))
    entries = [flow_entry(last, n, 0, 0, 0, 0) for last, n in counts]
    flows = decode_flows(entries, ())
    actual = [(flow.daddr, flow.connects) for flow in flows]
    assert actual == [
        ("10.0.0.4", 9),
        ("10.0.0.2", 5),
        ("10.0.0.9", 5),
        ("10.0.0.3", 1),
    ]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((4, 3, 1, 10_000_000, 7_000_999), (2.5, 7.0)),
        ((4, 0, 1, 5_000_000, 5_000_000), (5.0, 5.0)),
        ((3, 0, 0, 0, 0), (None, None)),
    ],
)
def test_latency_of_flows(
    counts: tuple[int, ...], expected: tuple[float | None, ...]
) -> None:
    """Mean and maximum are those of the attempts that ended; else they are unknown."""
    (flow,) = decode_flows([flow_entry(1, *counts)], ())
    assert (flow.latency_avg_ms, flow.latency_max_ms) == expected


def test_flows_of_both_versions() -> None:
    """IPv4 and IPv6 are in one list."""
    six = (bytes(15) + b"\1", bytes(15) + b"\1", 80, 0, 2, 0, 0, 0, 0)
    flows = decode_flows([flow_entry(1, 1, 0, 0, 0, 0), six], ())
    assert [flow.daddr for flow in flows] == ["::1", "10.0.0.1"]


def test_flows_have_the_pending_attempts() -> None:
    """Attempts that have not ended are connects, neither OK nor failed."""
    loopback = (LOOPBACK,) * 2
    entries = [(*loopback, 80, 0, 2, 1, 1, 0, 0), flow_entry(1, 1, 1, 0, 0, 0)]
    pending = [PENDING_ONE] * 3
    flows = decode_flows(entries, pending, counted_at_end=True)
    actual = [(f.daddr, f.connects, f.ok, f.failed) for f in flows]
    assert actual == [("127.0.0.1", 5, 1, 1), ("10.0.0.1", 1, 1, 0)]


def test_flow_of_two_network_namespaces() -> None:
    """What is counted for each is one flow."""
    loopback = (LOOPBACK,) * 2
    entries = [
        (*loopback, 80, 8, 3, 2, 1, 9_000_000, 7_000_000),
        (*loopback, 80, 7, 4, 1, 0, 3_000_000, 3_000_000),
    ]
    (flow,) = decode_flows(entries, ())
    assert (flow.connects, flow.ok, flow.failed, flow.netnses) == (7, 3, 1, (7, 8))
    assert (flow.latency_avg_ms, flow.latency_max_ms) == (3.0, 7.0)


def test_flow_of_pending_attempts_only() -> None:
    """A flow of which no attempt has ended has no latency."""
    (flow,) = decode_flows([], [PENDING_ONE], counted_at_end=True)
    assert (flow.daddr, flow.dport, flow.connects) == ("127.0.0.1", 80, 1)
    assert flow.latency_avg_ms is None
