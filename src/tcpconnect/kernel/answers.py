"""DNS answers: packets that BPF programs send to us."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.batch import Losses, Part, lost
from tcpconnect.bpf.object import BpfObject
from tcpconnect.bpf.step import step
from tcpconnect.kernel.records import Progress
from tcpconnect.machine import cgroup
from tcpconnect.machine.capabilities import ALMIGHTY

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    from tcpconnect.bpf.kernel_types import KernelTypes

    Share = Callable[[BpfObject], None]

MAX_WAITS = 65536  # names that processes are waiting for
# Questions first: otherwise the first answers would have no question.
ANSWER_PROGRAMS = ("question", "answer")


class Answers(Part):
    """DNS answers to any socket of the cgroup v2 hierarchy that asked for them.

    ``share`` gives the ring, and the filters, to the programs; ``lookups``: questions
    are sent, too, so that those without an answer are known; ``images_fd`` is the map
    of the images of processes, if those are wanted; ``calls_fd`` that of getaddrinfo()
    calls, which tells whose questions are theirs, None without any.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        share: Share,
        types: KernelTypes | None = None,
        *,
        lookups: bool = False,
        images_fd: int | None = None,
        calls_fd: int | None = None,
    ) -> None:
        super().__init__()
        name = "answers_failed" if lookups else "answers"
        self._bpf = BpfObject(library, name, types)
        with self._bpf.closed_on_failure():
            share(self._bpf)
            if lookups and images_fd is None:
                self._bpf.leave_out_maps("images", "scratches")
            elif images_fd is not None:
                self._bpf.replace("images", images_fd)
            if calls_fd is not None:
                self._bpf.replace("calls", calls_fd)
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

    def attached(self) -> None:
        """Give back the copy of the object."""
        self._bpf.forget()

    @property
    def losses(self) -> Losses:
        """Answers that did not fit, and questions that made room for others."""
        progress = self._progress
        return lost(
            names=progress.lost_names,
            questions=progress.pushed_out,
            processes=progress.lost_processes,
        )

    def close(self) -> None:
        """Detach and unload."""
        self._bpf.close()
