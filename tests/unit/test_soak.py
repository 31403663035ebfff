"""The rules of the soak test: what they call growth, a leak, a wrong account."""

from __future__ import annotations

import pytest
from soak.rules import Account, Sample, wrong

EXACT = Account(made=10, shown=7, lost=3, latest_s=0.9, stop_s=1.9)


def samples(memory: list[float], descriptors: list[int]) -> list[Sample]:
    """Return samples, one a second."""
    return [
        Sample(float(n), megabytes, count)
        for n, (megabytes, count) in enumerate(zip(memory, descriptors, strict=True))
    ]


@pytest.mark.parametrize(
    ("memory", "descriptors", "account", "expected"),
    [
        ([80, 80, 80, 80], [9, 9, 9, 9], EXACT, []),
        ([80, 83, 83, 83], [9, 9, 9, 9], EXACT, []),  # in the first half
        ([80, 80, 83, 80], [9, 9, 9, 9], EXACT, []),
        (
            [80, 80, 80, 83],
            [9, 9, 9, 9],
            EXACT,
            ["memory grew by 3.0 MB, more than 2.0"],
        ),
        ([80, 80, 80, 80], [9, 9, 12, 9], EXACT, []),
        ([80, 80, 80, 80], [9, 11, 12, 10], EXACT, ["1 descriptors leaked"]),
        (
            [80, 80, 80, 80],
            [9, 9, 9, 9],
            EXACT._replace(lost=2),
            ["1 attempts neither shown nor counted as lost"],
        ),
        (
            [80, 80, 80, 80],
            [9, 9, 9, 9],
            EXACT._replace(shown=8),
            ["-1 attempts neither shown nor counted as lost"],
        ),
        (
            [80, 80, 80, 80],
            [9, 9, 9, 9],
            EXACT._replace(latest_s=1.1, stop_s=2.1),
            [
                "a line came after 1.1 s, more than 1.0",
                "it stopped after 2.1 s, more than 2.0",
            ],
        ),
    ],
)
def test_wrong(
    memory: list[float],
    descriptors: list[int],
    account: Account,
    expected: list[str],
) -> None:
    """Growth that stays, descriptors that stay, and any difference."""
    found = list(wrong(samples(memory, descriptors), account))
    assert found == expected
