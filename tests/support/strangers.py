"""Processes whose new namespace gets the number of one that is gone."""

from __future__ import annotations

import os
import resource
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tcpconnect.machine.release import kernel_version
from tests.support.network import set_lo_up
from tests.support.system import CLONE_NEWNET, CLONE_NEWUTS, checked, libc
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

# Before Linux 5.12 network namespaces have no number of their own: the tool holds them.
HELD = kernel_version() < (5, 12)
UTS = "/proc/thread-self/ns/uts"  # the kind that takes the least time to make
OTHERS = 400


def new_uts() -> tuple[int, int]:
    """Enter a new UTS namespace; return its number and a descriptor that keeps it."""
    checked(libc.unshare(CLONE_NEWUTS))
    fd = os.open(UTS, os.O_RDONLY)
    return os.fstat(fd).st_ino, fd


@contextmanager
def numbers_below() -> Iterator[None]:
    """Take lower numbers than what the body makes gets, and give them back after it.

    Namespaces of all kinds, and the files in /proc of each network namespace, have
    their numbers from one set. What else runs on this machine takes the lowest that
    are free: these, not the one that the test waits for.
    """
    home = os.open(UTS, os.O_RDONLY)
    with ExitStack() as stack:
        stack.callback(os.close, home)
        for _ in range(OTHERS):
            stack.callback(os.close, new_uts()[1])
        checked(libc.setns(home, CLONE_NEWUTS))
        yield


class Stranger:
    """What a child does that enters a new namespace of a number that was another's."""

    def __init__(self, kind: str, flag: int, inode: int) -> None:
        self._path = f"/proc/self/ns/{kind}"
        self._flag = flag
        self._inode = inode

    def enter(self) -> None:
        """Enter it; where the tool holds the other one, any that is new."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        home = os.open(UTS, os.O_RDONLY)
        if self._flag == CLONE_NEWNET and HELD:
            assert not self._is_next(home)
            checked(libc.unshare(self._flag))
        else:
            wait_until(lambda: self._has_number(home), "the number that was another's")
        if self._flag == CLONE_NEWNET:
            with socket.socket() as any_socket:
                set_lo_up(any_socket)

    def _has_number(self, home: int) -> bool:
        if not self._is_next(home):  # it is not free yet
            return False
        checked(libc.unshare(self._flag))
        return os.stat(self._path).st_ino == self._inode

    def _is_next(self, home: int) -> bool:
        """Take all numbers below it; return whether it is the lowest free one then."""
        while True:
            number, fd = new_uts()
            if number >= self._inode:
                break  # the others stay open until this process ends
        os.close(fd)
        checked(libc.setns(home, CLONE_NEWUTS))
        return number == self._inode
