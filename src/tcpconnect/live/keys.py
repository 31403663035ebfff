"""Keys: what each does to the state, and the help that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.live.panel import HELP, OUTPUT, SAME, Panel
from tcpconnect.live.state import MAX_FILTER
from tcpconnect.options.top import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tcpconnect.live.state import State

HELP_LINES = [f"{key:18}{does}" for key, does in KEYS]


class Keys:
    """What the screen does when keys are pressed.

    ``panel`` is what is shown instead of rows. ``prompt`` has the words of ``/`` while
    they are typed, else None.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.panel = Panel()
        self.prompt: str | None = None
        self.over = False
        self._actions: Mapping[str, Callable[[], None]] = {
            "tab": state.next_view,
            "shift+tab": lambda: state.next_view(-1),
            "enter": state.enter,
            "escape": state.back,
            "f": state.filter_selected,
            "s": lambda: state.sort(1),
            "S": lambda: state.sort(-1),
            "r": state.reverse,
            "+": lambda: state.change_interval(1),
            "-": lambda: state.change_interval(-1),
            "p": state.pause,
            " ": state.pause,
            "/": self._ask,
        }
        self._panels = {"?": HELP, "o": OUTPUT, "y": SAME}
        self._moves: Mapping[str, Callable[[], int]] = {
            "up": lambda: -1,
            "k": lambda: -1,
            "down": lambda: 1,
            "j": lambda: 1,
            "pageup": lambda: -state.height,
            "pagedown": lambda: state.height,
            "home": lambda: -(1 << 30),
            "end": lambda: 1 << 30,
        }

    def press(self, key: str, character: str | None) -> None:
        """Do what a key does: by its name, or by its character."""
        if key == "ctrl+c":
            self.over = True
        elif self.prompt is not None:
            self._type(key, character)
        elif "q" in {key, character}:
            self._quit()
        elif move := self._moves.get(key) or self._moves.get(character or ""):
            self._move(move())
        elif character in self._panels:
            self.panel.toggle(self._panels[character])
        elif self.panel.name:
            if key in {"escape", "enter"}:
                self.panel.close()
        elif action := self._actions.get(key) or self._actions.get(character or ""):
            action()

    def _quit(self) -> None:
        if self.panel.name:
            self.panel.close()
        else:
            self.over = True

    def _move(self, lines: int) -> None:
        if self.panel.name:
            self.panel.move(lines)
        else:
            self.state.move(lines)

    def _ask(self) -> None:
        self.prompt = self.state.words

    def _type(self, key: str, character: str | None) -> None:
        """Edit the words of the filter, which rows follow at once."""
        words = self.prompt or ""
        if key == "enter":
            self.prompt = None
        elif key == "escape":
            self.prompt = None
            self.state.filter("")
        else:
            if key == "backspace":
                words = words[:-1]
            elif key == "ctrl+u":
                words = ""
            elif character and character.isprintable():
                words += character
            self.prompt = words[:MAX_FILTER]
            self.state.filter(self.prompt)
