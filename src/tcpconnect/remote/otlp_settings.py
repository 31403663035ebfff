"""OTEL_*: what the environment says of a collector, as all exporters read it.

A variable of a signal (OTEL_EXPORTER_OTLP_LOGS_…) comes before that of all signals.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec.structs import replace

from tcpconnect import __version__, alert_messages, otlp_messages
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.machine.hostname import host_name
from tcpconnect.remote import packing, tls
from tcpconnect.remote.place import WORDS
from tcpconnect.remote.url import Form, Url, read, secret, where
from tcpconnect.transport.post import LIMIT_S, Poster
from tcpconnect.transport.target import PORTS, Target, headers_from

if TYPE_CHECKING:
    from tcpconnect.errors import Line

LOGS, METRICS = "LOGS", "METRICS"
PATHS = {LOGS: "/v1/logs", METRICS: "/v1/metrics"}
ALL = "OTEL_EXPORTER_OTLP_{}"
COMPRESSIONS = (packing.GZIP, packing.NONE, packing.ZSTD)
OURS = "http/json"
# What takes the other one takes ours: OTLP 1.9, "OTLP/HTTP Request".
PROTOCOLS = {"", OURS, "http/protobuf"}
SCHEME = "otlp+"
DEFAULT = "http://localhost:4318"
FORM = Form(
    "otlp+http://HOST:4318",
    4318,
    "OTEL_EXPORTER_OTLP_HEADERS",
    {**WORDS, "metrics": ("no", "yes")},
)


def place(text: str) -> Url:
    """Read a place: one without a host is where OTEL_*_ENDPOINT says.

    Raises UsageError.
    """
    if not is_bare(text):
        url = read(text, FORM)
        return replace(url, path=url.path.removesuffix(PATHS[LOGS]))
    scheme, _, rest = text.partition(":")
    variable, endpoint = _endpoint(LOGS)
    if text.startswith("otlp+https") and not endpoint.startswith("https"):
        reason = f"it is not encrypted, as {text} is to be"
        raise UsageError(otlp_messages.INVALID_COLLECTOR, name=variable, reason=reason)
    scheme, _, there = endpoint.partition(":")
    form = replace(FORM, port=PORTS[scheme])
    return read(f"{SCHEME}{scheme}:{there}{rest.removeprefix('//')}", form)


def is_bare(text: str) -> bool:
    """Tell whether a place names no host."""
    return text.partition(":")[2].partition("?")[0] == "//"


def poster(url: Url, signal: str, *, bare: bool) -> tuple[Poster, str]:
    """Return what sends a signal, and the path to send it to. Raises UsageError."""
    path, target = url.path + PATHS[signal], url
    if bare:
        variable, endpoint = _endpoint(signal)
        scheme, _, _ = endpoint.partition(":")
        target = read(f"{SCHEME}{endpoint}", replace(FORM, port=PORTS[scheme]))
        is_whole = variable == _names(signal, "ENDPOINT")[0]
        path = target.path or "/" if is_whole else target.path + PATHS[signal]
    scheme = "https" if target.is_tls else "http"
    server = Target(url.name, scheme, "", target.host, target.port)
    context = None
    if target.is_tls:
        context = tls.context(
            _setting(signal, "CERTIFICATE"),
            _setting(signal, "CLIENT_CERTIFICATE"),
            _setting(signal, "CLIENT_KEY"),
        )
    return Poster(server, _headers(signal), _timeout_s(signal), context), path


def compression(signal: str) -> str:
    """Return how its requests are compressed. Raises UsageError."""
    variable, text = _setting(signal, "COMPRESSION")
    if text and text not in COMPRESSIONS:
        known = ", ".join(COMPRESSIONS)
        reason = did_you_mean(text, COMPRESSIONS) or f"known: {known}"
        raise _invalid(variable, text, reason)
    return text or packing.GZIP


def protocol(signal: str, *, bare: bool) -> Line | None:
    """Return a notice where another protocol is asked for. Raises UsageError.

    A place with a host says that it takes OTLP over HTTP: then it is only noticed.
    """
    variable, text = _setting(signal, "PROTOCOL")
    if text in PROTOCOLS:
        return None
    if bare:
        reason = f"sent is {OURS}; name a place that takes it: -o {FORM.form}"
        raise _invalid(variable, text, reason)
    return otlp_messages.OTHER_PROTOCOL.line(name=variable, value=text, ours=OURS)


def temporality() -> Line | None:
    """Return a notice where something else than totals is asked for."""
    variable, _ = _names(METRICS, "TEMPORALITY_PREFERENCE")  # there is none of all
    text = os.environ.get(variable, "").strip()
    if text.lower() in ("", "cumulative"):
        return None
    return otlp_messages.OTHER_TEMPORALITY.line(name=variable, value=text)


def resource() -> dict[str, str | None]:
    """Return the attributes of all resources, those of the environment last."""
    attributes: dict[str, str | None] = {
        "service.name": "tcpconnect",
        "service.version": __version__,
        "host.name": host_name(),
        "os.type": "linux",
    }
    for part in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            attributes[unquote(name.strip())] = unquote(value.strip())
    if service := os.environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = service
    return attributes


def _names(signal: str, name: str) -> tuple[str, str]:
    return ALL.format(f"{signal}_{name}"), ALL.format(name)


def _setting(signal: str, name: str) -> tuple[str, str]:
    """Return the first variable that is set, and its text, or the last, and ""."""
    for variable in _names(signal, name):
        if text := os.environ.get(variable, "").strip():
            return variable, text
    return variable, ""


def _endpoint(signal: str) -> tuple[str, str]:
    """Return who says where a signal goes, and a URL. Raises UsageError."""
    variable, text = _setting(signal, "ENDPOINT")
    text = text or DEFAULT
    scheme, _, rest = text.partition(":")
    reason = ""
    if scheme not in PORTS:
        reason = "it does not begin with http:// or https://"
    elif "@" in rest:
        reason = f"credentials belong into {FORM.secret}"
    elif "?" in rest or not where(rest):
        reason = "it is no URL of a host"
    if reason:
        raise UsageError(otlp_messages.INVALID_COLLECTOR, name=variable, reason=reason)
    return variable, text


def _headers(signal: str) -> dict[str, str]:
    variable, text = secret(*_names(signal, "HEADERS"))
    headers: dict[str, str] = {}
    for name, value in headers_from(variable, text).items():
        headers[name] = unquote(value)
        if not re.fullmatch(r"[\t -~]*", headers[name]):
            reason = f"the value of {name} has other characters than printable ASCII"
            message = alert_messages.INVALID_HEADERS
            raise UsageError(message, variable=variable, reason=reason)
    return headers


def _timeout_s(signal: str) -> float:
    variable, text = _setting(signal, "TIMEOUT")
    if text and not (text.isascii() and text.isdecimal()):
        raise _invalid(variable, text, "expected a number of milliseconds")
    return int(text[:9] or 0) / 1000 or LIMIT_S


def _invalid(variable: str, value: str, reason: str) -> UsageError:
    message = otlp_messages.INVALID_VARIABLE
    return UsageError(message, name=variable, value=value, reason=reason)
