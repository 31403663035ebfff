"""The live view, driven by Textual's Pilot: what it shows, as files to be read.

``top/WIDTH.txt`` has the screens of a terminal of that width, 24 lines high, while keys
are pressed. The attempts are those of ``screens/events.jsonl``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from tcpconnect.batch import NO_LOSSES, Batch
from tcpconnect.formats.fitting import cells
from tcpconnect.live.asked import asked_by
from tcpconnect.live.board import Board
from tcpconnect.live.fold import Fold
from tcpconnect.live.model import Model
from tcpconnect.live.state import State
from tcpconnect.live.stream import Begin
from tcpconnect.sources.recording import Recording

FOLDER = Path(__file__).parent
EVENTS = FOLDER / "screens/events.jsonl"
HEIGHT = 24
NOW = 1_700_000_040.0  # a moment after the events of the recording
# What is pressed for each screen, one after the other.
KEYS = [
    [],
    ["tab"],
    ["tab"],
    ["tab"],
    ["tab", "j", "enter"],
    ["escape", "slash", "s", "s", "m", "enter"],
    ["f", "y"],
    ["y", "escape", "s", "r", "p"],
    ["question_mark"],
    ["question_mark", "o"],
    ["escape", "slash", "z", "z", "enter"],
]


@pytest.fixture(autouse=True)
def _moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the screen is a moment after that of the recording."""
    monkeypatch.setattr(time, "localtime", time.gmtime)
    monkeypatch.setattr(time, "time", lambda: NOW)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilot waits until keys are taken, and not also until the process is idle."""

    async def go_on(_: float = 0) -> None:
        await asyncio.sleep(0)

    for module in ("app", "pilot"):
        monkeypatch.setattr(f"textual.{module}.wait_for_idle", go_on)


def board() -> Board:
    """Return what is shown of the recording."""
    shown = Board(State(Model(1)), asked_by(["-P", "443"]).source)
    shown.take(Begin(host="web", options="-P 443"))
    fold = Fold()
    with EVENTS.open("rb") as file, Recording(file.fileno(), EVENTS.name) as source:
        batches = list(source.batches())
    every = [event for batch in batches for event in batch.events]
    every += [replace(event, query=None) for event in every if event.ip == 6]
    for now, events in ((NOW - 1, []), (NOW, every)):
        fold.add(Batch(events, NO_LOSSES, [], now))
        shown.take(fold.tick())
    return shown


async def screens(width: int) -> list[str]:
    """Return the screen after each of KEYS."""
    from tcpconnect.live.screen import Lines, Screen  # Textual is large

    pipe, writer = os.pipe()
    app = Screen(board(), pipe, {}, colored=True)
    made = []
    try:
        async with app.run_test(size=(width, HEIGHT)) as pilot:
            lines = app.query_one(Lines)
            for keys in KEYS:
                await pilot.press(*keys)
                await pilot.pause()
                texts = [lines.render_line(y).text for y in range(HEIGHT)]
                assert {cells(text) for text in texts} == {width}
                made.append("\n".join(text.rstrip() for text in texts))
            await pilot.press("escape", "q")
        assert app.return_value is True
    finally:
        signal.alarm(0)  # which q has set, for a terminal that is closed
        os.close(pipe)
        os.close(writer)
    return made


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_screens(width: int) -> None:
    """All keys, with IPv6, long names and wide characters."""
    parts = zip(KEYS, asyncio.run(screens(width)), strict=True)
    text = "".join(f"# {' '.join(keys)}".rstrip() + f"\n{s}\n" for keys, s in parts)
    assert text == (FOLDER / f"top/{width}.txt").read_text()
