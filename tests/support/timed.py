"""A recorder whose clock the test sets, and what it says."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from tcpconnect.batch import NO_LOSSES, Batch, Losses, Totals
from tcpconnect.errors import TcpconnectError
from tcpconnect.history.coverage import Coverage, coverage
from tcpconnect.history.file import open_for_reading
from tcpconnect.outputs.sqlite import Sqlite
from tests.support.histories import NOON
from tests.support.samples import connection
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tcpconnect.history.terms import Terms


class Recorder:
    """The output, with a clock of its own; it writes when the clock moves on."""

    def __init__(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, terms: Terms | None = None
    ) -> None:
        self.path, self.now, self.passed = path, NOON, 1000.0
        self.slept = 0.0
        for name in ("monotonic", "boottime"):
            monkeypatch.setattr(
                f"tcpconnect.history.passing.{name}", getattr(self, name)
            )
        self.output = Sqlite(str(path), terms=terms)
        self.output.open()
        self.batch(0)

    def monotonic(self) -> float:
        """Return how long it was awake."""
        return self.passed

    def boottime(self) -> float:
        """Return how long it was awake or asleep."""
        return self.passed + self.slept

    def connects(self, *addresses: str) -> None:
        """Give it an attempt to each of these now."""
        events = [connection(daddr=each, result="OK", uid=0) for each in addresses]
        self.output.write(Batch(events, NO_LOSSES, [], float(self.now)))

    def batch(self, events: int, losses: Losses = NO_LOSSES) -> None:
        """Give it so many attempts now."""
        event = connection(daddr="192.0.2.1", result="OK", latency_ms=1.0, uid=0)
        self.output.write(Batch([event] * events, losses, [], float(self.now)))

    def passes(self, seconds: int = 10) -> None:
        """Let time pass."""
        self.now += seconds
        self.passed += seconds

    def close(self) -> None:
        """End it."""
        self.output.close(Totals(0, NO_LOSSES))

    def kept(self) -> int:
        """Return how many attempts are in the file."""
        (number,) = self.ask("SELECT coalesce(sum(attempts), 0) FROM windows")[0]
        return int(number)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a statement finds in the file."""
        with closing(open_for_reading(str(self.path))) as reader:
            return reader.execute(statement).fetchall()

    def has_kept(self, number: int) -> Callable[[], bool]:
        """Return a condition: the file has so many attempts."""

        def has_kept() -> bool:
            with suppress(TcpconnectError):  # it is not there yet, or has no tables
                return self.kept() == number
            return False

        return has_kept

    def covered(self, since: int, until: int) -> Coverage:
        """Return what was watched."""
        with closing(open_for_reading(str(self.path))) as reader:
            return coverage(reader, since, until)


def said_until(capfd: Any, text: str) -> str:
    """Return what is said on stderr until a text is."""
    said: list[str] = []

    def look() -> bool:
        said.append(capfd.readouterr().err)
        return text in "".join(said)

    wait_until(look, text)
    return "".join(said)
