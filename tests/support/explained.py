"""Attempts that fail, and the tool that says why."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.bpf.btf import enum_names
from tests.support.sockets import begin, give_up_soon
from tests.support.timers import TRIES, UNSEEN
from tests.support.tool import MISSING, Tool, told

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 1001
FAR, FAR6 = ("10.1.0.2", PORT), ("fd00:1::2", PORT)
# Long enough for a second SYN, at which a client that blocks believes an ICMP error.
SECOND_SYN_MS = 1500
needs_drop_reasons = pytest.mark.skipif(
    "SKB_DROP_REASON_NETFILTER_DROP" not in enum_names("skb_drop_reason").values(),
    reason="before Linux 5.18 the kernel has no reasons for drops",
)
EXPLAINED = ("result", "why", "why_from")


def connect(target: tuple[str, int], give_up_ms: int = 300) -> int:
    """Connect until the kernel gives up, and close; return the error."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family) as client:
        give_up_soon(client, give_up_ms)
        return client.connect_ex(target)


def abort(target: tuple[str, int]) -> None:
    """Connect without waiting, and close."""
    with socket.socket() as client:
        begin(client, target)


def explanation(made: dict[str, Any]) -> tuple[Any, ...]:
    """Return what an event says of the end of an attempt."""
    return tuple(made[key] for key in EXPLAINED)


class Explained(Tool):
    """The tool with --why, watching this process."""

    def __init__(self, *options: object) -> None:
        super().__init__("-j", "--why", "-p", os.getpid(), *options)

    def shown(self, count: int = 1) -> list[tuple[Any, ...]]:
        """Wait for events, stop, and return their explanations."""
        return [explanation(made) for made in self.whole(count)]

    @property
    def syns(self) -> list[int | None]:
        """How many SYNs were sent for each of the events."""
        return [made["syns"] for made in self.all_events()]


def ended_by_timer(attempt: Callable[[], int], error: int) -> dict[str, Any]:
    """Return the event of an attempt that a timer ends: one whose end is seen."""
    for _ in range(TRIES):
        with Explained() as tool:
            assert attempt() == error
            assert tool.stop() == 0
            if not told(tool, UNSEEN):
                assert not MISSING.search(tool.said), tool.stderr
                (made,) = tool.all_events()
                return made
    raise AssertionError(f"the ends of {TRIES} attempts were not seen")


def timed_out(attempt: Callable[[], int]) -> tuple[Any, ...]:
    """Return why an attempt failed that got no answer."""
    return explanation(ended_by_timer(attempt, errno.ETIMEDOUT))


def rejected(target: tuple[str, int], error: int) -> tuple[Any, ...]:
    """Return why an attempt failed that blocks: it believes ICMP at its second SYN."""
    attempt = partial(connect, target, SECOND_SYN_MS)
    return explanation(ended_by_timer(attempt, error))
