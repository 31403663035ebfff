"""What is looked at: views, orders, filters, and a selection that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.live.keys import Keys
from tcpconnect.live.model import Edge, Model
from tcpconnect.live.state import VIEWS, State
from tcpconnect.live.stream import Attempt
from tests.support.folding import NOW, attempt, batch, refused, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.batch import Batch
    from tcpconnect.connection import Connection
    from tcpconnect.live.state import Item


def state_of(*batches: Batch) -> State:
    """Return the state of a screen that has ten rows, after these batches."""
    state = State(Model())
    state.height = 10
    for tick in ticks(batch([], NOW - 1), *batches):
        state.model.take(tick)
    state.update()
    return state


def later(state: State, events: Sequence[Connection], seconds: float) -> None:
    """Have the state see these attempts."""
    (tick,) = ticks(batch(events, NOW + seconds))
    state.model.take(tick)
    state.update()


def shown(state: State) -> list[str]:
    """Return what the first column has, in each row."""
    return [state.columns[0].text(item, NOW) for item in state.rows]


def ports(state: State) -> list[int]:
    """Return the port of each row."""
    return [item.port for item in state.rows]


def press(state: State, *keys: str) -> Keys:
    """Press keys, by their names or characters."""
    pressed = Keys(state)
    for key in keys:
        pressed.press(key, key if len(key) == 1 else None)
    return pressed


MANY = [
    *[attempt(dport=1)] * 5,
    attempt(dport=2),
    refused(dport=3, comm="wget"),
    *[refused(dport=4)] * 2,
]


def test_the_worst_comes_first() -> None:
    """Those that fail come first, then the busiest."""
    state = state_of(batch(MANY))
    assert ports(state) == [4, 3, 1, 2]
    press(state, "r")
    assert ports(state) == [2, 1, 3, 4]


def test_views() -> None:
    """Tab goes through the views, and begins again."""
    state = state_of(batch(MANY))
    found = []
    for _ in VIEWS:
        found.append((state.view, len(state.rows), state.columns[0].header))
        press(state, "tab")
    assert found == [
        ("edges", 4, "PROGRAM"),
        ("programs", 2, "PROGRAM"),
        ("destinations", 4, "DESTINATION"),
        ("failures", 3, "TIME"),
    ]
    assert press(state, "shift+tab").state.view == "failures"


def test_sort() -> None:
    """S goes through the columns, and back."""
    state = state_of(batch(MANY))
    press(state, "s")
    assert shown(state) == ["curl", "curl", "curl", "wget"]
    press(state, "s", "s")
    assert ports(state) == [1, 2, 3, 4]
    press(state, "s")
    assert ports(state) == [1, 4, 2, 3]  # the busiest first
    press(state, "r")
    assert ports(state)[-1] == 1
    press(state, "r", "S", "S", "S", "S")
    assert ports(state) == [4, 3, 1, 2]


def test_unknown_values_come_last() -> None:
    """Rows without a latency are behind all others, in both directions."""
    state = state_of(batch([attempt(dport=1, latency_ms=None), attempt(dport=2)]))
    press(state, *["s"] * 7)
    assert ports(state) == [2, 1]
    press(state, "r")
    assert ports(state) == [2, 1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("wget", [3]),
        ("CURL 54.245", [4, 1, 2]),
        ("rst", [4, 3]),
        ("nothing", []),
        ("", [4, 3, 1, 2]),
    ],
)
def test_filter(words: str, expected: list[int]) -> None:
    """All words must be in a row."""
    state = state_of(batch(MANY))
    press(state, "/", *words, "enter")
    assert ports(state) == expected
    press(state, "escape")
    assert ports(state) == [4, 3, 1, 2]


def test_filter_is_edited() -> None:
    """Rows follow while it is typed; Esc clears it; q is a letter in it."""
    state = state_of(batch(MANY))
    keys = press(state, "/", *"wgetq")
    assert (ports(state), keys.prompt, keys.over) == ([], "wgetq", False)
    keys.press("backspace", "\x7f")
    assert ports(state) == [3]
    keys.press("ctrl+u", "\x15")
    assert ports(state) == [4, 3, 1, 2]
    keys.press("escape", "\x1b")
    assert (keys.prompt, state.words) == (None, "")


def test_last_attempts() -> None:
    """Enter shows them, newest first; Esc goes back."""
    again = [refused(dport=4, pid=7)]
    state = state_of(batch(MANY), batch(again, NOW + 1))
    press(state, "enter")
    assert [(a.port, a.pid) for a in attempts(state.rows)] == [
        (4, 7),
        (4, 1469),
        (4, 1469),
    ]
    press(state, "escape")
    assert ports(state) == [4, 3, 1, 2]


def attempts(items: Sequence[Item], kind: type = Attempt) -> list[Any]:
    """Return rows that are attempts, or of another kind."""
    assert all(isinstance(item, kind) for item in items)
    return list(items)


def test_a_row_as_a_filter() -> None:
    """F shows what has the program and the destination of a row, in all views."""
    state = state_of(batch(MANY))
    press(state, "tab", "down", "f")
    assert (state.view, shown(state)) == ("programs", ["wget"])
    press(state, "tab")
    assert ports(state) == [3]
    press(state, "tab")
    assert len(state.rows) == 1
    press(state, "escape")
    assert len(state.rows) == 3


def test_the_selection_stays() -> None:
    """A selected row stays selected and where it is; the first place stays first."""
    events = [attempt(dport=port) for port in range(100, 130)]
    state = state_of(batch(events))
    press(state, "pagedown", "down", "down")
    selected, line = state.selected, state.at - state.top
    assert line == 9
    later(state, [refused(dport=port) for port in range(10)], 1)
    assert state.selected is selected
    assert state.at - state.top == line
    press(state, "home")
    later(state, [refused(dport=99)] * 9, 2)
    assert (state.at, state.top, state.rows[0].port) == (0, 0, 99)


def test_a_selected_row_that_goes() -> None:
    """Another one at its place is selected."""
    state = state_of(batch([attempt(dport=1), attempt(dport=2)]))
    press(state, "down")
    later(state, [attempt(dport=1)], 30)
    later(state, [], 61)
    assert (ports(state), state.at) == ([1], 0)


def test_scrolling() -> None:
    """The selected row is on the screen, whatever its height."""
    state = state_of(batch([attempt(dport=port) for port in range(1, 31)]))
    press(state, "end")
    assert (state.at, state.top) == (29, 20)
    state.height = 3
    state.scroll()
    assert (state.at, state.top) == (29, 27)
    press(state, "k", "k", "up", "pageup", "home", "up")
    assert (state.at, state.top) == (0, 0)
    press(state, "j", "down", "end", "down")
    assert state.at == 29


def test_interval() -> None:
    """Plus and minus take the next one."""
    state = state_of()
    press(state, "+", "+", "+")
    assert state.model.interval == 10
    press(state, "-", "-", "-", "-")
    assert state.model.interval == 1


def test_panels() -> None:
    """Panels open and close, and rows do not move meanwhile."""
    state = state_of(batch(MANY))
    keys = press(state, "?")
    assert keys.panel.name == "help"
    keys.press("down", None)
    assert state.at == 0
    keys.press("escape", None)
    assert keys.panel.name == ""
    for key, panel in (("o", "output"), ("y", "same")):
        assert press(state, key).panel.name == panel
        assert press(state, key, key).panel.name == ""
    keys = press(state, "?", "q")
    assert (keys.panel.name, keys.over) == ("", False)
    keys.press("q", "q")
    assert keys.over


def test_pause() -> None:
    """P and space pause: keys change what is shown of then; and go on."""
    state = state_of(batch(MANY))
    live = state.model
    press(state, "p")
    (tick,) = ticks(batch([refused(dport=9)] * 9, NOW + 1))
    live.take(tick)
    state.update()
    assert (state.paused, ports(state)) == (True, [4, 3, 1, 2])
    assert [edge.fail_rate for edge in attempts(state.rows, Edge)] == [2, 1, 0, 0]
    press(state, "tab", "+")
    assert shown(state) == ["curl", "wget"]
    press(state, " ", "shift+tab")
    assert (state.paused, ports(state)[0], live.interval) == (False, 9, 2)


def test_nothing_to_select() -> None:
    """Keys do nothing where there is no row."""
    state = state_of()
    press(state, "enter", "f", "down", "end", "s", "r", "tab", "enter", "escape", "x")
    assert (list(state.rows), state.selected) == ([], None)


def test_the_place_is_found_again() -> None:
    """Esc leaves the attempts of a row where Enter was pressed, and else nothing."""
    state = state_of(batch([attempt(dport=port) for port in range(1, 40)]))
    state.height = 10
    state.move(20)
    before, top = state.selected, state.top
    state.enter()
    assert state.at == 0
    state.back()
    assert (state.selected, state.top) == (before, top)
    state.back()
    assert (state.selected, state.top) == (before, top)
