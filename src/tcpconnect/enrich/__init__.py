"""What is added to a connection after decoding, one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Protocol

    from tcpconnect.bpf.kind import Kind
    from tcpconnect.bpf.ring import Run
    from tcpconnect.decode import Added

    class Enricher(Protocol):
        """Learns from records that are not connections, and adds to those that are.

        The ring preserves the order of records: what a connection needs is before it.
        """

        @property
        def kinds(self) -> Collection[Kind]:
            """The kinds of the records that ``learn`` takes."""

        def learn(self, run: Run) -> None:
            """Learn from a run of records."""

        @property
        def added(self) -> Added:
            """What it adds to them."""
