"""Target: a value of --notify, read and checked."""

from __future__ import annotations

import os
import re

import msgspec

from tcpconnect import alert_messages as messages
from tcpconnect.errors import UsageError, did_you_mean, masked

EXEC, OTLP = "exec", "otlp+"
SCHEMES = ("exec", "http", "https", "otlp+http", "otlp+https")
PORTS = {"http": 80, "https": 443}
MAX_LENGTH = 2048
ALERTS, LOGS = "/api/v2/alerts", "/v1/logs"  # of Alertmanager, of OTLP
HEADERS = "TCPCONNECT_NOTIFY_HEADERS"

_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+"
_URL = re.compile(rf"(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?(?P<path>/[!-~]*)?")


class Target(msgspec.Struct, frozen=True):
    """Where alerts go: a program, or a server.

    ``path`` is that of the program, or what stands before the API's path in a URL.
    """

    text: str
    scheme: str  # exec, http or https
    path: str
    host: str = ""
    port: int = 0
    is_otlp: bool = False


def target(text: str) -> Target:
    """Read ``exec:PATH`` or a URL. Raises UsageError."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in SCHEMES:
        near = did_you_mean(scheme.lower(), SCHEMES)
        raise _invalid(text, near.rstrip("?") or "it names no kind of place")
    if len(text) > MAX_LENGTH:
        raise _invalid(text[:64], "it is too long")
    if scheme.lower() == EXEC:
        if not rest.startswith("/") or "\0" in rest:
            raise _invalid(text, "the path of a program begins with /")
        return Target(text, EXEC, rest)
    return _server(text, scheme.lower(), rest)


def _server(text: str, scheme: str, rest: str) -> Target:
    plain = scheme.removeprefix(OTLP)
    if "@" in rest.partition("/")[2].lstrip("/").partition("/")[0]:
        raise _invalid("…@…", f"all users see it; put credentials into {HEADERS}")
    found = _URL.fullmatch(rest.removeprefix("//")) if rest[:2] == "//" else None
    if not found:
        raise _invalid(text, "it is no URL of a host")
    port = int(found["port"] or PORTS[plain])
    if not 0 < port < 1 << 16:
        raise _invalid(text, "a port is a number from 1 to 65535")
    if set("?#") & set(found["path"] or ""):
        raise _invalid(text, "the path has ? or #")
    host, path = found["host"].strip("[]"), (found["path"] or "").rstrip("/")
    is_otlp = scheme.startswith(OTLP)
    before = path.removesuffix(LOGS if is_otlp else ALERTS)  # whole URLs will do
    return Target(text, plain, before, host, port, is_otlp)


def _invalid(value: str, reason: str) -> UsageError:
    return UsageError(messages.INVALID_NOTIFY, value=masked(value), reason=reason)


def check_program(path: str) -> None:
    """Check that a program can be run by whom we are. Raises UsageError."""
    reason = ""
    try:
        os.stat(path)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        if not os.path.isfile(path):
            reason = "it is no file"
        elif not os.access(path, os.X_OK, effective_ids=True):
            reason = "it is not executable"
    if reason:
        raise UsageError(messages.NO_NOTIFY_PROGRAM, path=path, reason=reason)


def headers_from(variable: str, text: str) -> dict[str, str]:
    """Return the headers of an environment variable's text. Raises UsageError."""
    headers: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            reason = "a part has no name and ="  # the value is a secret
            raise UsageError(messages.INVALID_HEADERS, variable=variable, reason=reason)
        if not re.fullmatch(r"[ -~]*", value):
            reason = f"the value of {name} has other characters than printable ASCII"
            raise UsageError(messages.INVALID_HEADERS, variable=variable, reason=reason)
        headers[name] = value
    return headers
