"""Where the spool is, by who runs the tool."""

from __future__ import annotations

import os

import pytest

from tcpconnect.machine.account import state_directory


@pytest.mark.parametrize(
    ("uid", "environment", "expected"),
    [
        (0, {"STATE_DIRECTORY": "/s", "XDG_STATE_HOME": "/x"}, "/var/lib/tcpconnect"),
        (1000, {"STATE_DIRECTORY": "/s:/t", "XDG_STATE_HOME": "/x"}, "/s"),
        (1000, {"XDG_STATE_HOME": "/x"}, "/x/tcpconnect"),
        (1000, {"HOME": "/h"}, "/h/.local/state/tcpconnect"),
    ],
)
def test_state_directory(
    uid: int,
    environment: dict[str, str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing that a user has set decides where root writes."""
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert state_directory() == expected
