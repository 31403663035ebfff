"""The Python API, by the example of its documentation."""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tcpconnect
from tests.support.attempts import Child, attempt

pytestmark = pytest.mark.usefixtures("netns")

NOBODY = 65534
DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


def test_example_of_the_documentation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example prints the attempt that was made; it is stopped as the page says."""
    example, _ = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    real_trace = tcpconnect.trace

    def trace(*, ports: list[int], result: bool) -> tcpconnect.Trace:
        events = real_trace(pids=[os.getpid()], ports=ports, result=result)
        with socket.socket() as client, suppress(ConnectionRefusedError):
            client.connect(("127.0.0.1", 443))
        events.stop()
        return events

    monkeypatch.setattr(tcpconnect, "trace", trace)
    exec(compile(example, str(DOCUMENT), "exec"), {})  # noqa: S102 (it is ours)
    comm = Path("/proc/thread-self/comm").read_text().strip()
    words = capsys.readouterr().out.split()
    assert words[:-1] == [comm, "127.0.0.1", "443", "ECONNREFUSED"]
    assert 0 < float(words[-1]) < 1000


def test_stop_from_another_thread() -> None:
    """A trace that waits for events ends when another thread stops it."""
    with tcpconnect.trace(pids=[os.getpid()], ports=[1]) as events:
        stopper = threading.Thread(target=events.stop)
        stopper.start()
        assert list(events) == []
        stopper.join()


def test_duration() -> None:
    """A trace with a duration ends by itself."""
    with tcpconnect.trace(pids=[os.getpid()], ports=[1], duration=0.01) as events:
        assert list(events) == []


def test_two_traces_in_one_process() -> None:
    """Each trace has its own events."""
    with (
        tcpconnect.trace(pids=[os.getpid()], ports=[1]) as first,
        tcpconnect.trace(pids=[os.getpid()], ports=[2]) as second,
    ):
        for port in (1, 2):
            with socket.socket() as client, suppress(ConnectionRefusedError):
                client.connect(("127.0.0.1", port))
        first.stop()
        second.stop()
        assert [event.dport for event in first] == [1]
        assert [event.dport for event in second] == [2]


@pytest.mark.parametrize("chosen", [set(), {"uid", "netns"}, {"comm", "cgroup_id"}])
def test_columns(chosen: set[str]) -> None:
    """What is not asked for is empty or 0; filters look at it all the same."""
    netns = os.stat("/proc/thread-self/ns/net").st_ino
    comm = Path("/proc/thread-self/comm").read_text().strip()
    be_nobody = partial(os.setresuid, NOBODY, NOBODY, NOBODY)
    with Child(partial(attempt, "127.0.0.1", 1), be_nobody) as child:

        def connection(**options: Any) -> tcpconnect.Connection:
            with tcpconnect.trace(pids=[child.pid], **options) as events:
                child.run()
                events.stop()
                (event,) = events
            return event

        whole = connection()
        assert (whole.comm, whole.uid, whole.netns) == (comm, NOBODY, netns)
        part = connection(columns=chosen)
        for name in chosen:
            assert getattr(part, name) == getattr(whole, name)
        for name in {"comm", "uid", "netns", "cgroup_id"} - chosen:
            assert not getattr(part, name)
        where = {"uids": [NOBODY], "netns": [netns], "comms": [comm]}
        assert connection(columns=(), **where).pid == child.pid
