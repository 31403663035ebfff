"""What some outputs can do besides: those that look for it ask with isinstance()."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tcpconnect.alerts.tally import Tally
    from tcpconnect.batch import Output
    from tcpconnect.formats.rows import Rows


@runtime_checkable
class TakesRows(Protocol):
    """An output whose batches may have rows of its format instead of Connections."""

    @property
    def rows(self) -> Rows | None:
        """The format, if it makes rows in two steps."""

    def take_rows(self) -> None:
        """Take rows from now on."""


@runtime_checkable
class Reopens(Protocol):
    """An output that may have files, which may be moved while they are written."""

    @property
    def has_file(self) -> bool:
        """Whether it has one."""

    def reopen(self) -> None:
        """Have it opened again soon, if it was moved; a signal handler may call it."""


@runtime_checkable
class Flushes(Protocol):
    """An output that has windows, which are written when they are over, or before."""

    def flush(self) -> None:
        """Have all that is there written soon; a signal handler may call it."""


@runtime_checkable
class Spools(Protocol):
    """An output that keeps what it takes until it was sent somewhere."""

    @property
    def unsent(self) -> Mapping[str, int]:
        """How many attempts it took and dropped, by place; any thread may ask."""


@runtime_checkable
class Counts(Protocol):
    """An output that says what others drop."""

    def count_others(self, others: Iterable[Output], tally: Tally | None) -> None:
        """Count these, and what alerts have found."""
