"""A recording: all columns of all events, and losses.

Lines of JSON: first ``{"tcpconnect": {...}}`` with the version, the host, the options
and the number of the schema; then events as of ``-j``; among them ``{"lost": {...}}``
with what was lost since the line before, by the names of Losses, and
``{"warning": "..."}``; last ``{"total": {...}}``. ``sources/recording.py`` reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect import __version__
from tcpconnect.batch import NO_LOSSES, Totals
from tcpconnect.machine.hostname import host_name
from tcpconnect.outputs.text import Text
from tcpconnect.recorded import SCHEMA, About

if TYPE_CHECKING:
    from tcpconnect.batch import Batch
    from tcpconnect.parsing import CommandLine
    from tcpconnect.view import Display


def about_trace(line: CommandLine) -> About:
    """Return what makes the recording of a trace: this machine."""
    host, options = host_name(), line.words
    return About(version=__version__, host=host, options=options, schema=SCHEMA)


class Recording(Text):
    """Lines of JSON in a file; the first one is ``about`` what makes it."""

    def __init__(self, target: int | str, display: Display, about: About) -> None:
        super().__init__(target, display)
        self._about = about
        self._lost = NO_LOSSES
        self._events = self._dropped = 0  # until now
        self._before = Totals(0, NO_LOSSES)  # what earlier files have

    def open(self) -> None:
        """Open the file. Raises OutputError."""
        super().open()
        from msgspec.json import Encoder

        self._encode = Encoder().encode

    def _head(self) -> bytes:
        return self._line("tcpconnect", self._about)

    def _lines(self, batch: Batch) -> bytes:
        lines = [self._line("warning", warning) for warning in batch.warnings]
        if lost := dict((batch.losses - self._lost).items()):
            lines.append(self._line("lost", lost))
            self._lost = batch.losses
        self._dropped = batch.dropped
        self._events += len(batch.events)
        return b"".join([*lines, super()._lines(batch)])

    def _end_of_file(self) -> bytes:
        made = self._events + self._dropped
        totals = Totals(made, self._lost, dropped=self._dropped)
        line = self._end(totals)
        self._before = totals
        return line

    def _end(self, totals: Totals) -> bytes:
        before = self._before
        total = {
            "events": totals.events - before.events,
            "dropped": totals.dropped - before.dropped,
            "lost": dict((totals.losses - before.losses).items()),
        }
        return self._line("total", total)

    def _line(self, key: str, value: Any) -> bytes:
        return self._encode({key: value}) + b"\n"
