"""The messages about metrics: where they are served, and what they need."""

from __future__ import annotations

from tcpconnect.errors import Message

INVALID_ENDPOINT = Message(
    "invalid place of metrics {value!r}",
    "{reason}",
    "write prometheus://PORT, prometheus://ADDRESS:PORT or prometheus://[IPV6]:PORT",
)
NO_PROMETHEUS = Message(
    "prometheus:// needs the library prometheus_client",
    "it is not installed",
    "install it: {installer} prometheus-client",
)
CANT_SERVE = Message("can't serve metrics at {place}", "{reason}", "{remedy}")
SERIES_WITHOUT_METRICS = Message(
    "--max-series needs metrics",
    "",
    "add -o prometheus://PORT, or ?metrics=yes to otlp+http://HOST",
)
SERVED = Message("metrics are served at http://{place}/metrics")
