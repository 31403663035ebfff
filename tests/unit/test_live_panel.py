"""What is shown instead of rows, and what a command has printed."""

from __future__ import annotations

from tcpconnect.live.panel import HELP, OUTPUT, Panel
from tcpconnect.live.tail import Tail


def panel_of(kept: Tail) -> Panel:
    """Return a panel of three lines that shows this output."""
    panel = Panel()
    panel.height = 3
    panel.toggle(OUTPUT)
    shown(panel, kept)
    return panel


def shown(panel: Panel, kept: Tail) -> str:
    """Return the lines that it shows."""
    return " ".join(panel.shown(kept.lines(), kept.gone))


def numbers(begin: int, end: int) -> bytes:
    """Return a line for each number."""
    return b"".join(b"%d\n" % n for n in range(begin, end))


def test_the_end_is_followed() -> None:
    """New lines come at the end, until one scrolls up, and again at the end."""
    kept = Tail()
    kept.add(numbers(0, 5))
    panel = panel_of(kept)
    assert shown(panel, kept) == "2 3 4"
    kept.add(numbers(5, 7))
    assert shown(panel, kept) == "4 5 6"
    panel.move(-2)
    kept.add(numbers(7, 9))
    assert shown(panel, kept) == "2 3 4"
    assert panel.place() == "lines 3-5 of 9"
    panel.move(1 << 30)
    kept.add(numbers(9, 10))
    assert shown(panel, kept) == "7 8 9"


def test_lines_that_go() -> None:
    """Those that are shown stay where they are, as long as they are there."""
    kept = Tail(20)
    kept.add(numbers(0, 10))
    panel = panel_of(kept)
    panel.move(-2)
    assert shown(panel, kept) == "5 6 7"
    kept.add(numbers(0, 4))
    assert shown(panel, kept) == "5 6 7"
    kept.add(numbers(4, 9))
    assert shown(panel, kept) == "9 0 1"
    panel.move(-1)
    assert shown(panel, kept) == "9 0 1"


def test_little_output() -> None:
    """Where all fits, nothing scrolls, and no place is named."""
    kept = Tail()
    kept.add(b"a\r\nb")
    panel = panel_of(kept)
    panel.move(-1)
    panel.move(1)
    assert (shown(panel, kept), panel.place()) == ("a b", "")
    kept.add(b"c\n")
    assert shown(panel, kept) == "a bc"


def test_other_panels_show_their_beginning() -> None:
    """Help begins at its first line."""
    panel = Panel()
    panel.height = 2
    panel.toggle(HELP)
    assert panel.shown(["a", "b", "c"]) == ["a", "b"]
    panel.move(5)
    assert panel.shown(["a", "b", "c"]) == ["b", "c"]
    panel.toggle(HELP)
    assert panel.name == ""
