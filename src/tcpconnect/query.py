"""The name of a destination, as bcc's tcpconnect shows it."""

from __future__ import annotations

NO_QUERY = "No DNS Query"
LONG_AGE_MS = 100
LOOPBACK = {"127.0.0.1": "localhost", "::1": "localhost"}


def query_text(
    query: str | None, scope: str | None, daddr: str | None, age_ms: float | None
) -> str:
    """Return a name as bcc's tcpconnect shows it, with its age when that is long.

    ``?`` marks what this process did not ask for, as far as is known.
    """
    if query is None:
        return NO_QUERY
    own = scope in {None, "process"}
    if not own and query != LOOPBACK.get(daddr or ""):
        query += "?"
    if age_ms is None or age_ms <= LONG_AGE_MS:
        return query
    return f"{query} ({age_ms:.3f}ms)"
