"""Otlp: a collector of OpenTelemetry, over HTTP, in JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from tcpconnect import __version__
from tcpconnect.image import Place as Where
from tcpconnect.notify.channel import UndeliveredError
from tcpconnect.notify.post import LIMIT_S, Poster
from tcpconnect.notify.target import Target, headers_from
from tcpconnect.remote import otlp_metrics, otlp_records
from tcpconnect.remote.attributes import of_place, strings
from tcpconnect.remote.packing import gzipped
from tcpconnect.remote.place import WORDS
from tcpconnect.remote.spool import LOSSES, METRICS, SINGLE, WINDOWS, Packed
from tcpconnect.remote.url import Form, read, secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tcpconnect.connection import Connection
    from tcpconnect.history.rows import Key
    from tcpconnect.history.store import Run
    from tcpconnect.remote.place import Counted, Wheres
    from tcpconnect.remote.spool import Block

LOGS, POINTS = "/v1/logs", "/v1/metrics"
# A collector may not be sent the same again after these: OTLP 1.9, "Failures".
NEVER = {500, 501, 505}
VARIABLES = ("OTEL_EXPORTER_OTLP_LOGS_{}", "OTEL_EXPORTER_OTLP_{}")
NOWHERE = Where()
# What the lists of a request are called: of log records, of metrics.
NAMES = (
    ("resourceLogs", "scopeLogs", "logRecords"),
    ("resourceMetrics", "scopeMetrics", "metrics"),
)
FORM = Form(
    "otlp+http://HOST:4318",
    4318,
    "OTEL_EXPORTER_OTLP_HEADERS",
    {**WORDS, "metrics": ("no", "yes")},
)


class _Partial(msgspec.Struct, frozen=True, rename="camel"):
    rejected_log_records: int | str = 0
    rejected_data_points: int | str = 0
    error_message: str = ""


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    partial_success: _Partial = _Partial()


_answers = msgspec.json.Decoder(_Answer)


class Otlp:
    """Makes requests of windows and attempts: a resource for each container or pod."""

    def __init__(self, text: str) -> None:
        url = read(text, FORM)
        self.name = url.name
        self.events = url.asked["events"]
        self.every_s = int(url.asked["every"].rstrip("s"))
        scheme = "https" if url.is_tls else "http"
        self._target = Target(url.name, scheme, url.path, url.host, url.port)
        self._with_metrics = url.asked["metrics"] == "yes"
        self._singles = otlp_records.Singles()

    def open(self) -> None:
        """Read the environment and certificates. Raises UsageError."""
        variable, text = secret(*(name.format("HEADERS") for name in VARIABLES))
        headers = {
            name: unquote(value) for name, value in headers_from(variable, text).items()
        }
        self._packs = _setting("COMPRESSION", "gzip") != "none"
        if self._packs:
            headers["Content-Encoding"] = "gzip"
        self._poster = Poster(self._target, headers, _timeout_s())
        self._common = strings(_common())

    def windows(self, rows: Sequence[Counted], wheres: Wheres) -> Packed:
        """Return a request of rows of windows."""
        made = (
            (_where(key, wheres), otlp_records.window(key, row, time, span))
            for (span, time), key, row in rows
        )
        attempts = sum(row.attempts for _, _, row in rows)
        return Packed(WINDOWS, len(rows), attempts, self._request(made))

    def metrics(self, rows: Sequence[Counted], wheres: Wheres) -> Packed | None:
        """Return a request of sums and histograms, with ``?metrics=yes``."""
        if not self._with_metrics:
            return None
        made = (
            (_where(row[1], wheres), point)
            for row in rows
            for point in otlp_metrics.points(*row)
        )
        return Packed(METRICS, 2 * len(rows), 0, self._request(made, METRICS))

    def losses(self, lost: Mapping[tuple[int, str], int]) -> Packed:
        """Return a request of what was lost."""
        made = [(NOWHERE, otlp_records.lost(*when, n)) for when, n in lost.items()]
        return Packed(LOSSES, len(made), 0, self._request(made))

    def runs(self, run: Run, watched: int, *, ended: bool) -> None:
        """Return nothing: a collector knows by its resources who sends."""

    def single(self, events: Sequence[Connection]) -> Packed:
        """Return a request of attempts."""
        record = self._singles.record
        made = ((event.image.place, record(event)) for event in events)
        return Packed(SINGLE, len(events), len(events), self._request(made))

    def deliver(self, block: Block, body: bytes) -> int:
        """Send a request; return how many attempts are refused."""
        try:
            path = POINTS if block.kind == METRICS else LOGS
            answer = self._poster.post(path, body)
        except UndeliveredError as error:
            error.again = error.again and error.status not in NEVER
            raise
        try:
            partial = _answers.decode(answer or b"{}").partial_success
            refused = int(partial.rejected_log_records or partial.rejected_data_points)
        except ValueError:
            raise UndeliveredError("its answer is no OTLP") from None
        if not refused or not block.rows:
            return 0
        # Which rows is not said: as many as they have on average.
        return min(block.attempts, -(-block.attempts * refused // block.rows))

    def _request(
        self, records: Iterable[tuple[Where, str]], kind: str = WINDOWS
    ) -> bytes:
        """Return a request of log records, or of metrics, by their resources."""
        resources: dict[Where, list[str]] = {}
        by_id: dict[int, list[str]] = {}
        for where, record in records:
            known = by_id.get(id(where))
            if known is None:
                identity = _identity(where)
                known = by_id[id(where)] = resources.setdefault(identity, [])
            known.append(record)
        of_all, of_scope, each = NAMES[kind == METRICS]
        scope = f'"scope":{{"name":"tcpconnect","version":"{__version__}"}}'
        every = ",".join(
            f'{{"resource":{{"attributes":[{",".join(self._common + of_place(w))}]}},'
            f'"{of_scope}":[{{{scope},"{each}":[{",".join(some)}]}}]}}'
            for w, some in resources.items()
        )
        body = f'{{"{of_all}":[{every}]}}'.encode()
        return gzipped(body) if self._packs else body


def _where(key: Key, wheres: Wheres) -> Where:
    return wheres.get((key.program.container, key.program.pod), NOWHERE)


def _identity(where: Where) -> Where:
    """Return what a resource is of a place: units and cgroups are none."""
    return replace(where, cgroup=None, unit=None)


def _setting(name: str, default: str) -> str:
    for variable in VARIABLES:
        if text := os.environ.get(variable.format(name)):
            return text
    return default


def _timeout_s() -> float:
    text = _setting("TIMEOUT", "")
    return int(text) / 1000 if text.isdecimal() and int(text) else LIMIT_S


def _common() -> dict[str, str | None]:
    """Return the attributes of all resources, those of the environment last."""
    attributes: dict[str, str | None] = {
        "service.name": "tcpconnect",
        "service.version": __version__,
        "host.name": os.uname().nodename,
        "os.type": "linux",
    }
    for part in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            attributes[unquote(name.strip())] = unquote(value.strip())
    if service := os.environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = service
    return attributes
