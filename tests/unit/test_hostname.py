"""What this machine is called in what is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect.machine.hostname import host_name
from tcpconnect.outputs.recording import about_trace
from tcpconnect.outputs.sqlite import this_run
from tcpconnect.parsing import CommandLine
from tcpconnect.remote.otlp_settings import resource

if TYPE_CHECKING:
    import pytest

if TYPE_CHECKING:
    import pytest

LINE = CommandLine(changes={}, command=[])


def hosts() -> set[object]:
    """Return what recordings, histories and collectors call it."""
    return {about_trace(LINE).host, this_run([]).host, resource()["host.name"]}


def test_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default that is its host name."""
    monkeypatch.delenv("TCPCONNECT_HOST", raising=False)
    assert hosts() == {os.uname().nodename}
    monkeypatch.setenv("TCPCONNECT_HOST", "")
    assert host_name() == os.uname().nodename


def test_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container is given the name of its node."""
    monkeypatch.setenv("TCPCONNECT_HOST", "node-7")
    assert hosts() == {"node-7"}
