"""A traced command: start it, signal it, wait for it."""

from __future__ import annotations

import errno
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from tcpconnect import messages
from tcpconnect.arguments import MAX_UID
from tcpconnect.errors import CommandError, UsageError
from tcpconnect.machine.processes import descendants, in_group
from tcpconnect.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

# Signals that Python ignores; a command starts with their defaults.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class User(NamedTuple):
    """Who called sudo."""

    uid: int
    gid: int
    name: str


class Command:
    """A process that executes the command at ``start``; its ``pid`` is known before.

    The end of the ``with`` statement waits for it; a command that was not started by
    then is never started. With ``output``, a descriptor, it prints there, and reads
    nothing.
    """

    def __init__(self, argv: Sequence[str], output: int | None = None) -> None:
        self.argv = list(argv)
        if not self.argv[0]:  # as execvp(3) does
            raise _cant_start("", errno.ENOENT)
        user = invoking_user()
        variables = variables_of(user) if user else {}  # the child must not import
        go, self._go = os.pipe()
        self._failed, failed = os.pipe()
        self._status: int | None = None
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if ignored, there is no status
        try:
            self.pid = os.fork()
        except OSError as error:
            raise _cant_start(self.argv[0], error.errno or 0) from error
        if not self.pid:
            os.close(self._go)
            if output is not None:
                _redirect(output)
            _become(self.argv, user, variables, go, failed)
        os.close(go)
        os.close(failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._go)
        os.close(self._failed)
        self.wait()

    def start(self) -> None:
        """Execute the command. Raises CommandError."""
        with suppress(BrokenPipeError):  # a signal has already ended it
            os.write(self._go, b"\0")
        failure = os.read(self._failed, 16)  # empty when the command was executed
        if failure:
            raise _cant_start(self.argv[0], int(failure))

    def is_running(self) -> bool:
        """Whether it has not ended; may be called from a signal handler."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # the handler ran just after a waitpid
                return False
            self._status = status if pid else None
        return self._status is None

    def wait(self) -> int:
        """Wait for its end; return its exit code, 128 + N when signal N ended it."""
        while self._status is None:
            try:
                _, self._status = os.waitpid(self.pid, 0)
            except ChildProcessError:
                if self._status is None:  # else is_running() came first, in a handler
                    raise
        code = os.waitstatus_to_exitcode(self._status)
        return code if code >= 0 else 128 - code

    def pass_on(self, number: int) -> None:
        """Forward a signal to it while it is running.

        A terminal sends SIGINT to its whole foreground process group, so to the
        command as well as to us, unless it is in another group. A stopped process, the
        command or a child, receives signals only when it is continued.
        """
        group = os.getpgid(self.pid)
        has_it = group == os.getpgrp() == _foreground() and not self._has_stopped()
        try:
            if number != signal.SIGINT or not has_it:
                os.kill(self.pid, number)
            self._go_on(group)
        except PermissionError as failure:
            reason = os.strerror(failure.errno or 0)
            say(messages.CANT_SIGNAL_COMMAND.line(reason=reason))

    def hang_up(self) -> None:
        """Ask it to end, as a terminal does that is closed."""
        if self.is_running():
            with suppress(OSError):
                os.kill(self.pid, signal.SIGHUP)
                os.kill(self.pid, signal.SIGCONT)

    def _go_on(self, group: int) -> None:
        """Continue it, and those of its descendants that are in its process group.

        Other processes of the group are not its own: they stay stopped.
        """
        os.kill(self.pid, signal.SIGCONT)
        for pid in descendants(in_group(group), {self.pid}):
            with suppress(OSError):  # it has ended, or belongs to another user
                os.kill(pid, signal.SIGCONT)

    def _has_stopped(self) -> bool:
        options = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None


def _redirect(output: int) -> None:
    """Have standard descriptors read nothing, and write to ``output``."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number in (1, 2):
        os.dup2(output, number)


def _cant_start(name: str, error: int) -> CommandError:
    return CommandError(messages.CANT_START_COMMAND, name, error)


def _foreground() -> int:
    """Return the foreground process group of our terminal, 0 if there is none."""
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        terminal = os.open("/dev/tty", flags)
    except OSError:
        return 0
    try:
        return os.tcgetpgrp(terminal)
    except OSError:
        return 0
    finally:
        os.close(terminal)


def _become(
    argv: list[str],
    user: User | None,
    variables: dict[str, str],
    go: int,
    failed: int,
) -> NoReturn:
    """Wait, then execute the command; a forked child must not return."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if os.read(go, 1):
            for number in IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_DFL)
            if user:
                become(user, variables)
            os.execvp(argv[0], argv)  # noqa: S606 (that is what it is for)
    except OSError as error:
        os.write(failed, str(error.errno).encode())
    finally:
        os._exit(1)


def invoking_user() -> User | None:
    """Return the user who called sudo; None without sudo, or if that was root.

    Raises UsageError when sudo's variables are invalid.
    """
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.geteuid() or uid is None:
        return None
    if not (_is_id(uid) and gid and _is_id(gid)):
        raise UsageError(messages.INVALID_SUDO, uid=uid, gid=gid)
    if not int(uid):
        return None
    return User(int(uid), int(gid), os.environ.get("SUDO_USER", ""))


def _is_id(text: str) -> bool:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_UID))
    return digits and int(text) <= MAX_UID


def become(user: User, variables: dict[str, str]) -> None:
    """Become this user for good, with these environment variables."""
    if user.name:
        os.initgroups(user.name, user.gid)
    else:
        os.setgroups([user.gid])
    os.setgid(user.gid)
    os.setuid(user.uid)
    os.environ.update(variables)


def variables_of(user: User) -> dict[str, str]:
    """Return the user's values of the variables that sudo has set to root's."""
    theirs, ours = _names(user.uid), _names(os.geteuid())
    return {
        variable: value
        for variable, value in theirs.items()
        if os.environ.get(variable) == ours.get(variable)
    }


def _names(uid: int) -> dict[str, str]:
    """Return the environment variables that sudo sets, with a user's values."""
    import pwd

    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return {}
    return {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
