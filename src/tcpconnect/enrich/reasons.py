"""Why attempts failed, and how many SYNs they took, from what the kernel has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.decode import Added, addresses, results
from tcpconnect.kernel.records import (
    CONNECTION,
    OK,
    SEEN_ANSWER,
    SEEN_ICMP,
    Members,
)
from tcpconnect.memo import Memo
from tcpconnect.why import Evidence, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.bpf.ring import Run

MAX_WORDS = 4096  # that are kept
_VALUES = {"why": "reason[0]", "why_from": "reason[1]", "syns": "reason[2]"}
_WITHOUT_EVIDENCE = Members(["daddr", "result", "refused_by"])
_WITH_EVIDENCE = Members(["result", "icmp_from", "drop", "syns", "seen"])

Reason = tuple[str | None, str | None, int | None]


def _refusal(known: tuple[bytes, int, int]) -> Reason:
    """Return the reason where there is no evidence: nothing was SYN_SENT."""
    daddr, result, refused_by = known
    if not refused_by:
        return None, None, None
    return why(Evidence(results[result], addresses[daddr], refused_by)), None, 0


class Reasons:
    """Adds ``why``, ``why_from`` and ``syns``.

    ``drops`` are the names of the reasons for which this kernel drops packets.
    """

    kinds = ()

    def __init__(self, drops: Mapping[int, str]) -> None:
        self._drops = drops
        self._words = Memo(self._word, MAX_WORDS)
        self._refusals = Memo(_refusal, MAX_WORDS)
        self.added = Added(_VALUES, name="reason", find=self.find)

    def learn(self, run: Run) -> None:
        """Learn nothing: attempts have all of it."""

    def _word(self, shown: tuple[int, int, int]) -> str | None:
        result, seen, drop = shown
        return why(
            Evidence(
                results[result],
                answered=bool(seen & SEEN_ANSWER),
                icmp=bool(seen & SEEN_ICMP),
                drop=self._drops.get(drop, str(drop)) if drop else "",
            )
        )

    def find(self, run: Run) -> list[Reason]:
        """Return ``why``, ``why_from`` and ``syns`` of attempts."""
        if run.length == CONNECTION.length:
            return [self._refusals[known] for known in _WITHOUT_EVIDENCE.of(run)]
        words = self._words
        return [
            (None, None, syns)
            if result == OK
            else (
                words[result, seen, drop],
                addresses[icmp_from] if seen & SEEN_ICMP else None,
                syns,
            )
            for result, icmp_from, drop, syns, seen in _WITH_EVIDENCE.of(run)
        ]
