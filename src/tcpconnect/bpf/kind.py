"""Kind: a kind of records on the ring."""

from __future__ import annotations

from struct import Struct as Layout
from typing import TYPE_CHECKING, Any

from tcpconnect.bpf.ring import HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.ring import Run


class Kind:
    """A kind of records on the ring: a struct of C and its layout.

    ``members`` are in the notation of the struct module.
    """

    def __init__(self, struct: str, members: str) -> None:
        self.struct = struct
        self.layout = Layout(f"<{members}")
        self.length = self.layout.size
        self._framed = Layout(f"<{HEADER_BYTES}x{members}")

    def unpack(self, run: Run) -> Iterator[tuple[Any, ...]]:
        """Return the members of each record of a run."""
        return self._framed.iter_unpack(run.framed)
