"""The terminal: lent to the screen, and given back."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tcpconnect import top_messages
from tcpconnect.command import become, invoking_user
from tcpconnect.errors import UsageError
from tcpconnect.machine.capabilities import keep_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    Modes = list[Any]  # as of termios

STANDARD = (0, 1, 2)
# What Textual has set, and its end: of keys, focus, paste, wrapping and sizes; then
# the cursor, its colors and the screen that was there before.
BACK = b"\x1b[<u\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1049l"


def open_tty() -> int:
    """Return a descriptor of the terminal. Raises UsageError."""
    if os.environ.get("TERM") == "dumb":
        raise missing("TERM is dumb")
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise missing(os.strerror(error.errno or 0)) from error


def missing(reason: str) -> UsageError:
    """Return the error; ssh gives a command a terminal, and SSH_TTY, with -t only."""
    message = top_messages.NO_TERMINAL
    if "SSH_CONNECTION" in os.environ and "SSH_TTY" not in os.environ:
        message = top_messages.NO_TERMINAL_BY_SSH
    return UsageError(message, reason=reason)


def modes(tty: int) -> Modes:
    """Return the modes of a terminal."""
    return termios.tcgetattr(tty)


def restore(tty: int, before: Modes) -> None:
    """Give a terminal back that a killed screen has left.

    If a shell has taken the foreground, it has set the modes that it wants.
    """
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # we may be in the background
    with suppress(OSError, termios.error):
        if os.tcgetpgrp(tty) == os.getpgrp():
            termios.tcsetattr(tty, termios.TCSANOW, before)
        os.write(tty, BACK)


@contextmanager
def restored_after_errors(tty: int, before: Modes) -> Iterator[None]:
    """Give the terminal back where the body, which draws on it, raises."""
    try:
        yield
    except BaseException:
        restore(tty, before)
        raise


@contextmanager
def lent(tty: int) -> Iterator[None]:
    """Run the body with the terminal as the standard descriptors, as Textual wants."""
    before = [os.dup(fd) for fd in STANDARD]
    streams = sys.__stdin__, sys.__stdout__, sys.__stderr__
    for fd in STANDARD:
        os.dup2(tty, fd)
    _open_streams()
    try:
        yield
    finally:
        for fd, old in zip(STANDARD, before, strict=True):
            os.dup2(old, fd)
            os.close(old)
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]


def _open_streams() -> None:
    """Open what Textual reads and writes; a name it can't write must not end it."""
    how: dict[str, Any] = {"errors": "backslashreplace", "closefd": False}
    sys.__stdin__ = open(0, **how)  # type: ignore[misc] # noqa: SIM115 (it stays open)
    sys.__stdout__ = open(1, "w", **how)  # type: ignore[misc] # noqa: SIM115
    sys.__stderr__ = open(2, "w", **how)  # type: ignore[misc] # noqa: SIM115
    os.environ.pop("COLUMNS", None)  # they would hide that it is resized
    os.environ.pop("LINES", None)


def give_up_rights() -> str:
    """Become the user who called sudo, and drop all capabilities.

    Root without sudo becomes a user that no other process has. Returns why not, or "".
    Raises UsageError when sudo's variables are invalid.
    """
    if user := invoking_user():
        become(user, {})
    try:
        keep_only(())
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""


def wait_for(pipe: int) -> bool:
    """Wait for the first byte; return whether it has come, and not the end."""
    ready = select.poll()
    ready.register(pipe, select.POLLIN)
    return any(what & select.POLLIN for _, what in ready.poll())


def read_nothing(fd: int) -> None:
    """Have a descriptor read nothing."""
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, fd)
    os.close(nothing)
