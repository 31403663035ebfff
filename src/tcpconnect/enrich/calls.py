"""What a program asked for, and who refused it before it was SYN_SENT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.decode import UNSPECIFIED, Added

if TYPE_CHECKING:
    from tcpconnect.bpf.ring import Run

_VALUES = {
    "asked": "addresses[asked] if asked_ip else None",
    "asked_port": "asked_port if asked_ip else None",
    "refused_by": "refused_by",
    "saddr": "None if refused_by and saddr in UNSPECIFIED else addresses[saddr]",
}


class Calls:
    """Adds ``asked``, ``asked_port``, ``refused_by``; a source that is none goes."""

    kinds = ()
    added = Added(_VALUES, {"UNSPECIFIED": UNSPECIFIED})

    def learn(self, run: Run) -> None:
        """Learn nothing: attempts have all of it."""
