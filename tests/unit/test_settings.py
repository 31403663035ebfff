"""What follows from settings."""

from __future__ import annotations

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.settings import BASICS, Settings


def test_names_need_to_know_where_they_were_seen() -> None:
    """With names, the places of a connect are read whatever is shown; else not."""
    nothing: frozenset[str] = frozenset()
    assert Settings(basics=nothing).told == nothing
    assert Settings(basics=nothing, dns=True).told == {
        *("netns", "cgroup_id", "start"),
    }
    assert Settings(dns_latency=True, details=frozenset({"exe"})).told == {
        "exe",
        "start",
        *BASICS,
    }


def test_a_count_tells_of_nobody() -> None:
    """What counts per address reads nothing of who connects.

    With names, the namespace: local addresses are other ones in each.
    """
    counted = Settings(count=True, details=frozenset({"exe"}))
    assert counted.told == set()
    named = Settings(count=True, dns=True, details=frozenset({"exe"}))
    assert named.told == {"netns"}


def test_unknown_basic_detail() -> None:
    """One that does not exist is named, with those that do."""
    with pytest.raises(UsageError, match="no basic detail 'exe'; there are cgroup_id"):
        Settings(basics=frozenset({"exe"}))
