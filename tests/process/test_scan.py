"""A program that scans, through the tool, into all places at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.scan import MOST_ROWS, SPOOL_MB, scanned
from tcpconnect.metrics.ledger import MAX_SERIES

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSES = 20_000


def test_bounds(tmp_path: Path) -> None:
    """Rows, series, disk and memory have theirs; no attempt is missing anywhere."""
    found = scanned(ADDRESSES, tmp_path)
    for name, kept in found.places.items():
        assert kept.missing == 0, name
        assert kept.rows <= MOST_ROWS < ADDRESSES, name
        assert kept.size <= SPOOL_MB << 20, name
    assert found.uncounted == 0
    assert found.series <= MAX_SERIES
    assert found.memory_mb < 200
