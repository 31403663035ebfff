"""What -o takes: a file, or a place with its scheme before it."""

from __future__ import annotations

from tcpconnect import place_messages
from tcpconnect.errors import UsageError, did_you_mean, masked

SQLITE, PROMETHEUS = "sqlite", "prometheus"
# Scheme: how a place of it is written.
OTLP, OTLPS = "otlp+http", "otlp+https"
CLICKHOUSE, CLICKHOUSES = "clickhouse", "clickhouses"
POSTGRESQL = "postgresql"
# What waits for them is in a spool.
REMOTE = frozenset({OTLP, OTLPS, CLICKHOUSE, CLICKHOUSES, POSTGRESQL})
DATABASES = frozenset({CLICKHOUSE, CLICKHOUSES, POSTGRESQL})
FORMS = {
    SQLITE: "sqlite:PATH",
    PROMETHEUS: "prometheus://[ADDRESS:]PORT",
    OTLP: "otlp+http://HOST:4318",
    OTLPS: "otlp+https://HOST:4318",
    CLICKHOUSE: "clickhouse://HOST:8123/DATABASE",
    CLICKHOUSES: "clickhouses://HOST:8443/DATABASE",
    POSTGRESQL: "postgresql://HOST:5432/DATABASE",
}
_SCHEME = r"([A-Za-z][A-Za-z0-9+.-]*)(:(?://)?)?"


def scheme_of(place: str) -> tuple[str, str]:
    """Return the scheme of a place, and what is behind it; "" for a file."""
    scheme, colon, rest = place.partition(":")
    return (scheme, rest) if colon and scheme in FORMS else ("", place)


def has_metrics(place: str) -> bool:
    """Whether a place is one of metrics, or wants them, too."""
    scheme, rest = scheme_of(place)
    wants = "metrics=yes" in rest.partition("?")[2]
    return scheme == PROMETHEUS or (scheme in {OTLP, OTLPS} and wants)


def checked(place: str) -> str:
    """Return a place. Raises UsageError for what is neither that nor meant as a file.

    A file of any name can be written as ./FILE.
    """
    scheme, rest = scheme_of(place)
    if scheme == PROMETHEUS:
        from tcpconnect.endpoints import endpoint

        endpoint(rest)
    if scheme and rest:
        return place
    if not place:
        raise _unknown(place, "")
    import re

    found = re.match(_SCHEME, place)
    word, colon = found.groups() if found else ("", None)
    lower = (word or "").lower()
    if lower in FORMS and (colon or word == place):
        raise _unknown(place, f"write {FORMS[lower]}")
    if colon:
        near = did_you_mean(lower, FORMS).rstrip("?")
        if near or colon.endswith("//"):
            raise _unknown(place, near)
    return place


def _unknown(place: str, remedy: str) -> UsageError:
    remedy = remedy or f"write FILE, or {', '.join(FORMS.values())}"
    message = place_messages.UNKNOWN_PLACE
    return UsageError(message, place=masked(place), remedy=remedy)
