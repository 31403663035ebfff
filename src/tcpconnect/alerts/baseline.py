"""A baseline: pairs that somebody knows, as lines of ``history -j``."""

from __future__ import annotations

import os
from typing import Annotated

import msgspec

from tcpconnect import alert_messages, messages
from tcpconnect.alerts.learning import MAX_PAIRS
from tcpconnect.errors import TcpconnectError, UsageError

MAX_LINE = 1 << 16  # bytes
Port = Annotated[int, msgspec.Meta(ge=0, lt=1 << 16)]


class Line(msgspec.Struct):
    """A line: it may have other members, too."""

    program: str
    destination: str
    dport: Port


def read(path: str) -> list[tuple[str, str, int]]:
    """Return the pairs of a file. Raises TcpconnectError and UsageError."""
    decoder = msgspec.json.Decoder(Line)
    pairs: dict[tuple[str, str, int], None] = {}
    number = 0
    try:
        with open(path, "rb") as file:
            while text := file.readline(MAX_LINE):
                number += 1
                if text.strip():
                    line = decoder.decode(text)
                    pairs[line.program, line.destination, line.dport] = None
                if len(pairs) > MAX_PAIRS:
                    raise _invalid(path, number, f"more than {MAX_PAIRS} pairs")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise TcpconnectError(
            messages.CANT_READ_FILE, name=repr(path), reason=reason
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "not JSON" if "JSON" in str(error) else str(error)
        raise _invalid(path, number, reason) from error
    return list(pairs)


def _invalid(path: str, number: int, reason: str) -> UsageError:
    message = alert_messages.INVALID_BASELINE
    return UsageError(message, name=repr(path), line=number, reason=reason)
