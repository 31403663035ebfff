"""When an attempt began, as outputs show it."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec

from tcpconnect import fit
from tcpconnect.fields import Field
from tcpconnect.memo import Memo

WRITTEN = len("1970-01-01T00:00:00.000000000Z")
NANO = 10**9  # nanoseconds of a second
MAX_SECONDS = 256  # an attempt may end two minutes after it began


def _text(seconds: str) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(seconds)))


def _seconds_of(text: str) -> int:
    """Do the same the other way round. Raises ValueError."""
    from datetime import datetime  # only recordings are read

    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def _clock(seconds: str) -> str:
    return time.strftime("%H:%M:%S", time.localtime(int(seconds)))


# Of whole seconds since the epoch.
_texts, _seconds = Memo(_text, MAX_SECONDS), Memo(_seconds_of, MAX_SECONDS)
CLOCKS = Memo(_clock, MAX_SECONDS)


def rfc3339(nanoseconds: int) -> str:
    """Return a time since the epoch as RFC 3339 in UTC, with nanoseconds."""
    # A third sooner than by arithmetic.
    digits = str(nanoseconds).zfill(10)
    return f"{_texts[digits[:-9]]}.{digits[-9:]}Z"


def local_time(nanoseconds: int) -> str:
    """Return a time since the epoch as HH:MM:SS.mmm of this machine's time zone."""
    digits = str(nanoseconds).zfill(10)
    return f"{CLOCKS[digits[:-9]]}.{digits[-9:-6]}"


def from_rfc3339(text: str) -> int:
    """Return the time that ``rfc3339`` made a text of. Raises ValueError."""
    if len(text) == WRITTEN and text[19] == "." and text[-1] == "Z":  # as we write it
        seconds, fraction = text[:19], text[20:29]
    else:
        seconds, _, fraction = text.removesuffix("Z").partition(".")
    nanoseconds = _seconds[seconds] * NANO + int(fraction[:9].ljust(9, "0"))
    if nanoseconds < 0:
        raise ValueError(f"{text} is before 1970")
    return nanoseconds


WHEN = Field(
    "TIME",
    30,
    "when it began, RFC 3339 in UTC",
    unit="UTC",
    shown=rfc3339,
    shown_type=Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})],
    read=from_rfc3339,
    fit=fit.ASKED,
)
LOCAL_TIME = Field(
    "TIME",
    12,
    "when it began, HH:MM:SS.mmm of this machine's time zone",
    fit=fit.ASKED,
)
