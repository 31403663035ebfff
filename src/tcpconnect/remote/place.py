"""RemotePlace: what a kind of remote place must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tcpconnect.alerts.alert import Notice
    from tcpconnect.connection import Connection
    from tcpconnect.history.rows import Key, Moment, Row
    from tcpconnect.history.store import Run
    from tcpconnect.image import Place
    from tcpconnect.metrics.facts import Facts
    from tcpconnect.metrics.ledger import Page
    from tcpconnect.remote.spool import Block, Packed

    Counted = tuple[Moment, Key, Row]
    # Where containers and pods of windows are, by their names there.
    Wheres = Mapping[tuple[str, str], Place]

NONE, FAILED, ALL = "none", "failed", "all"  # events that are sent one by one
# What stands behind ? in the URL of a place.
WORDS = {"events": (NONE, FAILED, ALL), "every": ("60s", "10s")}


class RemotePlace(Protocol):
    """Makes blocks of what is to be sent, and delivers them.

    ``events`` says which attempts are sent one by one, beside the windows;
    ``with_metrics``, whether it takes metrics, too.
    """

    name: str
    events: str
    every_s: int
    with_metrics: bool

    def open(self) -> None:
        """Read and import what it needs, before privileges are dropped."""

    def windows(self, rows: Sequence[Counted], wheres: Wheres) -> Packed:
        """Return a block of rows of windows."""

    def metrics(
        self, page: Page, facts: Facts, wheres: Mapping[str, Place], now: int
    ) -> Packed | None:
        """Return a block of metrics, where these are wanted.

        ``wheres`` are the pods and containers of programs, ``now`` is in nanoseconds.
        """

    def losses(self, lost: Mapping[tuple[int, str], int]) -> Packed:
        """Return a block of what was lost, by minute and reason."""

    def runs(self, run: Run, watched: int, *, ended: bool) -> Packed | None:
        """Return a block that says until when a run has watched, or nothing."""

    def single(self, events: Sequence[Connection]) -> Packed:
        """Return a block of attempts."""

    def alert(self, notice: Notice, where: Place | None) -> Packed:
        """Return a block of an alert; its token is the ID of that.

        ``where`` is the pod or the container that is its program, if it is one.
        """

    def deliver(self, block: Block, body: bytes) -> int:
        """Send a block; return how many attempts are refused.

        Raises UndeliveredError.
        """
