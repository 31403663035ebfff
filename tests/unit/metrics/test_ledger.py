"""The series of metrics: what they count, and that they are bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tcpconnect.metrics.ledger import (
    BOUNDS,
    LINES,
    LIVE_S,
    LOOK_S,
    MAX_SERIES,
    OTHER,
    Ledger,
)
from tests.support.folding import attempt, refused

if TYPE_CHECKING:
    from tcpconnect.metrics.ledger import Page

OK = ("curl", "example.com", "443", "")


def shown(ledger: Ledger) -> Page:
    """Return a page on which nothing is new."""
    ledger.page()
    return ledger.page()


def lines(page: Page) -> int:
    """Return how many lines the series with labels take."""
    return len(page.counts) + len(page.durations) * LINES


def test_a_new_series_begins_at_0() -> None:
    """Its first page has 0, so that what reads it sees all that it counts."""
    ledger = Ledger()
    event = attempt(query="example.com", dport=443, latency_ms=30)
    ledger.add([event, event], 0)
    first, second = ledger.page(), ledger.page()
    assert (first.counts, second.counts) == ([(OK, 0)], [(OK, 2)])
    assert [each.total for each in first.durations] == [0]
    (durations,) = second.durations
    assert durations.labels == ("curl", "")
    assert durations.buckets == [0, 0, 0, 2, *[0] * (len(BOUNDS) - 3)]
    assert round(durations.total, 6) == 0.06


def test_results_and_names() -> None:
    """Failures are counted by their result; a result that is not known has a word."""
    ledger = Ledger()
    ledger.add(
        [
            refused(daddr="10.0.0.1", dport=1),
            attempt(result=None, latency_ms=None, daddr="8.8.8.8", dport=53),
            attempt(result="NXDOMAIN", query="a.b", daddr=None, dport=None, dns_ms=7),
        ],
        0,
    )
    page = shown(ledger)
    assert dict(page.counts) == {
        ("curl", "10.0.0.1", "1", "ECONNREFUSED"): 1,
        ("curl", "public", "53", "UNKNOWN"): 1,
        ("curl", "a.b", "", "NXDOMAIN"): 1,
    }
    assert (sum(page.dns.buckets), page.dns.total) == (1, 0.007)


def test_a_scan() -> None:
    """One program that reaches everything leaves room for others; all is counted."""
    ledger = Ledger()
    addresses = [f"10.{n >> 8}.{n & 255}.1" for n in range(4096)]
    ledger.add([attempt(daddr=each, dport=80) for each in addresses], 0)
    ledger.add([attempt(comm="other", query="example.com", dport=443)], 0)
    page = shown(ledger)
    counts = dict(page.counts)
    assert sum(counts.values()) == 4097
    assert counts[("other", *OK[1:])] == 1
    assert len(counts) < MAX_SERIES // 4 + 2
    own = sum(labels[1].endswith(".1") for labels in counts)
    networks = sum(labels[1].endswith(".0/24") for labels in counts)
    assert own > networks > 100
    assert counts["curl", OTHER, "", ""] == 4096 - own - networks
    assert page.folded == 4096 - own


def test_too_many_programs_and_results() -> None:
    """What has no room at all is counted in ~other, and that is bounded, too."""
    ledger = Ledger(400)
    for n in range(2000):
        ledger.add([refused(comm=f"p{n}", result=f"E{n}", daddr="10.0.0.1")], 0)
    page = shown(ledger)
    assert lines(page) <= 400
    assert sum(count for _, count in page.counts) == 2000
    assert sum(sum(each.buckets) for each in page.durations) == 2000
    assert dict(page.counts)[OTHER, OTHER, "", OTHER] > 1000


def test_a_program_called_other() -> None:
    """It can't take what is kept for ~other."""
    ledger = Ledger()
    ledger.add([attempt(comm=OTHER, query="example.com", dport=443)], 0)
    assert [labels for labels, _ in ledger.page().counts] == [("?", *OK[1:])]


def test_series_end() -> None:
    """One hour after their last change they go; then they begin at 0 again."""
    ledger = Ledger()
    event, other = (attempt(query=name, dport=443) for name in ("example.com", "b"))
    ledger.add([event, other], 0)
    ledger.add([event], LIVE_S / 2)
    assert len(shown(ledger).counts) == 2
    ledger.add([], LIVE_S + LOOK_S)
    assert shown(ledger).counts == [(OK, 2)]
    ledger.add([other], LIVE_S + LOOK_S)
    assert dict(ledger.page().counts)["curl", "b", "443", ""] == 0
    assert dict(ledger.page().counts)["curl", "b", "443", ""] == 1


EVENTS = st.lists(
    st.builds(
        lambda comm, daddr, dport, result, hours: (
            attempt(comm=comm, daddr=daddr, dport=dport, result=result),
            hours,
        ),
        st.sampled_from(["a", "b", OTHER, None, *map(str, range(50))]),
        st.sampled_from([f"10.0.{n}.{n}" for n in range(99)] + ["8.8.8.8", "fd00::1"]),
        st.integers(1, 9),
        st.sampled_from(["OK", None, *[f"E{n}" for n in range(50)]]),
        st.sampled_from([0, 0, 0, 0, 0.5, 2]),
    ),
    max_size=200,
)


@settings(max_examples=30, deadline=None)
@given(EVENTS)
def test_bounds(events: list[tuple[object, float]]) -> None:
    """Whatever comes, and goes, a page has at most so many lines."""
    ledger, now = Ledger(400), 0.0
    for event, hours in events:
        now += hours * 3600
        ledger.add([event], now)  # type: ignore[list-item]
    assert lines(ledger.page()) <= 400
