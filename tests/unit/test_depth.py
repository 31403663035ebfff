"""How far programs look: the smallest depth that has all that is asked for."""

from __future__ import annotations

import pytest

from tcpconnect.kernel.config import OF_IMAGE, OF_OWNER, Detail
from tcpconnect.kernel.depth import Depth
from tcpconnect.kernel.filters import BY_IMAGE, BY_OWNER, TaskFilter

NONE = Detail(0), TaskFilter(0)
# What helpers return.
HELPED = (
    Detail.COMM | Detail.UID,
    TaskFilter.PID
    | TaskFilter.UID
    | TaskFilter.COMM
    | TaskFilter.NOT_COMM
    | TaskFilter.NOT_OWN,
)


@pytest.mark.parametrize("detail", Detail)
def test_details(detail: Detail) -> None:
    """Each detail has one depth."""
    sets = (HELPED[0], OF_OWNER, OF_IMAGE)
    assert [bool(detail & each) for each in sets].count(True) == 1
    depth = Depth([bool(detail & each) for each in sets].index(True))
    assert Depth.of(detail, TaskFilter(0)) is depth


@pytest.mark.parametrize("which", TaskFilter)
def test_filters(which: TaskFilter) -> None:
    """Each filter has one: a program of a smaller one would let everything through."""
    sets = (HELPED[1], BY_OWNER, BY_IMAGE)
    assert [bool(which & each) for each in sets].count(True) == 1
    depth = Depth([bool(which & each) for each in sets].index(True))
    assert Depth.of(Detail(0), which) is depth


def test_the_greatest_is_taken() -> None:
    """One thing that needs more decides."""
    assert Depth.of(*NONE) is Depth.of(*HELPED) is Depth.SOCKET
    assert Depth.of(OF_OWNER, TaskFilter.MNTNSMAP) is Depth.IMAGE
    assert Depth.of(Detail.EXE, TaskFilter.NETNS) is Depth.IMAGE
