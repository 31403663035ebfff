"""A PID is used again: what is read of a process is not of the next one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tcpconnect.machine.processes import opened
from tests.support.same_pid import run_as


def test_directory_of_a_process_that_has_ended() -> None:
    """It stays that of the process that it was opened for."""
    pid = os.fork()
    if not pid:
        signal.pause()
    with opened(pid) as folder:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

        def look() -> None:
            assert Path(f"/proc/{pid}/stat").read_bytes()
            for name in ("stat", "cgroup", "ns/mnt"):
                with pytest.raises(OSError, match=r".*"):
                    os.close(os.open(name, os.O_RDONLY, dir_fd=folder))

        run_as(pid, look)
