"""A command that is traced: started, signalled, waited for."""

from __future__ import annotations

import errno
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from tcpconnect.arguments import MAX_UID
from tcpconnect.errors import CommandError, TcpconnectError, UsageError
from tcpconnect.machine.processes import descendants, in_group
from tcpconnect.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

# What Python sets to be ignored for itself; a command starts with the defaults.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class User(NamedTuple):
    """Who called sudo."""

    uid: int
    gid: int
    name: str


class Command:
    """A process that becomes the command at ``start``; ``pid`` is known before.

    At the end of the ``with`` statement it is waited for; when it was not started, it
    never will be.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = list(argv)
        if not self.argv[0]:  # what execvp(3) says of it
            raise CommandError("", errno.ENOENT)
        user = invoking_user()
        variables = _variables(user) if user else {}  # no import in the child
        go, self._go = os.pipe()
        self._failed, failed = os.pipe()
        self._status: int | None = None
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # when ignored, no status is kept
        try:
            self.pid = os.fork()
        except OSError as error:
            raise CommandError(self.argv[0], error.errno or 0) from error
        if not self.pid:
            os.close(self._go)
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
        """Let it become the command. Raises CommandError when it can't."""
        with suppress(BrokenPipeError):  # a signal has ended it before
            os.write(self._go, b"\0")
        failure = os.read(self._failed, 16)  # nothing when it became the command
        if failure:
            raise CommandError(self.argv[0], int(failure))

    def is_running(self) -> bool:
        """Whether it has not ended; may be called from a signal handler."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # the handler came just after a waitpid
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
        """Send it a signal that we got, while it is running.

        A terminal sends SIGINT to all of its foreground process group, so to the
        command as well as to us: unless it has gone into another one. What has stopped,
        the command or its children, takes no signal until it is continued.
        """
        group = os.getpgid(self.pid)
        has_it = group == os.getpgrp() == _foreground() and not self._has_stopped()
        try:
            if number != signal.SIGINT or not has_it:
                os.kill(self.pid, number)
            self._go_on(group)
        except PermissionError as failure:
            reason = os.strerror(failure.errno or 0)
            error = TcpconnectError("can't signal the command", reason)
            say(f"tcpconnect: {error}")

    def _go_on(self, group: int) -> None:
        """Continue it, and of its descendants those that are still in its group.

        Others of the group may be none of its own, and be stopped for their reasons.
        """
        os.kill(self.pid, signal.SIGCONT)
        for pid in descendants(in_group(group), {self.pid}):
            with suppress(OSError):  # it has ended, or is another user's
                os.kill(pid, signal.SIGCONT)

    def _has_stopped(self) -> bool:
        options = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None


def _foreground() -> int:
    """Return the process group that Ctrl-C of our terminal goes to, 0 for none."""
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
    """Wait, then be the command; as the child of a fork, leave in no other way."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if os.read(go, 1):
            for number in IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_DFL)
            if user:
                _be(user, variables)
            os.execvp(argv[0], argv)  # noqa: S606 (that is what it is for)
    except OSError as error:
        os.write(failed, str(error.errno).encode())
    finally:
        os._exit(1)


def invoking_user() -> User | None:
    """Return who called sudo, None when nobody did, or root.

    Raises UsageError when sudo's variables make no sense.
    """
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.geteuid() or uid is None:
        return None
    if not (_is_id(uid) and gid and _is_id(gid)):
        reason = f"SUDO_UID={uid!r} SUDO_GID={gid!r}"
        raise UsageError("can't tell who called sudo", reason, "unset both of them")
    if not int(uid):
        return None
    return User(int(uid), int(gid), os.environ.get("SUDO_USER", ""))


def _is_id(text: str) -> bool:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_UID))
    return digits and int(text) <= MAX_UID


def _be(user: User, variables: dict[str, str]) -> None:
    """Take on a user's identity, for good, with these variables."""
    if user.name:
        os.initgroups(user.name, user.gid)
    else:
        os.setgroups([user.gid])
    os.setgid(user.gid)
    os.setuid(user.uid)
    os.environ.update(variables)


def _variables(user: User) -> dict[str, str]:
    """Return the variables that are the user's where sudo has set root's."""
    theirs, ours = _names(user.uid), _names(os.geteuid())
    return {
        variable: value
        for variable, value in theirs.items()
        if os.environ.get(variable) == ours.get(variable)
    }


def _names(uid: int) -> dict[str, str]:
    """Return the variables of a user that sudo sets to those of root."""
    import pwd

    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return {}
    return {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
