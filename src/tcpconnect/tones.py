"""Tones: the values that a terminal sets off, and how."""

from __future__ import annotations

from tcpconnect.why import CLOSED

# What has failed, and what deserves a second look.
BAD, ODD = "bad", "odd"
# As long as a SYN without an answer waits to be sent again (RFC 6298).
SLOW_MS = 1000


def of_result(result: str) -> str:
    """Return the tone of a result."""
    return {"OK": "", "ABORTED": ODD, "PENDING": ODD}.get(result, BAD)


def of_why(why: str) -> str:
    """Return the tone of a word of WHY."""
    return ODD if why == CLOSED else BAD


def of_syns(syns: int) -> str:
    """Return the tone of how many SYNs were sent."""
    return ODD if syns > 1 else ""


def of_latency(milliseconds: float) -> str:
    """Return the tone of a latency."""
    return ODD if milliseconds >= SLOW_MS else ""


def of_failed(failed: int) -> str:
    """Return the tone of how many have failed."""
    return BAD if failed else ""


def of_alert(kind: str) -> str:
    """Return the tone of a kind of alerts."""
    return {"new": ODD, "failing": BAD}.get(kind, "")


def of_resent(resent: int) -> str:
    """Return the tone of how many took more than one SYN."""
    return ODD if resent else ""
