"""Giving up root: a history is read as its owner, a server asked as nobody else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.output import say

if TYPE_CHECKING:
    from tcpconnect.machine.account import Account

READ_ALL = "CAP_DAC_READ_SEARCH"


def give_up_for(path: str, *, writes: bool = False) -> None:
    """Have root become who owns a history, for good: anyone may have made the file.

    Where its owner can't open it, root stays root that may only read. Who ``writes``,
    and whose owner can't, gives up nothing.
    """
    if os.geteuid():
        return
    try:
        status = os.stat(path)
    except OSError:
        return  # what opens it says why
    import difflib  # noqa: F401 (errors would import it when it may be too late)

    from tcpconnect.machine.account import ROOT, Account

    owner, kept = Account("", status.st_uid, status.st_gid), frozenset[str]()
    if not _may_open(owner, path, writes=writes):
        if writes:
            return
        owner, kept = Account("", ROOT, ROOT), frozenset({READ_ALL})
    _keep_only(kept, (owner.uid, owner.gid))


def give_up_all() -> None:
    """Have root become a user of its own, for good, before it talks to a server.

    All that only root may read has been read.
    """
    if os.geteuid():
        return
    import difflib  # noqa: F401 (as above)

    _keep_only(frozenset(), None)


def _keep_only(kept: frozenset[str], user: tuple[int, int] | None) -> None:
    from tcpconnect.machine.capabilities import keep_only

    try:
        keep_only(kept, user)
    except OSError as failure:
        reason = os.strerror(failure.errno or 0)
        say(messages.CANT_DROP_PRIVILEGES.line(reason=reason))


def _may_open(owner: Account, path: str, *, writes: bool) -> bool:
    """Whether a user may open a file, and make others beside it if it ``writes``."""
    from tcpconnect.machine.account import acting_as

    folder = os.path.dirname(os.path.abspath(path))
    try:
        with acting_as(owner):
            mode = os.O_RDWR if writes else os.O_RDONLY
            os.close(os.open(path, mode | os.O_CLOEXEC))
            needed = os.W_OK | os.X_OK if writes else os.X_OK
            return os.access(folder, needed, effective_ids=True)
    except OSError:
        return False
