"""What some outputs can do besides, and who can: by the name of what they have for it.

(isinstance() with a protocol imports inspect, from Python 3.12 on, which takes longer
than anything else at the start.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from typing_extensions import TypeIs

    from tcpconnect.alerts.tally import Tally
    from tcpconnect.batch import Output
    from tcpconnect.formats.rows import Rows

    class TakesRows(Protocol):
        """An output whose batches may have rows of its format, not Connections."""

        @property
        def rows(self) -> Rows | None:
            """The format, if it makes rows in two steps."""

        def take_rows(self) -> None:
            """Take rows from now on."""

    class Reopens(Protocol):
        """An output that may have files, which may be moved while they are written."""

        @property
        def has_file(self) -> bool:
            """Whether it has one."""

        def reopen(self) -> None:
            """Have it opened again soon, if it was moved; signal handlers may call."""

    class Flushes(Protocol):
        """An output that has windows, written when they are over, or before."""

        def flush(self) -> None:
            """Have all that is there written soon; a signal handler may call it."""

    class Spools(Protocol):
        """An output that keeps what it takes until it was sent somewhere."""

        @property
        def unsent(self) -> Mapping[str, int]:
            """How many attempts it took and dropped, by place; any thread may ask."""

    class Counts(Protocol):
        """An output that says what others drop."""

        def count_others(self, others: Iterable[Output], tally: Tally | None) -> None:
            """Count these, and what alerts have found."""


def takes_rows(output: object) -> TypeIs[TakesRows]:
    """Whether it does."""
    return hasattr(output, "take_rows")


def reopens(output: object) -> TypeIs[Reopens]:
    """Whether it does."""
    return hasattr(output, "reopen")


def flushes(output: object) -> TypeIs[Flushes]:
    """Whether it does."""
    return hasattr(output, "flush")


def spools(output: object) -> TypeIs[Spools]:
    """Whether it does."""
    return hasattr(output, "unsent")


def counts(output: object) -> TypeIs[Counts]:
    """Whether it does."""
    return hasattr(output, "count_others")
