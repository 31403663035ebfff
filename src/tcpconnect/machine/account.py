"""Whom a recorder that root started becomes: a user who may write its files."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "tcpconnect"
ROOT = 0
STATE = "/var/lib/tcpconnect"  # what root keeps
DIRECTORY_MODE = 0o750  # a group may read
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Account(NamedTuple):
    """A user, and the group of its files."""

    name: str
    uid: int
    gid: int


def account_for(directory: str) -> Account | None:
    """Return whom root becomes to write in a directory; None if we are not root.

    It is the user tcpconnect, if that may write there, else the directory's owner.
    """
    if os.geteuid():
        return None
    ours = named(USER)
    try:
        status = os.stat(directory)
    except OSError:  # opening a file there says why
        return ours
    if ours and _may_write(ours, status):
        return ours
    return _owner(status)


def named(name: str) -> Account | None:
    """Return the account of a name."""
    import pwd

    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, found.pw_uid, found.pw_gid)


def make_directory(path: str) -> None:
    """Make a directory for histories; root gives it to the user tcpconnect, if any.

    So it does with the files that root has written there before there was that user.
    Raises OSError.
    """
    with suppress(FileExistsError):
        os.mkdir(path, DIRECTORY_MODE)
    ours = None if os.geteuid() else named(USER)
    status = os.stat(path)
    if not ours or status.st_uid != ROOT:
        return
    if not status.st_mode & WRITABLE_BY_OTHERS:
        with os.scandir(path) as files:
            for file in files:
                _give(file, ours)
    os.chown(path, ours.uid, ours.gid)  # last: until now nobody else could put links


def _give(file: os.DirEntry[str], account: Account) -> None:
    """Give a file of root's to an account, unless it may be one from elsewhere."""
    status = file.stat(follow_symlinks=False)
    if file.is_file(follow_symlinks=False) and status.st_nlink == 1:
        os.chown(file.path, account.uid, account.gid, follow_symlinks=False)


def state_directory() -> str:
    """Return where this user's state is; root's is not what its environment says.

    A service of another user has STATE_DIRECTORY, which may be several.
    """
    if not os.geteuid():
        return STATE
    if ours := os.environ.get("STATE_DIRECTORY"):
        return ours.partition(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(home, USER)


def _may_write(account: Account, status: os.stat_result) -> bool:
    if account.uid == status.st_uid:
        return bool(status.st_mode & stat.S_IWUSR)
    if account.gid == status.st_gid:
        return bool(status.st_mode & stat.S_IWGRP)
    return bool(status.st_mode & stat.S_IWOTH)


def _owner(status: os.stat_result) -> Account:
    import pwd

    try:
        owner = pwd.getpwuid(status.st_uid)
    except KeyError:
        return Account(str(status.st_uid), status.st_uid, status.st_gid)
    return Account(owner.pw_name, owner.pw_uid, owner.pw_gid)


@contextmanager
def acting_as(account: Account | None) -> Iterator[None]:
    """Run the body with the rights of an account, if that is another user.

    Raises OSError where changing users is refused.
    """
    if account is None or account.uid == ROOT:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    try:
        os.setgroups(())
        os.setegid(account.gid)
        os.seteuid(account.uid)
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(gid)
        os.setgroups(groups)
