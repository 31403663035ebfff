"""Times in the words of journalctl."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_774_800_000  # 2026-03-29 16:00:00 UTC, 18:00 in Berlin: summer time's first day
HOUR, DAY = 3_600, 86_400


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("-2h", NOW - 2 * HOUR),
        ("-1h30m", NOW - 5_400),
        ("-90", None),
        ("2 hours ago", NOW - 2 * HOUR),
        ("1 day 2 hours ago", NOW - DAY - 2 * HOUR),
        ("-1w", NOW - 7 * DAY),
        ("today", NOW - 17 * HOUR),  # of 18: one was left out
        ("yesterday", NOW - 17 * HOUR - DAY),
        ("yesterday 22:00", NOW - 17 * HOUR - 2 * HOUR),
        ("Yesterday  22:00:30", NOW - 19 * HOUR + 30),
        ("22:00", NOW + 4 * HOUR),
        ("2026-03-29 18:00", NOW),
        ("2026-03-29T18:00:05", NOW + 5),
        ("2026-3-29", NOW - 17 * HOUR),
        ("@1774800000", NOW),
    ],
)
def test_words(text: str, expected: int | None) -> None:
    """Each of them is a time of this zone."""
    if expected is None:
        with pytest.raises(UsageError):
            moment(text, NOW)
    else:
        assert moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "ago",
        "noon",
        "2026-02-30",
        "2026-13-01",
        "2026-1-1T",
        "24:00",
        "12:60",
        "1969-12-31",
        "-99y",
        "@-1",
        "@99999999999",
        "\uff12\uff12:00",
        "-\u0663h",
        "x" * 10_000,
        "-" + "9" * 90 + "h",
        "9999-01-01",
        "2026-01-01 12:00 x",
    ],
)
def test_other_words(text: str) -> None:
    """All else is refused, with examples."""
    with pytest.raises(UsageError, match="expected for example -2h, 22:00"):
        moment(text, NOW)
