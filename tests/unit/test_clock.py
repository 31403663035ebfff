"""The kernel's clock in a time namespace: how far ours is ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import KernelError
from tcpconnect.machine import clock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    """Have the offset found anew, and not kept for others."""
    clock.offset_ns.cache_clear()
    yield
    clock.offset_ns.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"monotonic   100000      0\nboottime   0  0\n", 100_000 * clock.SECOND),
        (b"monotonic  -200    500000000\nboottime 7 0\n", -199_500_000_000),
        (b"", 0),
    ],
)
def test_offsets(text: bytes, expected: int) -> None:
    """Seconds and nanoseconds of time_namespaces(7)."""
    assert clock.parse_offsets(text) == expected


@pytest.mark.parametrize("inode", [0, clock.INITIAL_TIME_NAMESPACE])
def test_no_namespace(inode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 0 for the machine's own clock, and without namespaces."""
    monkeypatch.setattr(clock, "_inode", lambda *_: inode)
    assert clock.offset_ns() == 0


def test_no_process_shows_the_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process has children in our namespace, that is an error."""
    monkeypatch.setattr(clock, "_inode", lambda _, kind: len(kind))
    with pytest.raises(KernelError, match="no process shows"):
        clock.offset_ns()
