"""What an answer does not rest on, in words: gaps, lost attempts, lost details."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.coverage import KILLED, OFF, STOPPED, UNKNOWN
from tcpconnect.lossreport import LIMITS, MEANING
from tcpconnect.output import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

# Why nobody was looking.
REASONS = {
    STOPPED: "recorder stopped",
    KILLED: "recorder killed",
    OFF: "machine off",
    UNKNOWN: "no recorder yet",
}
# Why attempts were lost.
LOST = {
    "ring": "the ring buffer was full",
    "waiting": "the history could not be written",
    "unsent": "the server could not be reached, or refused them",
    "slow": "its directory was written too slowly",
    "truncated": "somebody cut the file",
    "size": "deleted, as --max-size asks",
    "missed": "the kernel skipped our programs",
    "unfinished": "another CPU had not finished",
}


def losses(lost: Mapping[str, int]) -> list[str]:
    """Return why attempts were lost, and how many."""
    return [f"{LOST.get(why, why)} ({n:,})" for why, n in lost.items()]


def details(lost: Mapping[str, int]) -> list[str]:
    """Return what is not known of attempts that are counted, and how often."""
    return [
        MEANING[why].filled(n=f"{n:,}", limit=LIMITS.get(why)).sentence
        if why in MEANING
        else f"{n:,} of {harmless(why)}"  # of a newer version
        for why, n in lost.items()
    ]
