"""tcpconnect: every TCP connection that the programs of a machine try to open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcpconnect.api import trace
    from tcpconnect.connection import Connection
    from tcpconnect.flow import Flow
    from tcpconnect.settings import Settings
    from tcpconnect.sources.recording import Recording
    from tcpconnect.tracer import Trace

__version__ = "0.2.0"
__all__ = ["Connection", "Flow", "Recording", "Settings", "Trace", "trace"]

_HOMES = {
    "Connection": "tcpconnect.connection",
    "Flow": "tcpconnect.flow",
    "Recording": "tcpconnect.sources.recording",
    "Settings": "tcpconnect.settings",
    "Trace": "tcpconnect.tracer",
    "trace": "tcpconnect.api",
}


def __getattr__(name: str) -> object:
    """Import the API when it is used: ``tcpconnect -h`` does not need it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tcpconnect' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
