"""Names as systemd writes them into cgroups' paths."""

from __future__ import annotations

import re

from tcpconnect.output import harmless

_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


def unescape(name: str) -> str:
    r"""Return what systemd has written with ``\x2d`` and the like, made harmless."""
    raw = name.encode(errors="surrogateescape")
    raw = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), raw)
    return harmless(raw.decode(errors="backslashreplace"))
