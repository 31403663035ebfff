"""Passing: the clock compared with the time that passes, from window to window."""

from __future__ import annotations

from time import CLOCK_BOOTTIME, clock_gettime, localtime, monotonic, strftime
from typing import TYPE_CHECKING

from tcpconnect import store_messages as messages

if TYPE_CHECKING:
    from tcpconnect.errors import Line

JUMP_S = 30.0  # by so much they must differ


class Passing:
    """Whether there is a time that nobody watched: the clock was set, or we slept."""

    def __init__(self) -> None:
        self._known = False
        self._awake = self._passed = 0.0  # what the clock is ahead of

    def has_gap(self, now: int) -> tuple[bool, Line | None]:
        """Return whether a run begins now, and a line if that is since it was set."""
        awake, passed = now - monotonic(), now - boottime()
        first, self._known = not self._known, True
        step = round(passed - self._passed)
        has_gap = first or abs(awake - self._awake) > JUMP_S
        was_set = not first and abs(step) > JUMP_S
        self._awake, self._passed = awake, passed
        if not was_set:
            return has_gap, None
        message = messages.CLOCK_AHEAD if step > 0 else messages.CLOCK_BACK
        return True, message.line(before=_moment(now - step), after=_moment(now))


class Recorded:
    """The same for what was recorded: a time without attempts is no gap."""

    def __init__(self) -> None:
        self._known = False

    def has_gap(self, _now: int) -> tuple[bool, None]:
        """Return whether a run begins: the first window begins one."""
        first, self._known = not self._known, True
        return first, None


def boottime() -> float:
    """Return how many seconds have passed since the boot, asleep or awake."""
    return clock_gettime(CLOCK_BOOTTIME)


def _moment(seconds: int) -> str:
    return strftime("%Y-%m-%d %H:%M:%S", localtime(seconds))
