"""Sessions of a document, and a terminal in which they are typed."""

from __future__ import annotations

import os
import pty
import re
import select
from typing import TYPE_CHECKING, NamedTuple

from tests.support.launch import INSTALLED
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Self

PROMPT = "# "
CTRL_C, ITS_ECHO = b"\x03", "^C"
SHELL = ("bash", "--noprofile", "--norc", "--noediting", "-i")
ENVIRONMENT = {
    "PATH": f"{INSTALLED.parent}:{os.environ['PATH']}",
    "PS1": PROMPT,
    "TERM": "dumb",
    "LC_ALL": "C",
}


class Step(NamedTuple):
    """A command, and the lines that come of it."""

    command: str
    lines: list[str]

    @property
    def interrupted(self) -> bool:
        """Whether it runs until Ctrl-C is pressed."""
        return self.lines[-1:] == [ITS_ECHO]


def sessions(document: Path) -> list[list[Step]]:
    """Return the steps of each session in a document."""
    pattern = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [_steps(text) for text in pattern.findall(document.read_text())]


def _steps(text: str) -> list[Step]:
    nothing, *parts = f"\n{text}".split(f"\n{PROMPT}")
    assert not nothing, "a session begins with a command"
    each = [part.splitlines() for part in parts]
    return [Step(command, lines) for command, *lines in each]


class Terminal:
    """A terminal with a shell of root, which finds the tool in its PATH."""

    def __init__(self, prepare: Callable[[], object]) -> None:
        self._pid, self._leader = pty.fork()
        if not self._pid:
            try:
                prepare()
                os.execvpe(SHELL[0], SHELL, ENVIRONMENT)  # noqa: S606 (it is one)
            finally:
                os._exit(127)
        self._seen = ""
        self._wait_until(lambda: self._seen == PROMPT, "the first prompt")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._leader)  # so that the shell hangs up on its jobs, and ends
        os.waitpid(self._pid, 0)

    def run(self, command: str) -> list[str]:
        """Type a command; return the lines printed until the next prompt."""
        self.begin(command, 0)
        return self._end()

    def begin(self, command: str, count: int) -> None:
        """Type a command; wait until so many lines have been printed."""
        self._seen = ""
        os.write(self._leader, f"{command}\n".encode())
        self.wait_for(count)

    def wait_for(self, count: int) -> None:
        """Wait until so many lines have been printed, behind that of the command."""
        self._wait_until(lambda: self._seen.count("\n") > count, f"{count} lines")

    def interrupt(self) -> list[str]:
        """Press Ctrl-C; return the lines printed until the next prompt."""
        os.write(self._leader, CTRL_C)
        return self._end()

    def _end(self) -> list[str]:
        self._wait_until(lambda: self._seen.endswith(f"\n{PROMPT}"), "a prompt")
        _, *lines = self._seen.removesuffix(PROMPT).splitlines()
        return lines

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        def read() -> bool:
            while select.select((self._leader,), (), (), 0)[0]:
                self._seen += os.read(self._leader, 65536).decode()
            return condition()

        wait_until(read, what)
