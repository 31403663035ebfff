"""What follows from settings."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

import pytest

from tcpconnect import trace
from tcpconnect.connection import CONNECTION
from tcpconnect.errors import UsageError
from tcpconnect.kernel.config import Detail
from tcpconnect.settings import Settings

BASICS = {"comm", "uid", "netns", "cgroup_id"}


def test_what_is_read_by_default() -> None:
    """All that takes nothing more than a look at the task and the socket."""
    assert Settings().process_details == BASICS
    assert Settings(columns=()).process_details == set()


def test_names_need_to_know_where_they_were_seen() -> None:
    """With names, the places of a connect are read whatever is shown; else not."""
    where = {"netns", "cgroup_id", "start"}
    assert Settings(columns=["pid"]).process_details == set()
    assert Settings(columns=["pid"], dns=True).process_details == where
    assert Settings(columns=["query"]).process_details == where
    both = Settings(columns=["exe", "uid"], dns=True)
    assert both.process_details == {"exe", "uid", *where}
    assert Settings(dns_latency=True).process_details == {"start", *BASICS}


def test_a_count_needs_no_details() -> None:
    """What counts per address reads nothing of who connects.

    With names, the namespace: local addresses are other ones in each.
    """
    assert Settings(count=True).process_details == set()
    assert Settings(count=True, dns=True).process_details == {"netns"}
    assert Settings(count=True, columns=["query"]).process_details == {"netns"}


@pytest.mark.parametrize("name", [*CONNECTION])
def test_what_is_read_is_known_to_the_kernel(name: str) -> None:
    """What a field needs of a process is a bit of enum detail."""
    details = Settings(columns=[name]).process_details - {"start"}
    assert details <= {str(bit.name).lower() for bit in Detail}


def test_every_detail_is_of_a_field() -> None:
    """Each bit of enum detail is needed by a field, or by older kernels."""
    details = Settings(columns=[*CONNECTION]).process_details
    assert {*details, "legacy"} == {str(bit.name).lower() for bit in Detail}


@pytest.mark.parametrize(
    ("columns", "process", "containers"),
    [
        (["comm"], False, False),
        (["ppid"], True, False),
        (["unit"], True, False),
        (["pod"], True, True),
    ],
)
def test_who_connects(columns: list[str], *, process: bool, containers: bool) -> None:
    """What is wanted of the process, and of its container, follows from columns."""
    settings = Settings(columns=columns)
    assert (settings.with_process, settings.with_containers) == (process, containers)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"columns": ["dprot"]}, "unknown column 'dprot'; did you mean dport?"),
        ({"columns": ["pid", "pid"]}, "duplicate column 'pid'"),
        ({"columns": ["pid"], "count": True}, "unknown column 'pid'"),
    ],
)
def test_unknown_column(members: dict[str, Any], message: str) -> None:
    """One that does not exist is named, with one that is near."""
    with pytest.raises(UsageError, match=re.escape(message)):
        Settings(**members)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"pids": [0]}, "pids: invalid PID 0: expected a number from 1 to 4194304"),
        ({"ports": ["80"]}, "ports: invalid port '80': expected a number from 0"),
        ({"netns": [0]}, "netns: invalid inode of a network namespace 0"),
        ({"to": ["10.0.0.1/8"]}, "to: invalid network '10.0.0.1/8'"),
        ({"comms": [""]}, "comms: invalid thread name ''"),
        ({"ip": 5}, "invalid IP version 5: expected 4, 6 or 0"),
        ({"slower_ms": -1}, "slower_ms: invalid time -1: expected more"),
        ({"max_names": 0}, "max_names: invalid count 0"),
        ({"names_ttl_s": 0}, "names_ttl_s: invalid time 0: expected more"),
        ({"name_sources": ["x"]}, "name_sources: invalid source of names 'x'"),
        ({"cgroupmap": ""}, "cgroupmap: empty path of a map"),
        ({"ring_bytes": 5000}, "ring_bytes: invalid ring size 5000"),
        ({"follow": True}, "-f needs -p"),
    ],
)
def test_refused(wrong: dict[str, Any], expected: str) -> None:
    """What a program gives is checked as what a user types, and the member named."""
    with pytest.raises(UsageError) as caught:
        Settings(**wrong)
    assert str(caught.value).startswith(expected)


def test_kept() -> None:
    """Whatever collections are given, sets that can't change are kept."""
    ports = {80}
    settings = Settings(ports=ports, to=["10.0.0.0/8"], columns=["pid"], slower_ms=0)
    ports.add(81)
    assert settings.ports == frozenset({80})
    assert settings.to == {ip_network("10.0.0.0/8")}
    assert settings.columns == ("pid",)


@pytest.mark.parametrize(
    ("members", "result", "names"),
    [
        ({}, False, False),
        ({"failed": True}, True, False),
        ({"slower_ms": 1}, True, False),
        ({"dns": True}, False, True),
        ({"dns_latency": True}, True, True),
    ],
)
def test_implied(members: dict[str, Any], result: bool, names: bool) -> None:  # noqa: FBT001
    """Some members imply others."""
    settings = Settings(**members)
    assert (settings.with_result, settings.named) == (result, names)


def test_trace_takes_settings_and_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """trace() traces its settings, with the members that are given beside them."""
    made: list[Settings] = []
    monkeypatch.setattr("tcpconnect.api.Trace", lambda given, _: made.append(given))
    base = Settings(ports=[80], failed=True)
    trace()
    trace(base)
    trace(base, failed=False, uids=[0])
    trace(ports=[80], failed=True)
    assert made == [Settings(), base, Settings(ports=[80], uids=[0]), base]
