"""Fixtures of tests without a kernel."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.faketrace import SIGNALS, FakeTrace
from tests.support.machine import Machine
from tests.support.ports import reserved

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def machine() -> Machine:
    """A machine on which nothing has been asked."""
    return Machine()


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTrace]:
    """A trace without a kernel, and signals with their defaults while it is used."""
    fake = FakeTrace()
    monkeypatch.setattr("tcpconnect.pipeline.trace", fake)
    monkeypatch.setattr("tcpconnect.cli.goes_ahead", lambda *_: False)
    monkeypatch.setattr("tcpconnect.pipeline.keep_only", fake.keep_only)
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield fake
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget those of this machine."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a port that is free."""
    with reserved() as port:
        yield port
