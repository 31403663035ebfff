"""The pictures of a report: who connects where, and when."""

from __future__ import annotations

import pytest

from tcpconnect.report import shown
from tcpconnect.report.findings import Bin, Gap
from tcpconnect.report.graph import MOST_DESTINATIONS, MOST_PROGRAMS, graph_of
from tcpconnect.report.timeline import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    step_for,
    timeline_of,
)
from tests.support.pages import DAY, NOW, findings, pair


def test_graph() -> None:
    """Programs are left, destinations right; what fails is bad, and drawn last."""
    graph = graph_of(
        [
            pair("a", "x", 80, 100),
            pair("a", "y", 81, 4, failed=4),
            pair("b", "y", 81, 4, failed=1),
            pair("b", "x", 80, 200, failed=1),
        ]
    )
    assert [node.label for node in graph.programs] == ["b", "a"]
    assert [node.label for node in graph.destinations] == ["x:80", "y:81"]
    assert graph.destinations[1].title == "y:81: 8 attempts, 5 failed"
    lines = [(edge.tone, edge.title) for edge in graph.edges]
    assert lines == [
        ("ok", "100 attempts"),
        ("ok", "200 attempts, 1 failed"),
        ("odd", "4 attempts, 1 failed"),
        ("bad", "4 attempts, 4 failed"),
    ]
    assert graph.edges[1].width > graph.edges[0].width > graph.edges[2].width


def test_graph_says_what_it_leaves_out() -> None:
    """All attempts are in the graph: those without a row of their own in the last."""
    pairs = [pair(f"p{n % 50}", f"d{n}", 1, 10 + n) for n in range(100)]
    pairs.append(pair("failing", "d0", 1, 2, failed=2))
    graph = graph_of(pairs)
    assert len(graph.programs) == MOST_PROGRAMS + 1
    assert len(graph.destinations) == MOST_DESTINATIONS + 1
    assert graph.programs[-1].label == "31 other programs"
    assert graph.destinations[-1].label == "68 other destinations"
    assert "failing" in [node.label for node in graph.programs]
    total = sum(int(edge.title.split()[0].replace(",", "")) for edge in graph.edges)
    assert total == sum(p.attempts for p in pairs)


def test_graph_of_nothing() -> None:
    """No pairs, no lines."""
    assert graph_of([]).edges == []


def test_timeline() -> None:
    """Bars are within the drawing; one failure of many attempts is seen."""
    bins = {NOW - DAY: Bin(100_000, 1), NOW - 600: Bin(50_000)}
    gap = Gap(NOW - DAY - 900, NOW - DAY + 900, "the recorder was stopped")
    picture = timeline_of(findings(bins=bins, step=600, gaps=[gap]))
    first, last = picture.bars
    assert (first.x, first.y) == (LEFT, TOP)
    assert last.x + last.width <= RIGHT
    assert first.failed_y < BOTTOM == last.failed_y
    assert first.title.endswith("100,000 attempts, 1 failed")
    (hatch,) = picture.hatches
    assert hatch.x == LEFT
    assert [tick.text for tick in picture.numbers] == ["50 k", "100 k"]
    assert len(picture.hours) >= 4


@pytest.mark.parametrize(
    ("seconds", "coarsest", "expected"),
    [(600, 0, 60), (DAY, 0, 600), (DAY, 3600, 3600), (30 * DAY, 60, 6 * 3600)],
)
def test_steps(seconds: int, coarsest: int, expected: int) -> None:
    """A step is round, and no finer than the rows of the history."""
    assert step_for(NOW - seconds, NOW, coarsest) == expected


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("short", 5, "short"),
        ("/usr/lib/very/long/name", 11, "/usr/…/name"),
        ("宽宽宽宽宽", 7, "宽…宽"),
        ("éé", 1, "…"),
    ],
)
def test_cut(text: str, cells: int, expected: str) -> None:
    """The middle of a name is left out; wide characters take two cells."""
    assert shown.cut(text, cells) == expected


def test_texts() -> None:
    """Numbers are made texts of few digits."""
    assert [shown.latency(n) for n in (420, 12_345, 1_250_000)] == [
        "0.42 ms",
        "12 ms",
        "1.2 s",
    ]
    assert [shown.duration(n) for n in (45, 3_600, 7_980, 100_000)] == [
        "45 s",
        "1 h",
        "2 h 13 min",
        "1 d 3 h",
    ]
    assert [shown.share(*n) for n in ((0, 9), (1, 900), (899, 900), (9, 9))] == [
        "0 %",
        "< 1 %",
        "99 %",
        "100 %",
    ]
