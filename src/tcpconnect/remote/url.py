"""Url: a remote place of -o, read and checked."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from tcpconnect import remote_messages
from tcpconnect.errors import UsageError, did_you_mean, masked

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LENGTH = 2048
MAX_SECRET = 65_536
_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+"
_PLACE = re.compile(rf"//(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?(?P<path>/[!-~]*)?")


class Form(msgspec.Struct, frozen=True):
    """How URLs of a scheme are written, and what they may ask for.

    ``words`` are the options behind ``?``, with their values; the first is the default.
    ``secret`` is the environment variable that has the credentials, ``others`` says
    where options are that others write behind ``?``.
    """

    form: str
    port: int
    secret: str
    words: Mapping[str, tuple[str, ...]]
    others: str = ""


CLICKHOUSE = Form(
    "clickhouse://HOST:8123/DATABASE",
    8123,
    "CLICKHOUSE_USER and CLICKHOUSE_PASSWORD",
    {},
)
POSTGRESQL = Form(
    "postgresql://HOST:5432/DATABASE",
    5432,
    "PGUSER and PGPASSFILE",
    {},
    "; those of libpq are variables, as PGSSLMODE",
)


class Url(msgspec.Struct, frozen=True):
    """Where to write: ``asked`` has a value for each option of its form."""

    text: str
    scheme: str
    host: str
    port: int
    path: str
    asked: dict[str, str]

    @property
    def is_tls(self) -> bool:
        """Whether it is encrypted."""
        return self.scheme.endswith("s")

    @property
    def name(self) -> str:
        """What messages call it, and what its spool is called after."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def read(text: str, form: Form) -> Url:
    """Read a place. Raises UsageError, which never has a password."""
    scheme, _, rest = text.partition(":")
    place, _, query = rest.partition("?")
    if "@" in place:
        reason = "all users of this machine see what is before @"
        raise _invalid(f"{scheme}://…@…", reason, f"put it into {form.secret}")
    remedy = f"write {form.form}"
    found = where(place) if len(text) <= MAX_LENGTH else None
    if not found:
        raise _invalid(masked(text)[:64], "it is no URL of a host", remedy)
    host, port, path = found
    port = form.port if port is None else port
    if not 0 < port < 1 << 16:
        raise _invalid(masked(text), "a port is a number from 1 to 65535", remedy)
    return Url(text, scheme, host, port, path, _asked(text, query, form))


def where(place: str) -> tuple[str, int | None, str] | None:
    """Return host, port and path of what is behind the scheme, None if it is no URL."""
    found = _PLACE.fullmatch(place)
    if not found or "#" in place:
        return None
    port = int(found["port"]) if found["port"] else None
    return found["host"].strip("[]"), port, (found["path"] or "").rstrip("/")


def _asked(text: str, query: str, form: Form) -> dict[str, str]:
    asked = {name: values[0] for name, values in form.words.items()}
    before = text.partition("?")[0]
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in form.words:
            near = did_you_mean(name, form.words)
            known = ", ".join(form.words) or "none"
            remedy = near or f"known: {known}{form.others}"
            # The value may be a password.
            raise _invalid(f"{before}?{name}=…", f"unknown option {name!r}", remedy)
        if value not in form.words[name]:
            known = ", ".join(form.words[name])
            place = f"{before}?{name}={value}"
            raise _invalid(place, f"invalid {name} {value!r}", f"known: {known}")
        asked[name] = value
    return asked


def _invalid(place: str, reason: str, remedy: str) -> UsageError:
    message = remote_messages.INVALID_REMOTE
    return UsageError(message, place=place, reason=reason, remedy=remedy)


def secret(*variables: str) -> tuple[str, str]:
    """Return the first of these variables that is set, and its text, or "" and "".

    The text is in the variable, or in the file that VARIABLE_FILE names. Raises
    UsageError.
    """
    for variable in variables:
        if text := os.environ.get(variable, ""):
            return variable, text
        if path := os.environ.get(f"{variable}_FILE", ""):
            return f"{variable}_FILE", text_of(path, f"{variable}_FILE")
    return "", ""


def clickhouse_headers() -> dict[str, str]:
    """Return the headers with the credentials of ClickHouse. Raises UsageError."""
    _, user = secret("CLICKHOUSE_USER")
    _, password = secret("CLICKHOUSE_PASSWORD")
    if not user and not password:
        return {}
    given = {"X-ClickHouse-User": user or "default", "X-ClickHouse-Key": password}
    return {name: "".join(text.splitlines()) for name, text in given.items()}


def text_of(path: str, variable: str) -> str:
    """Return the text of a file that a variable names. Raises UsageError."""
    reason = ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(MAX_SECRET).rstrip("\r\n")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    except ValueError:
        reason = "it is not UTF-8"
    message = remote_messages.NO_SECRET
    raise UsageError(message, path=path, variable=variable, reason=reason) from None
