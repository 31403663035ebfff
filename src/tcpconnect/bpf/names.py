"""DNS answers: packets that the kernel's programs give to us."""

from __future__ import annotations

import os
from ctypes import Structure, c_uint64
from typing import TYPE_CHECKING

from tcpconnect.bpf import cgroup
from tcpconnect.bpf.capabilities import ALMIGHTY
from tcpconnect.bpf.object import BpfObject, step

if TYPE_CHECKING:
    import ctypes

MAX_QUERIES = 65536


class Progress(Structure):
    """The variable ``progress`` of answers.bpf.c and lookups.bpf.c."""

    _fields_ = (("lost", c_uint64),)


class AnswersConfig(Structure):
    """The variable ``config`` of answers.bpf.c."""

    _fields_ = (("latency", c_uint64),)


class Answers:
    """DNS answers: packets from port 53 to any socket of the cgroup v2 hierarchy."""

    later: frozenset[str] = frozenset()
    limits: tuple[str, ...] = ()

    def __init__(self, library: ctypes.CDLL, ring_fd: int, *, latency: bool) -> None:
        self._bpf = BpfObject(library, "answers")
        with self._bpf.closed_on_failure():
            self._bpf.replace("ring", ring_fd)
            self._bpf.resize("queries", MAX_QUERIES if latency else 1)
            AnswersConfig.from_address(self._bpf.constants()).latency = latency
            self._bpf.load()
            self._progress = Progress.from_buffer(self._bpf.variables())
            # Where it is not mounted, we mount it.
            with step("open the cgroup v2 hierarchy", ALMIGHTY):
                root = cgroup.open_root()
            try:
                self._bpf.attach_cgroup("answer", root)
                if latency:
                    self._bpf.attach_cgroup("query", root)
            finally:
                os.close(root)

    @property
    def lost(self) -> int:
        """How many answers did not fit the ring buffer."""
        return int(self._progress.lost)

    def close(self) -> None:
        """Detach and unload."""
        self._bpf.close()
