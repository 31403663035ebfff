"""Many C libraries with probes: what is late, and what is left at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tcpconnect.kernel import libraries, uprobes
from tcpconnect.kernel.lookups import Lookups
from tcpconnect.kernel.preflight import ready_library
from tcpconnect.machine import processes
from tests.support import launch
from tests.support.attempts import attempt
from tests.support.mapper import mapped, small_libraries
from tests.support.probes import looked, probed
from tests.support.tool import Tool
from tests.support.waiting import is_quick, wait_until

if TYPE_CHECKING:
    from tcpconnect.kernel.answers import Share

pytestmark = pytest.mark.usefixtures("known_libraries")

VANISHED, VANISHED_BY_PERF = 60, 10
# What is attached at the stop: events of perf, six a library, the kernel detaches one
# by one, and takes 30 to 130 ms for each.
ATTACHED, ATTACHED_BY_PERF = 300, 20
STOP_S, LINE_S = 2.0, 1.0


# The tool where it takes the kernel for one without uprobe_multi.
BY_PERF = """#!{python}
import errno
from tcpconnect.__main__ import main
from tcpconnect.kernel import uprobes

def refuse(*_):
    raise OSError(errno.EINVAL, "")

uprobes._multi = refuse
raise SystemExit(main())
"""


MANY = "programs map more C libraries than can be looked at in time"


@pytest.mark.parametrize(
    ("bound", "found", "reason"),
    [("MAX_LOOKS", 8, MANY), ("MAX_LIBRARIES", 4, "there are more than 4 C libraries")],
)
def test_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, found: int, reason: str
) -> None:
    """A warning says once that a limit is reached; the rest is found later."""
    paths = small_libraries(tmp_path, 8)
    with trace(ports=[7], dns=True, name_sources=["libc"]) as events:
        before, batches = probed(), events.batches()
        next(batches)
        said = len(events.warnings)
        monkeypatch.setattr(libraries, "SCAN_NS", 10**8)
        monkeypatch.setattr(libraries, "LOOKS_NS", 10**12)
        monkeypatch.setattr(libraries, bound, 4 if bound == "MAX_LOOKS" else before + 4)
        reason = reason.replace("4", f"{before + 4}")
        with mapped(paths):
            wait_until(looked(batches, before + found), "probes")
            next(batches)
    notice = f"some names from libc are missing: {reason}"
    assert [line for line in events.warnings[said:] if "missing" in line] == [notice]


@pytest.mark.usefixtures("netns", "sweep_always")
@pytest.mark.parametrize("by_perf", [False, True])
def test_lines_while_libraries_vanish(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    by_perf: bool,  # noqa: FBT001
) -> None:
    """An attempt is shown within a second, however many are released."""
    if by_perf:
        monkeypatch.setattr(uprobes, "_multi", has_no_links)
    count = VANISHED_BY_PERF if by_perf else VANISHED
    paths = small_libraries(tmp_path, count)
    with trace(
        pids=[os.getpid()], ports=[7], dns=True, name_sources=["libc"]
    ) as events:
        before, batches = probed(), events.batches()
        with mapped(paths):
            wait_until(looked(batches, before + count), "probes")
        waits = []
        while probed() > before:
            begin = time.monotonic()
            attempt("127.0.0.1", 7)
            while not next(batches).events:
                pass
            waits.append(time.monotonic() - begin)
    # Of many: where the machine stands still, some take longer.
    assert sorted(waits)[len(waits) * 9 // 10] < LINE_S


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("by_perf", [False, True])
def test_stop_with_many_libraries(
    tmp_path: Path,
    share: Share,
    monkeypatch: pytest.MonkeyPatch,
    by_perf: bool,  # noqa: FBT001
) -> None:
    """The tool ends in time, and so do its probes; what is left to do ends by itself.

    By perf, which is the only way before Linux 6.6, that takes longer.
    """
    lookups = Lookups(ready_library(), share).begun()
    multi = lookups._uprobes.multi  # noqa: SLF001
    lookups.close()
    if by_perf and not multi:
        pytest.skip("there is no other way here: that is the other case")
    at_once = multi and not by_perf
    if by_perf:
        script = tmp_path / "tcpconnect"
        script.write_text(BY_PERF.format(python=sys.executable))
        script.chmod(0o755)
        monkeypatch.setattr(launch, "TOOL", script)
    count = ATTACHED if at_once else ATTACHED_BY_PERF
    paths = small_libraries(tmp_path, count)

    def stop_s() -> float:
        with mapped(paths), Tool("-P", 7, "-d", "--names", "libc") as tool:
            pid = tool.process.pid
            wait_until(lambda: probed(pid) >= count, "probes")
            user = user_of(pid)
            began = time.monotonic()
            assert tool.stop() == 0
            took_s = time.monotonic() - began
            assert tool._pipes == {}  # noqa: SLF001 (nobody has the other ends)
            left = processes_of(user)
            wait_until(lambda: not any(map(exists, left)), "the end of all probes")
            assert processes_of(user) == []
            return took_s

    assert is_quick(stop_s, STOP_S)


def has_no_links(*_: object) -> int:
    """Answer as a kernel without uprobe_multi does."""
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def processes_of(user: str) -> list[int]:
    """Return the processes of a user."""
    found = []
    for pid in processes.pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if user_of(pid) == user:
                found.append(pid)
    return found


def exists(pid: int) -> bool:
    """Tell whether there is a process of that number."""
    return Path(f"/proc/{pid}").exists()


def user_of(pid: int) -> str:
    """Return the user IDs of a process."""
    status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    return status.partition("\nUid:")[2].partition("\n")[0]
