"""Board: the lines of the screen, whatever draws them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect.live import frame
from tcpconnect.live.cells import fit
from tcpconnect.live.keys import HELP_LINES, Keys
from tcpconnect.live.panel import HELP, OUTPUT
from tcpconnect.live.same import command, wrapped
from tcpconnect.live.stream import Begin, End, Tick
from tcpconnect.live.tail import Tail
from tcpconnect.output import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.live.frame import Line
    from tcpconnect.live.same import Source
    from tcpconnect.live.state import State
    from tcpconnect.live.stream import Message

SILENT_S = 3.0
FOOT = "q quit  ? help  Tab view  Enter attempts  / filter  s sort  p pause"
ROWS_FROM = frame.HEAD_LINES + 1


class Board:
    """What the screen shows, line by line; what keys and messages change.

    ``source`` is what it was asked for; ``printed`` is what a command prints.
    """

    def __init__(
        self,
        state: State,
        source: Source,
        printed: Tail | None = None,
    ) -> None:
        self.model, self.state = state.model, state
        self.keys = Keys(state)
        self.ended = False
        self._source = source
        self._printed = printed or Tail()
        self._width, self._height = 80, 24
        self._now = time.time()
        self._heard = self._now
        self._head: list[Line] = []
        self._panel: Sequence[str] | None = None  # its lines that are shown

    def resize(self, width: int, height: int) -> None:
        """Have another size."""
        self._width, self._height = width, height
        self.state.height = max(1, height - ROWS_FROM - 1)
        self.state.scroll()
        self.keys.panel.height = max(1, height - frame.HEAD_LINES - 1)
        self._changed()

    def _changed(self) -> None:
        self._head, self._panel = [], None

    @property
    def shows_output(self) -> bool:
        """Whether it shows what the command prints."""
        return self.keys.panel.name == OUTPUT

    def take(self, message: Message) -> bool:
        """Take a message; return whether it changes what is shown."""
        self._changed()
        if isinstance(message, Begin):
            self.model.begin(message)
        elif isinstance(message, End):
            self.ended = True
            self.model.end()
            if not self.state.paused:
                self.state.update()
        elif isinstance(message, Tick):
            self._heard = self._now = time.time()
            if not self.model.take(message) or self.state.paused:
                return False
            self.state.update()
        return True

    def press(self, key: str, character: str | None) -> None:
        """Do what a key does."""
        self.keys.press(key, character)
        self._changed()

    def turn(self, now: float) -> None:
        """Note that time has passed."""
        self._now = now
        self._changed()

    def line(self, y: int) -> Line:
        """Return a line of the screen, of its width."""
        if y == self._height - 1:
            return self._foot()
        if y < frame.HEAD_LINES:
            self._head = self._head or self._make_head()
            return self._head[y]
        if self.keys.panel.name:
            return self._panel_line(y - frame.HEAD_LINES)
        if y == frame.HEAD_LINES:
            return frame.column_heads(self.state, self._width)
        at = self.state.top + y - ROWS_FROM
        if at >= len(self.state.rows):
            ended = self.ended
            return frame.no_row(self.state, self._width, y - ROWS_FROM, ended=ended)
        here = at == self.state.at
        return frame.row(self.state, self.state.rows[at], self._width, selected=here)

    def _make_head(self) -> list[Line]:
        return frame.head(self.state, self._width, self._notes(), now=self._now)

    def _notes(self) -> list[str]:
        notes = ["paused"] * self.state.paused + ["ended"] * self.ended
        if notes:
            return notes
        silent = self._now - self._heard
        return [f"nothing for {silent:.0f} s"] if silent > SILENT_S else []

    def _panel_line(self, y: int) -> Line:
        if self._panel is None:
            begin = self._printed.gone if self.shows_output else 0
            self._panel = self.keys.panel.shown(self._panel_lines(), begin)
        text = harmless(self._panel[y]) if y < len(self._panel) else ""
        return [(fit(f" {text}", self._width), frame.PLAIN)]

    def _panel_lines(self) -> list[str]:
        if self.keys.panel.name == HELP:
            return HELP_LINES
        if self.shows_output:
            return self._printed.lines() or ["nothing was printed"]
        same = command(self._source, self.state)
        return ["the same, line by line:", "", *wrapped(same, self._width - 2)]

    def _foot(self) -> Line:
        if self.keys.prompt is not None:
            return [(fit(f"/{self.keys.prompt}_", self._width), frame.TITLE)]
        if self.keys.panel.name:
            text = f"Esc back   {self.keys.panel.place()}"
            return [(fit(text, self._width), frame.DIM)]
        return [(fit(FOOT, self._width), frame.DIM)]
