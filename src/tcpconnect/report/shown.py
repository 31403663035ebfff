"""Numbers, times and names made text for a page."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from unicodedata import category, east_asian_width

from tcpconnect.history.schema import DAY, HOUR, MINUTE

MILLI = 1_000  # microseconds
ELLIPSIS = "…"
_ADDRESS = re.compile(r"[0-9a-f:.]+")


def count(number: int) -> str:
    """Return a number in groups of three digits."""
    return f"{number:,}"


def rough(number: int) -> str:
    """Return a round number in few characters: ``1.5 M``."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:g} {unit}"
    return str(number)


def many(number: int, one: str, more: str = "") -> str:
    """Return a number with its noun: ``1 attempt``, ``12 attempts``."""
    return f"{count(number)} {one if number == 1 else more or f'{one}s'}"


def share(part: int, whole: int) -> str:
    """Return a part in percent; what is not all is never 100 %."""
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    if percent < 1:
        return "< 1 %"
    return f"{min(round(percent), 99 if part < whole else 100)} %"


def latency(microseconds: float) -> str:
    """Return a latency in three digits at most."""
    milliseconds = microseconds / MILLI
    if milliseconds < 10:
        return f"{milliseconds:.2f} ms"
    if milliseconds < MILLI:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / MILLI:.1f} s"


def duration(seconds: int) -> str:
    """Return how long something took: ``45 s``, ``2 h 13 min``."""
    units = (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1))
    for (unit, size), (lesser, part) in pairwise(units):
        if seconds >= size:
            rest = seconds % size // part
            text = f"{seconds // size} {unit}"
            return f"{text} {rest} {lesser}" if rest else text
    return f"{seconds} s"


def moment(seconds: int) -> str:
    """Return a time of this machine's zone, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def short(seconds: int, now: int) -> str:
    """Return a time as a list has it: without the year, where it is that of ``now``."""
    when = time.localtime(seconds)
    year = "" if when.tm_year == time.localtime(now).tm_year else f"{when.tm_year} "
    return time.strftime(f"{year}%b %d %H:%M", when)


def zone(seconds: int) -> str:
    """Return the zone of this machine at a time."""
    offset = time.strftime("%z", time.localtime(seconds))
    return f"UTC{offset[:3]}:{offset[3:]}"


def between(begin: int, end: int) -> str:
    """Return a span of time; the second day is left out where it is the same."""
    first, last = moment(begin), moment(end)
    day, _, clock = last.partition(" ")
    return f"{first} to {clock if first.startswith(day) else last}"


def port(number: int) -> str:
    """Return a port as it stands behind a destination; a failed lookup has none."""
    return f":{number}" if number else ""


def host(destination: str, dport: int) -> str:
    """Return a destination as it stands before its port."""
    is_ipv6 = ":" in destination and _ADDRESS.fullmatch(destination)
    return f"[{destination}]" if dport and is_ipv6 else destination


def cut(text: str, cells: int) -> str:
    """Return a text of so many cells at most; its middle is left out."""
    widths = [_cells(c) for c in text]
    if sum(widths) <= cells:
        return text
    tail = _fitting(text[::-1], (cells - 1) // 2)[::-1]
    return f"{_fitting(text, cells - 1 - (cells - 1) // 2)}{ELLIPSIS}{tail}"


def _fitting(text: str, cells: int) -> str:
    for at, c in enumerate(text):
        cells -= _cells(c)
        if cells < 0:
            return text[:at]
    return text


def _cells(c: str) -> int:
    if c.isascii():
        return 1
    if category(c).startswith("M"):
        return 0
    return 2 if east_asian_width(c) in "WF" else 1
