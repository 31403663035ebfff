"""A pane of tmux's: a terminal of a size, with a shell in which a program is drawn."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.children import children
from tests.support.launch import INSTALLED
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from typing_extensions import Self

PROMPT = "prompt>"
TOP = f"{shlex.quote(str(INSTALLED))} top"


class Pane:
    """A terminal whose screen a test reads, and on which it types."""

    def __init__(self, home: Path, columns: int = 80, lines: int = 24) -> None:
        self._tmux = ["tmux", "-S", f"{home}/tmux", "-f", os.devnull]
        environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "PS1": f"{PROMPT} ",
            "SHELL": "/bin/sh",
            "TERM": "screen",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }
        size = ("-x", str(columns), "-y", str(lines))
        shell = "exec bash --noprofile --norc --noediting -i"
        self._call("new-session", "-d", *size, shell, env=environment)
        self.wait_for(PROMPT)

    def _call(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        words = [*self._tmux, *arguments]
        done = subprocess.run(
            words, check=True, capture_output=True, text=True, env=env
        )
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the terminal, if it is open."""
        words = [*self._tmux, "kill-server"]
        subprocess.run(words, check=False, stderr=subprocess.DEVNULL)

    @property
    def lines(self) -> list[str]:
        """What a person sees."""
        return self._call("capture-pane", "-p").splitlines()

    @property
    def styled(self) -> str:
        """The same, with escape sequences for colors."""
        return self._call("capture-pane", "-p", "-e")

    @property
    def is_alternate(self) -> bool:
        """Whether a program has the screen for itself."""
        return self._value("alternate_on") == "1"

    @property
    def pid(self) -> int:
        """The process of the shell."""
        return int(self._value("pane_pid"))

    @property
    def echoes(self) -> bool:
        """Whether the terminal is as a shell leaves it to programs."""
        words = ["stty", "-a", "-F", self._value("pane_tty")]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        return {"icanon", "echo", "isig", "icrnl"} <= set(told.split())

    def _value(self, name: str) -> str:
        return self._call("display-message", "-p", f"#{{{name}}}").strip()

    def wait_for(self, pattern: str) -> list[str]:
        """Return the lines of the screen, once one of them matches."""

        def found() -> list[str]:
            lines = self.lines
            return lines if any(re.search(pattern, line) for line in lines) else []

        try:
            return [*wait_until(found, pattern)]
        except AssertionError:
            raise AssertionError("\n".join([pattern, *self.lines])) from None

    def run(self, command: str) -> None:
        """Type a command."""
        self._call("send-keys", "-l", command)
        self._call("send-keys", "Enter")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._call("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        """Have another size."""
        self._call("resize-window", "-x", str(columns), "-y", str(lines))


def processes(pane: Pane) -> tuple[int, int]:
    """Return the process of the screen, and that of the tracer."""
    (screen,) = children(pane.pid)
    (tracer,) = children(screen)
    return screen, tracer


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
