"""A dict that makes what is missing."""

from __future__ import annotations

from tcpconnect.memo import Memo


def test_it_keeps_so_many() -> None:
    """What is made is kept, until there are too many."""
    memo = Memo(str, most=2)
    assert [memo[1], memo[2], memo[1]] == ["1", "2", "1"]
    assert dict(memo) == {1: "1", 2: "2"}
    assert memo[3] == "3"
    assert dict(memo) == {3: "3"}


def test_it_keeps_what_it_is_to_keep() -> None:
    """The others are made each time."""
    memo = Memo(str, most=2, keeps=lambda _, made: len(made) < 3)
    assert [memo[7], memo[1000], memo[1000]] == ["7", "1000", "1000"]
    assert dict(memo) == {7: "7"}
