"""Board: the lines of the screen, whatever draws them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect.live import frame
from tcpconnect.live.cells import fit
from tcpconnect.live.kept import Kept
from tcpconnect.live.keys import HELP, Keys
from tcpconnect.live.same import command, wrapped
from tcpconnect.live.state import State
from tcpconnect.live.stream import Begin, End, Tick
from tcpconnect.output import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.live.frame import Line
    from tcpconnect.live.model import Model
    from tcpconnect.live.stream import Message

SILENT_S = 3.0
FOOT = "q quit  ? help  Tab view  Enter attempts  / filter  s sort  p pause"
ROWS_FROM = frame.HEAD_LINES + 1


class Board:
    """What the screen shows, line by line; what keys and messages change.

    ``words`` are those of the trace, None without one; ``printed`` is what its command
    prints.
    """

    def __init__(
        self,
        model: Model,
        words: Sequence[str] | None = (),
        printed: Kept | None = None,
    ) -> None:
        self.model = model
        self.state = State(model)
        self.keys = Keys(self.state)
        self.ended = False
        self._words = words
        self._printed = printed or Kept()
        self._width, self._height = 80, 24
        self._now = time.time()
        self._heard = self._now
        self._head: list[Line] = []

    def resize(self, width: int, height: int) -> None:
        """Have another size."""
        self._width, self._height = width, height
        self.state.height = max(1, height - ROWS_FROM - 1)
        self.state.scroll()
        self._head = []

    def take(self, message: Message) -> bool:
        """Take a message; return whether it changes what is shown."""
        self._head = []
        if isinstance(message, Begin):
            self.model.begin(message)
        elif isinstance(message, End):
            self.ended = True
        elif isinstance(message, Tick):
            self._heard = self._now = time.time()
            if not self.model.take(message) or self.state.paused:
                return False
            self.state.update()
        return True

    def press(self, key: str, character: str | None) -> None:
        """Do what a key does."""
        self.keys.press(key, character)
        self._head = []

    def turn(self, now: float) -> None:
        """Note that time has passed."""
        self._now = now
        self._head = []

    def line(self, y: int) -> Line:
        """Return a line of the screen, of its width."""
        if y == self._height - 1:
            return self._foot()
        if y < frame.HEAD_LINES:
            self._head = self._head or self._make_head()
            return self._head[y]
        if self.keys.panel:
            return self._panel_line(y - frame.HEAD_LINES)
        if y == frame.HEAD_LINES:
            return frame.column_heads(self.state, self._width)
        at = self.state.top + y - ROWS_FROM
        if at >= len(self.state.rows):
            return [(" " * self._width, frame.PLAIN)]
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
        lines = self._panel()
        room = max(1, self._height - ROWS_FROM)
        self.keys.offset = max(0, min(self.keys.offset, len(lines) - room))
        at = self.keys.offset + y
        text = harmless(lines[at]) if at < len(lines) else ""
        return [(fit(f" {text}", self._width), frame.PLAIN)]

    def _panel(self) -> list[str]:
        if self.keys.panel == "help":
            return HELP
        if self.keys.panel == "output":
            return self._printed.lines() or ["nothing was printed"]
        if self._words is None:
            return ["a recording is not traced: no command shows the same"]
        same = command(self._words, self.state.selected)
        return ["the same, line by line:", "", *wrapped(same, self._width - 2)]

    def _foot(self) -> Line:
        if self.keys.prompt is not None:
            return [(fit(f"/{self.keys.prompt}_", self._width), frame.TITLE)]
        if self.keys.panel:
            return [(fit("Esc back", self._width), frame.DIM)]
        return [(fit(FOOT, self._width), frame.DIM)]
