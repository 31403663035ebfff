"""Why attempts failed, and how many SYNs they took, from what the kernel has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.decode import address
from tcpconnect.kernel.records import SEEN_ANSWER, SEEN_ICMP
from tcpconnect.memo import Memo
from tcpconnect.why import LOOKUP, Evidence, why

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tcpconnect.connection import Connection

MAX_WORDS = 4096  # that are kept


class Reasons:
    """Sets ``why``, ``why_from`` and ``syns``.

    ``drops`` are the names of the reasons for which this kernel drops packets.
    """

    def __init__(self, drops: Mapping[int, str]) -> None:
        self._drops = drops
        self._words = Memo(self._word, MAX_WORDS)

    def _word(self, shown: tuple[str | None, int, int]) -> str | None:
        result, seen, drop = shown
        return why(
            Evidence(
                result,
                answered=bool(seen & SEEN_ANSWER),
                icmp=bool(seen & SEEN_ICMP),
                drop=self._drops.get(drop, str(drop)) if drop else "",
            )
        )

    def add_to(
        self, connections: Iterable[Connection], evidence: Iterable[tuple[Any, ...]]
    ) -> None:
        """Set them for attempts that have ended, each with its ``evidence``."""
        for connection, shown in zip(connections, evidence, strict=True):
            icmp_from, drop, syns, seen = shown
            connection.syns = syns
            if connection.result == "OK":
                continue
            connection.why = self._words[connection.result, seen, drop]
            if seen & SEEN_ICMP:
                connection.why_from = address(icmp_from)

    def add_to_others(self, connections: Iterable[Connection]) -> None:
        """Set ``why`` for those without evidence: nothing was SYN_SENT."""
        for connection in connections:
            if not connection.daddr:
                connection.why = LOOKUP
            elif connection.refused_by:
                connection.why = why(
                    Evidence(connection.result, connection.daddr, connection.refused_by)
                )
                connection.syns = 0
