"""The screen: an app of Textual's with one widget, which draws lines."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events, scrollbar
from textual.app import App, ComposeResult
from textual.drivers import linux_driver
from textual.layouts import factory, horizontal, stream
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

from tcpconnect.live import frame
from tcpconnect.live.stream import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tcpconnect.live.board import Board

READ_BYTES = 1 << 20
PATIENCE_S = 3  # then SIGALRM: Textual waits for ever for a terminal that was closed
OUTPUT_S = 0.1  # at most so often is shown what a command prints
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# Imported before privileges go, since Textual and Rich import them late: the last one
# is the table of characters' widths.
EARLY = linux_driver, Pilot, factory, horizontal, scrollbar, stream, cell_len("…")

COLORS = {
    frame.PLAIN: Style(),
    frame.TITLE: Style(bold=True),
    frame.HEADER: Style(bold=True, underline=True),
    frame.BAD: Style(color="red"),
    frame.DIM: Style(dim=True),
    frame.SELECTED: Style(reverse=True),
}


class Lines(Widget):
    """Draws the lines of a board."""

    DEFAULT_CSS = "Lines { width: 1fr; height: 1fr; background: ansi_default; }"

    def __init__(self, board: Board, *, colored: bool) -> None:
        super().__init__()
        self._board = board
        self._styles = dict(COLORS)
        if not colored:
            self._styles[frame.BAD] = Style(bold=True)

    def on_resize(self, event: events.Resize) -> None:
        """Have another size."""
        self._board.resize(event.size.width, event.size.height)

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen."""
        line = self._board.line(y)
        styles = self._styles
        return Strip([Segment(text, styles[tone]) for text, tone in line])


class Screen(App[bool]):
    """Reads the tracer's pipe and the keys; False when it has lost the tracer."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { background: ansi_default; }"
    BINDINGS: ClassVar = []

    def __init__(
        self,
        board: Board,
        pipe: int,
        others: Mapping[int, Callable[[bytes], None]],
        *,
        colored: bool,
    ) -> None:
        """``others`` are further descriptors, with what takes what comes there."""
        self._colored = colored
        os.environ.pop("NO_COLOR", None)  # Textual must not decide again
        super().__init__(ansi_color=True)
        self._board = board
        self._pipe = pipe
        self._others = others
        self._reader = Reader()
        self._failure: Exception | None = None
        self._over = False
        self._drawing: asyncio.TimerHandle | None = None  # output that has come

    def compose(self) -> ComposeResult:
        """Have one widget."""
        self._lines = Lines(self._board, colored=self._colored)
        yield self._lines

    def on_mount(self) -> None:
        """Begin to read."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._quit)
        loop.add_signal_handler(signal.SIGCONT, self._continue)
        loop.set_exception_handler(self._take_failure)
        loop.add_reader(self._pipe, self._take)
        for fd in self._others:
            loop.add_reader(fd, self._take_other, fd)
        self.set_interval(1.0, self._turn)

    def _quit(self) -> None:
        self._end(result=True)

    def _continue(self) -> None:
        """Draw all again: a shell has had the terminal meanwhile.

        Textual alone would have two threads read keys then, and also begin again after
        the end, of which a terminal that is closed tells by SIGHUP and SIGCONT.
        """
        if self._driver and not self._over:
            self._driver.suspend_application_mode()
            self._driver.resume_application_mode()
            self.refresh(layout=True)

    def _end(self, *, result: bool) -> None:
        self._over = True
        signal.alarm(PATIENCE_S)
        self.exit(result=result)

    def run_to_end(self) -> bool:
        """Show it until it ends; return False if the tracer was lost.

        Raises what was raised on the way.
        """
        result = self.run(mouse=False)
        signal.alarm(0)
        if self._failure:
            raise self._failure
        return bool(result)

    def _take_failure(self, _: object, context: dict[str, Any]) -> None:
        """Take what is raised in what the loop calls: asyncio would only log it."""
        if isinstance(error := context.get("exception"), Exception):
            self._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        """End, for run_to_end() to raise it; Textual would print a long report."""
        self._failure = self._failure or error
        self._return_code = 1
        self._over = True
        signal.alarm(PATIENCE_S)
        self._close_messages_no_wait()

    def _turn(self) -> None:
        self._board.turn(time.time())
        self._lines.refresh()

    def _take(self) -> None:
        data = os.read(self._pipe, READ_BYTES)
        if not data:
            asyncio.get_running_loop().remove_reader(self._pipe)
            if not self._board.ended:
                self._end(result=False)
            return
        changed = False
        for message in self._reader.messages(data):
            changed |= self._board.take(message)
        if changed:
            self._lines.refresh()

    def _take_other(self, fd: int) -> None:
        data = os.read(fd, READ_BYTES)
        loop = asyncio.get_running_loop()
        if not data:
            loop.remove_reader(fd)
            return
        self._others[fd](data)
        if self._board.shows_output and not self._drawing:
            self._drawing = loop.call_later(OUTPUT_S, self._draw_output)

    def _draw_output(self) -> None:
        self._drawing = None
        self._board.turn(time.time())
        self._lines.refresh()

    async def on_event(self, event: events.Event) -> None:
        """Take keys before Textual makes something else of them."""
        if isinstance(event, events.Key):
            self._press(event)
        else:
            await super().on_event(event)

    def _press(self, event: events.Key) -> None:
        self._board.press(event.key, event.character)
        if self._board.keys.over:
            self._quit()
            return
        self._lines.refresh()
