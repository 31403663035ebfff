"""DNS answers: packets that BPF programs send to us."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.batch import Losses, Part
from tcpconnect.bpf.object import BpfObject
from tcpconnect.bpf.step import step
from tcpconnect.kernel.records import Progress
from tcpconnect.machine import cgroup
from tcpconnect.machine.capabilities import ALMIGHTY

if TYPE_CHECKING:
    import ctypes

MAX_WAITS = 65536  # names that processes are waiting for
# Questions first: otherwise the first answers would have no question.
ANSWER_PROGRAMS = ("question", "answer")


class Answers(Part):
    """DNS answers to any socket of the cgroup v2 hierarchy that asked for them."""

    def __init__(self, library: ctypes.CDLL, ring_fd: int) -> None:
        super().__init__()
        self._bpf = BpfObject(library, "answers")
        with self._bpf.closed_on_failure():
            self._bpf.replace("ring", ring_fd)
            self._bpf.resize("waits", MAX_WAITS)
            self._bpf.load("CAP_NET_ADMIN")  # for programs that read addresses
            self._progress = Progress.from_buffer(self._bpf.variables())
            # If it is not mounted, it is mounted privately.
            with step(messages.CANT_OPEN_CGROUPS, ALMIGHTY):
                root = cgroup.open_root()
            try:
                for program in ANSWER_PROGRAMS:
                    self._bpf.attach_cgroup(program, root)
            finally:
                os.close(root)

    @property
    def losses(self) -> Losses:
        """Answers that did not fit, and questions that made room for others."""
        progress = self._progress
        return Losses(names=progress.lost_names, questions=progress.pushed_out)

    def close(self) -> None:
        """Detach and unload."""
        self._bpf.close()
