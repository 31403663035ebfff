"""What a program asked for, where a program of its cgroup puts another in its place."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.kernel import refusals
from tcpconnect.machine.cgroup import mount_point
from tests.support.attempts import PORT
from tests.support.connect_programs import PASS, attached, program, rewrite
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = ("192.0.2.1", 443)
BACKEND = ("127.0.0.1", PORT)
ANY = "0.0.0.0"  # noqa: S104 (nothing is bound)
COLUMNS = ("daddr", "dport", "asked", "asked_port")
BOTH = dict(zip(COLUMNS, (*BACKEND, *SERVICE), strict=True))


@pytest.fixture
def _balancer(netns: object) -> Iterator[None]:
    """Have this process in a cgroup with a load balancer."""
    del netns
    with program(rewrite(*BACKEND)):
        yield


def connect() -> None:
    """Connect to the service, and get what the backend answers."""
    with socket.socket() as client:
        assert client.connect_ex(SERVICE) == errno.ECONNREFUSED


@pytest.mark.usefixtures("_balancer")
@pytest.mark.parametrize("options", [(), ("-r",), ("--failed",), ("-d",)])
def test_rewritten(options: tuple[str, ...]) -> None:
    """Both are shown."""
    shown = ("-j", "-p", os.getpid(), "--columns", ",".join(COLUMNS))
    with Tool(*shown, *options) as tool:
        connect()
        assert tool.events(1) == [BOTH]
        assert tool.stop() == 0


@pytest.mark.usefixtures("_balancer")
@pytest.mark.parametrize(
    "options",
    [
        {"ports": [443]},
        {"ports": [PORT]},
        {"to": ["192.0.2.0/24"]},
        {"to": ["127.0.0.1"]},
    ],
)
def test_filters_take_either(options: dict[str, Any]) -> None:
    """An attempt passes with what was asked for, and with what it became."""
    with trace(failed=True, pids=[os.getpid()], **options) as events:
        connect()
        events.stop()
        assert [(e.daddr, e.asked) for e in events] == [(BACKEND[0], SERVICE[0])]


@pytest.mark.usefixtures("_balancer")
@pytest.mark.parametrize(
    "options",
    [
        {"not_ports": [443]},
        {"not_ports": [PORT]},
        {"not_to": ["192.0.2.0/24"]},
        {"not_to": ["127.0.0.1"]},
        {"to": ["198.51.100.0/24"]},
        {"ports": [444]},
    ],
)
def test_filters_leave_out_either(options: dict[str, Any]) -> None:
    """It is left out for what was asked for, and for what it became."""
    with trace(failed=True, pids=[os.getpid()], **options) as events:
        connect()
        events.stop()
        assert list(events) == []


def asked_with_names_alone() -> list[str | None]:
    """Return what is known of an attempt, with nothing but names."""
    with trace(dns=True, name_sources=["dns"], pids=[os.getpid()]) as events:
        connect()
        events.stop()
        return [event.asked for event in events]


@pytest.mark.usefixtures("_balancer")
def test_names_alone() -> None:
    """For names alone it is read where the root cgroup has a program."""
    with attached(PASS, Path(os.fsdecode(mount_point()))):
        assert asked_with_names_alone() == [SERVICE[0]]


@pytest.mark.usefixtures("_balancer")
def test_names_alone_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nothing looks at calls; other tests may have programs there."""
    monkeypatch.setattr(refusals, "_programs", lambda *_: 0)
    assert asked_with_names_alone() == [None]


@pytest.mark.usefixtures("netns")
def test_any_address() -> None:
    """0.0.0.0 is what was asked for; the kernel takes a loopback address."""
    with trace(failed=True, pids=[os.getpid()]) as events:
        with socket.socket() as client:
            assert client.connect_ex((ANY, PORT)) == errno.ECONNREFUSED
        events.stop()
        (event,) = events
    assert (event.daddr, event.asked, event.asked_port) == (
        "127.0.0.1",
        ANY,
        PORT,
    )
