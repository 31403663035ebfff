"""The filters by who connects: each passes what it names, and nothing else."""

from __future__ import annotations

import os
import pwd
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt, rename
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

LAST = 65000  # attempted last, so that all before is known to have come or not
NOBODY = pwd.getpwnam("nobody").pw_uid


def test_pids_are_a_list() -> None:
    """Those in the list of -p, not other processes."""
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(lambda: attempt("127.0.0.1", 80)))
            for _ in range(4)
        ]
        first, second, *_ = [child.pid for child in children]
        with Tool("-j", "-p", f"{first},{second},{os.getpid()}") as tool:
            for child in children:
                child.run()
            attempt("127.0.0.1", LAST)
            assert tool.stop() == 0
            shown = [event["pid"] for event in tool.all_events()]
    assert shown == [first, second, os.getpid()]


def test_pid_is_the_process_not_the_thread() -> None:
    """-p with a process traces all its threads; a thread's own number is nothing."""

    def connect_in_thread() -> None:
        import threading

        thread = threading.Thread(target=attempt, args=("127.0.0.1", 81))
        thread.start()
        thread.join()

    with Child(connect_in_thread) as child, Tool("-j", "-p", child.pid) as tool:
        child.run()
        (event,) = tool.events(1)
    assert event["pid"] == child.pid
    assert event["tid"] != child.pid


def test_thousand_pids(netns: NetNs) -> None:
    """A long list of numbers traces the one process that is there."""
    others = ",".join(map(str, range(4_000_000, 4_000_999)))
    with Tool("-j", "-p", f"{others},{os.getpid()}") as tool:
        attempt("127.0.0.1", LAST)
        (event,) = tool.events(1)
    assert (event["pid"], event["netns"]) == (os.getpid(), netns.inode)


@pytest.mark.parametrize("users", [str(NOBODY), "nobody", "nobody,4000000001"])
def test_users_by_number_and_name(users: str) -> None:
    """-u takes numbers and names, and passes only what these users do."""
    with (
        Child(lambda: attempt("127.0.0.1", 80), lambda: os.setuid(NOBODY)) as child,
        Tool("-j", "-u", users, "-P", "80,81") as tool,
    ):
        attempt("127.0.0.1", 81)
        child.run()
        assert tool.stop() == 0
        shown = [(e["uid"], e["pid"], e["dport"]) for e in tool.all_events()]
    assert shown == [(NOBODY, child.pid, 80)]


def test_thousand_users() -> None:
    """A long list of users, root among them, traces root."""
    others = ",".join(map(str, range(3_000_000_000, 3_000_000_999)))
    for users, expected in ((f"{others},0", [LAST]), (others, [])):
        with Tool("-j", "-p", os.getpid(), "-u", users) as tool:
            attempt("127.0.0.1", LAST)
            assert tool.stop() == 0
            assert [event["dport"] for event in tool.all_events()] == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--not-comm", "one"], [81, 82]),
        (["--not-comm", "one,-bash"], [82]),
        (["--not-comm", "one", "--comm", "one,-bash"], [81]),
        (["--not-comm", "on"], [80, 81, 82]),
        (["-c", "--not-comm", "one"], [81, 82]),
    ],
)
def test_not_comm(options: list[str], expected: list[int]) -> None:
    """--not-comm leaves out threads of these names, and no others."""
    names = {80: "one", 81: "-bash", 82: "a"}

    def prepare(name: str) -> Callable[[], None]:
        return lambda: rename(name.encode())

    with ExitStack() as stack:
        children = [
            stack.enter_context(
                Child(partial(attempt, "127.0.0.1", port), prepare(name))
            )
            for port, name in names.items()
        ]
        pids = ",".join(str(child.pid) for child in children)
        with Tool("-j", "-p", pids, *options) as tool:
            for child in children:
                child.run()
            assert tool.stop() == 0
            shown = [event["dport"] for event in tool.all_events()]
    assert sorted(shown) == expected


def test_uid_is_the_real_one() -> None:
    """A process that took another effective user is still its real user's."""
    with (
        Child(lambda: attempt("127.0.0.1", 80), lambda: os.seteuid(NOBODY)) as child,
        Tool("-j", "-p", child.pid) as tool,
    ):
        child.run()
        (event,) = tool.events(1)
    assert event["uid"] == 0


def test_names_of_threads() -> None:
    """--comm passes threads of these names, whole ones, up to 15 bytes."""
    names = [b"curl", b"curls", b"cur", b"fifteen-bytes-x", "\u00e4\u00f6".encode()]

    def attempts() -> None:
        for port, name in enumerate(names, 1):
            rename(name)
            attempt("127.0.0.1", port)

    wanted = "curl,fifteen-bytes-x"
    with (
        Child(attempts) as child,
        Tool(
            *("-j", "-p", child.pid, "--comm", wanted, "--comm", "\u00e4\u00f6")
        ) as tool,
    ):
        child.run()
        assert tool.stop() == 0
        shown = [event["dport"] for event in tool.all_events()]
    assert shown == [1, 4, 5]
