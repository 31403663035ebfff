"""Whose an attempt is: its process, thread, user and name, those of its beginning."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt, comm, rename
from tests.support.sockets import (
    CLOSED,
    HOLE,
    NEAR,
    PORT_RANGE,
    Watch,
    begin,
    event,
    port,
)
from tests.support.system import CLONE_NEWNET, libc
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.network import NetNs

SYN_SENT_ROW = " 02 "  # of /proc/net/tcp


def test_thread(netns: NetNs) -> None:
    """A thread's attempt has its own tid, and the pid of its process."""

    def refused(client: socket.socket) -> dict[str, object]:
        assert client.connect_ex(CLOSED) == errno.ECONNREFUSED
        return event(netns, ("127.0.0.1", port(client)), CLOSED, "ECONNREFUSED")

    with Watch() as watch, ThreadPoolExecutor(1) as other, socket.socket() as client:
        expected = other.submit(refused, client).result()
        assert expected["tid"] != expected["pid"]
        assert watch.outcomes() == [expected]


def test_child(netns: NetNs) -> None:
    """Another process, user and name than those of the tests."""
    PORT_RANGE.write_text("4000 4000")

    def prepare() -> None:
        rename(b"renamed")
        os.setuid(4321)

    def work() -> None:
        attempt(*CLOSED)

    with Child(work, prepare) as child, Watch(pid=child.pid) as watch:
        child.run()
        expected = event(netns, ("127.0.0.1", 4000), CLOSED, "ECONNREFUSED")
        expected |= {"pid": child.pid, "tid": child.pid}
        expected |= {"uid": 4321, "comm": "renamed"}
        assert watch.outcomes() == [expected]


@contextmanager
def caught_process() -> Iterator[tuple[Popen[bytes], Callable[[], object]]]:
    """Another process, and what lets it connect into the hole, where it hangs."""
    code = f"import os, socket; os.read(0, 1); socket.socket().connect({HOLE})"
    read_end, write_end = os.pipe()
    with (
        os.fdopen(read_end) as stdin,
        os.fdopen(write_end, "wb", 0) as go,
        Popen([sys.executable, "-IS", "-c", code], stdin=stdin) as process,
    ):
        try:
            yield process, lambda: go.write(b"\n")
        finally:
            process.kill()


@pytest.mark.usefixtures("far")
def test_killed_process_aborts(netns: NetNs) -> None:
    """A process that is killed while it waits has given up."""
    PORT_RANGE.write_text("4000 4000")
    with caught_process() as (process, go), Watch(pid=process.pid) as watch:
        go()
        table = Path("/proc/thread-self/net/tcp")
        wait_until(lambda: SYN_SENT_ROW in table.read_text(), "its SYN")
        expected = event(netns, (NEAR, 4000), HOLE, "ABORTED")
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
        expected |= {"pid": process.pid, "tid": process.pid, "comm": name}
        process.kill()
        assert watch.wait() == 0  # all traced processes have ended
        assert watch.outcomes() == [expected]


@pytest.mark.usefixtures("far")
def test_name_is_that_of_the_beginning(netns: NetNs) -> None:
    """A thread that is renamed meanwhile has the name that it had."""
    before = comm()
    with Watch() as watch:
        with socket.socket() as client:
            begin(client, HOLE)
            expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
            rename(b"renamed")
        rename(before.encode())
        assert watch.outcomes() == [expected]


@pytest.mark.usefixtures("far")
def test_user_and_namespace_are_those_of_the_beginning(netns: NetNs) -> None:
    """A process that becomes another user, elsewhere, has those that it had."""

    def work() -> None:
        with socket.socket() as client:
            begin(client, HOLE)
            os.setresuid(4321, 4321, 0)
            os.seteuid(0)
            assert libc.unshare(CLONE_NEWNET) == 0

    with Child(work) as child, Watch(pid=child.pid) as watch:
        child.run()
        (made,) = watch.outcomes()
    chosen = ("pid", "uid", "netns", "result")
    assert [made[key] for key in chosen] == [child.pid, 0, netns.inode, "ABORTED"]


@pytest.mark.usefixtures("far")
def test_pending_attempts_come_in_their_order() -> None:
    """When tracing stops, open attempts are shown with the process that made them."""
    targets = [(HOLE[0], 80 + n) for n in range(100)]
    with Watch() as watch, ExitStack() as stack:
        for target in targets:
            begin(stack.enter_context(socket.socket()), target)
        shown = watch.outcomes(0)
    assert [(e["daddr"], e["dport"]) for e in shown] == targets
    assert {e["result"] for e in shown} == {"PENDING"}


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_attempt_open_at_the_end_is_pending(netns: NetNs, number: int) -> None:
    """When tracing stops, open attempts are shown with their age.

    The source port is not known: the kernel chooses it after the attempt has begun.
    """
    with Watch() as watch, socket.socket() as client:
        begin(client, HOLE)
        began = time.monotonic()
        expected = event(netns, (NEAR, None), HOLE, "PENDING")
        assert watch.stdout == b""
        age_ms = (time.monotonic() - began) * 1000
        assert watch.outcomes(0, number) == [expected]
        assert watch.latencies_ms[0] >= age_ms
