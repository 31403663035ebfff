"""moment(): a time that somebody wrote, in the words of journalctl.

``now``, ``today``, ``yesterday``, ``tomorrow``, each but the first also with a time of
the day; ``22:00``; ``2026-11-27``, ``2026-11-27 22:00[:30]``, also with a T;
``-2h``, ``-1h30m``, ``2 hours ago``; ``@1764417600``. Times are those of this
machine's zone, with its summer time.
"""

from __future__ import annotations

import re
import time

from tcpconnect import history_messages
from tcpconnect.errors import UsageError

UNITS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3_600,
    "hr": 3_600,
    "hour": 3_600,
    "d": 86_400,
    "day": 86_400,
    "w": 604_800,
    "week": 604_800,
    "month": 2_629_800,  # as systemd.time(7) has it
    "y": 31_557_600,
    "year": 31_557_600,
}
DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
MAX_TEXT, LATEST = 100, 2**33
_DAY = r"(?P<date>\d{4}-\d{1,2}-\d{1,2})|(?P<word>yesterday|today|tomorrow)"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
_POINT = re.compile(rf"(?:{_DAY})?(?:(?:^|t| +){_CLOCK})?")
_STEP = re.compile(r"\s*(\d{1,10})\s*([a-z]+)")


def moment(text: str, now: float) -> int:
    """Return the time in seconds since the epoch. Raises UsageError."""
    found = _moment(text.strip().lower(), int(now)) if len(text) <= MAX_TEXT else None
    if found is None or not 0 <= found < LATEST:
        raise UsageError(history_messages.INVALID_MOMENT, value=text[:MAX_TEXT])
    return found


def _moment(text: str, now: int) -> int | None:
    if text == "now":
        return now
    if text.startswith("@"):
        digits = text[1:]
        return int(digits) if re.fullmatch(r"\d{1,12}", digits, re.ASCII) else None
    if text.startswith("-") or text.endswith(" ago"):
        seconds = _length(text.removeprefix("-").removesuffix(" ago"))
        return None if seconds is None else now - seconds
    point = _POINT.fullmatch(text) if text.isascii() else None
    return _of_calendar(point, now) if point and text else None


def _length(text: str) -> int | None:
    """Return the seconds of ``1h30m`` or ``2 hours``; None for other texts."""
    seconds = at = 0
    text = text.strip()
    while at < len(text):
        step = _STEP.match(text, at)
        if not step or not step[1].isascii():
            return None
        unit = step[2]
        size = UNITS.get(unit) or UNITS.get(unit.removesuffix("s"))
        if not size:
            return None
        seconds += int(step[1]) * size
        at = step.end()
    return seconds if text else None


def _of_calendar(point: re.Match[str], now: int) -> int | None:
    today = time.localtime(now)
    year, month, day = today.tm_year, today.tm_mon, today.tm_mday
    if point["date"]:
        year, month, day = map(int, point["date"].split("-"))
    day += DAYS.get(point["word"] or "", 0)
    hour, minute, second = (
        int(point[part] or 0) for part in ("hour", "minute", "second")
    )
    if hour > 23 or minute > 59 or second > 59 or not 1970 <= year <= 2200:
        return None
    try:
        noon = time.localtime(time.mktime((year, month, day, 12, 0, 0, 0, 0, -1)))
        seconds = time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
    except (OverflowError, ValueError):
        return None
    if point["date"] and (noon.tm_mon, noon.tm_mday) != (month, day):
        return None  # such as the 30th of February
    return int(seconds)
