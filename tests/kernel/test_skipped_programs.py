"""Programs that the kernel skips: what they do not see, others do, or it is counted.

What kernels load from Linux 7.0 on, where tasks lose their CPU inside of programs; here
on older ones, too, with programs that are not attached.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.batch import Losses
from tcpconnect.bpf.object import TRACEFS, BpfObject
from tcpconnect.kernel import attempts, filters, lookups
from tcpconnect.kernel.libraries import Libraries
from tcpconnect.kernel.lookups import EXEC_PERF
from tcpconnect.machine import release
from tests.support.attempts import PORT, Child, attempt
from tests.support.containers import Looker, make_image
from tests.support.mounts import mount_tracefs, private_mounts
from tests.support.system import libc, sh
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

REFUSED = ("127.0.0.1", PORT)
RESULT = "ECONNREFUSED"
TIMES = 100
PERF_TYPE_TRACEPOINT = 2
PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}


@pytest.fixture
def preemptible(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the programs loaded that are for such a kernel, also on older ones."""
    if release.kernel_version() < (6, 2):
        pytest.skip("this kernel has no bpf_rdonly_cast()")
    for module in (attempts, lookups):
        monkeypatch.setattr(module, "programs_are_preemptible", lambda: True)
    with private_mounts():
        mount_tracefs()
        yield


@pytest.fixture
def detached(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set of programs that are not attached: as if they were skipped."""
    names: set[str] = set()
    for method in ("attach", "attach_perf"):
        attach = getattr(BpfObject, method)

        def unless_skipped(bpf: BpfObject, name: str, attach: Any = attach) -> None:
            if name not in names:
                attach(bpf, name)

        monkeypatch.setattr(BpfObject, method, unless_skipped)
    return names


SKIPPED = (
    (),
    attempts.CHANGES,
    attempts.CHANGES_PERF,
    (attempts.ENDS,),
    (*attempts.CHANGES, attempts.ENDS),
    (*attempts.CHANGES, attempts.ENDS, attempts.MISSED),
    (*attempts.CHANGES_PERF, attempts.ENDS),
    filters.SET_PROGRAMS,
    tuple(filters.PERF_PROGRAMS.values()),
)
COLUMNS = pytest.mark.parametrize(
    "columns", [("netns",), ("exe", "cgroup")], ids=["owner", "image"]
)


@pytest.mark.usefixtures("preemptible")
@COLUMNS
@pytest.mark.parametrize("result", [None, RESULT], ids=["begins", "ends"])
@pytest.mark.parametrize("skipped", SKIPPED, ids="+".join)
def test_an_attempt_is_shown_once(
    skipped: tuple[str, ...],
    result: str | None,
    columns: tuple[str, ...],
    detached: set[str],
) -> None:
    """Whether all programs see it, or some are skipped."""
    detached.update(skipped)
    me = os.getpid()
    with (
        trace(pids=[me], follow=True, result=bool(result), columns=columns) as events,
        Child(partial(attempt, *REFUSED)) as child,
    ):
        for _ in range(TIMES):
            child.run()
            attempt(*REFUSED)
        assert not events.losses
        events.stop()
        shown = Counter((event.pid, event.result) for event in events)
    assert shown == dict.fromkeys([(me, result), (child.pid, result)], TIMES)


@pytest.mark.usefixtures("preemptible")
@COLUMNS
def test_what_all_missed_is_counted(
    columns: tuple[str, ...], detached: set[str]
) -> None:
    """Without the others, the last program counts each attempt as lost."""
    detached.update(attempts.CHANGES, attempts.CHANGES_PERF)
    with trace(ports=[PORT], columns=columns) as events:
        for _ in range(TIMES):
            attempt(*REFUSED)
        losses = events.losses
        events.stop()
        assert list(events) == []
    assert losses.missed >= TIMES  # those of other programs, too
    assert losses == Losses(missed=losses.missed)


@pytest.mark.usefixtures("preemptible")
def test_what_is_left_hides_nothing(detached: set[str]) -> None:
    """What was marked for one attempt, and not cleared, does not hide the next."""
    detached.add(attempts.MISSED)
    with trace(ports=[PORT]) as events:
        attempt(*REFUSED)
        bpf = events._attempts._bpf  # noqa: SLF001
        bpf.library.bpf_link__destroy(bpf._links.pop(0))  # noqa: SLF001
        attempt(*REFUSED)
        events.stop()
        assert len(list(events)) == 2


@pytest.mark.usefixtures("preemptible")
@pytest.mark.parametrize("skipped", [[], ["exec"], [EXEC_PERF]], ids="+".join)
def test_a_new_library_is_found(
    skipped: list[str],
    detached: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program that starts where none did is seen by either of two."""
    seen: set[Libraries] = set()

    def look(libraries: Libraries) -> bool:
        """Find nothing: this would find it, too."""
        seen.add(libraries)
        return False

    detached.update(skipped)
    monkeypatch.setattr(Libraries, "look", look)
    image = make_image(tmp_path / "root", "glibc")
    (library,) = image.rglob("libc.so.6")
    file = library.stat().st_dev, library.stat().st_ino
    with trace(ports=[PORT], dns=True, name_sources=["libc"]) as events:
        batches = events.batches()

        def found() -> bool:
            next(batches)
            probes = [each._probes.get(file) for each in seen]  # noqa: SLF001
            return any(probe.links for probe in probes if probe)

        with Looker(image, "none.example", image):
            wait_until(found, "its library")


def count_of_perf(event: str) -> int:
    """Return a descriptor of perf's count of an event in this process."""
    number = int(Path(TRACEFS, "events", event, "id").read_text())
    attributes = struct.pack("<IIQ40x", PERF_TYPE_TRACEPOINT, 64, number)
    opened = libc.syscall(PERF_EVENT_OPEN[os.uname().machine], attributes, 0, -1, -1, 0)
    assert opened >= 0
    return int(opened)


@pytest.mark.usefixtures("preemptible")
@pytest.mark.parametrize("event", ["sock/inet_sock_set_state", "task/task_newtask"])
def test_others_use_perf(event: str) -> None:
    """Who else uses perf on the same tracepoint still gets its events."""
    counter = count_of_perf(event)
    me = os.getpid()
    with trace(pids=[me], follow=True), Child(partial(attempt, *REFUSED)):
        attempt(*REFUSED)
        assert int.from_bytes(os.read(counter, 8), "little") > 0
    os.close(counter)


@pytest.mark.usefixtures("preemptible")
def test_without_tracefs() -> None:
    """Without tracefs all other programs work, and a warning says so."""
    with private_mounts():
        for folder in (TRACEFS, "/sys/kernel/debug"):
            sh(f"mount -t tmpfs none {folder}")
        with (
            trace(pids=[os.getpid()], follow=True) as events,
            Child(partial(attempt, *REFUSED)) as child,
        ):
            child.run()
            attempt(*REFUSED)
            events.stop()
            assert {event.pid for event in events} == {os.getpid(), child.pid}
            mount = f"mount -t tracefs none {TRACEFS}"
            why = f"attempts may be missed: {TRACEFS} is empty; {mount}"
            assert events.warnings == [why]
