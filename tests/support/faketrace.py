"""A trace that is made up, and runs of the tool with it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tcpconnect import cli
from tcpconnect.batch import Batch, Losses
from tcpconnect.flow import Flow
from tcpconnect.formats import STRUCTS
from tcpconnect.settings import Settings
from tests.support.samples import connection, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest
    from typing_extensions import Self

    from tcpconnect.connection import Connection
    from tcpconnect.errors import Line
    from tcpconnect.formats.rows import Rows, Watcher


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY = "Tracing connect ... Hit Ctrl-C to end\n"


class FakeTrace:
    """Gives batches that were made up instead of the kernel's events."""

    def __init__(self) -> None:
        self.script: list[list[Connection]] = []
        self.losses = Losses()
        self.warnings: list[Line] = []
        self.processes_ended = False
        self.needed_capabilities = frozenset({"CAP_BPF"})
        self.kept: set[str] = set()  # capabilities
        self.settings = Settings()
        self.stopped = False
        self.rows: Rows | None = None
        self.watcher: Watcher | None = None

    def __call__(self, settings: Settings) -> Self:
        """Stand for trace()."""
        self.settings = settings
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def keep_only(self, capabilities: Iterable[str], _user: object) -> bool:
        """Stand for the function; return that the user is no other program's."""
        self.kept.update(capabilities)
        return False

    def stop_with(self, fd: int) -> None:
        """Take note of nothing."""

    def process_ends(self) -> None:
        """Leave nothing to another process."""

    def stop(self) -> None:
        """Take note of it."""
        self.stopped = True

    def make_rows(self, rows: Rows, watcher: Watcher | None) -> bool:
        """Have events be rows, unless they are counts."""
        self.watcher = watcher
        self.rows = None if self.settings.count else rows
        return self.rows is not None

    def batches(self) -> Iterator[Batch]:
        """Yield what was made up."""
        yield Batch([], Losses(), self.warnings, 0)
        for events in self.script:
            shown = [] if self.settings.count else events
            if self.watcher:
                self.watcher.count(self.watcher.maker(STRUCTS)(shown))
            rows = self.rows.of_structs(shown) if self.rows else shown
            yield Batch(rows, self.losses, [], 0)
        if self.settings.count:
            yield Batch([whole(Flow)] * 3, self.losses, [], 0)

    def histogram(self) -> list[int]:
        """Return one value in the first slot."""
        return [1, *[0] * 63]


def run(capfd: pytest.CaptureFixture[str], line: str) -> tuple[list[str], str]:
    """Run the tool; return the lines of stdout, and stderr."""
    assert cli.main(line.split()) == 0
    said = capfd.readouterr()
    return said.out.splitlines(), said.err


def batches_of(*sizes: int) -> list[list[Connection]]:
    """Return batches of attempts whose ports count from 1."""
    ports = iter(range(1, 1000))
    return [[connection(dport=next(ports)) for _ in range(size)] for size in sizes]
