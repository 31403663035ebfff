"""Otlp: a collector of OpenTelemetry, over HTTP, in JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import json
from msgspec.structs import replace

from tcpconnect import __version__
from tcpconnect.image import Place
from tcpconnect.notify.otlp import record as alert_record
from tcpconnect.output import say
from tcpconnect.remote import otlp_metrics, otlp_records, otlp_settings, packing
from tcpconnect.remote.attributes import of_place, strings
from tcpconnect.remote.spool import ALERTS, LOSSES, METRICS, SINGLE, WINDOWS, Packed
from tcpconnect.transport.undelivered import UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tcpconnect.alerts.alert import Notice
    from tcpconnect.connection import Connection
    from tcpconnect.history.rows import Key
    from tcpconnect.history.store import Run
    from tcpconnect.metrics.facts import Facts
    from tcpconnect.metrics.ledger import Page
    from tcpconnect.remote.place import Counted, Wheres
    from tcpconnect.remote.spool import Block
    from tcpconnect.transport.post import Poster

# A collector may not be sent the same again after these: OTLP 1.9, "Failures".
NEVER = {500, 501, 505}
NOWHERE = Place()
# What the lists of a request are called: of log records, of metrics.
NAMES = (
    ("resourceLogs", "scopeLogs", "logRecords"),
    ("resourceMetrics", "scopeMetrics", "metrics"),
)


# In the JSON of protobuf null is what is not there.
class _Partial(msgspec.Struct, frozen=True, rename="camel"):
    rejected_log_records: int | str | None = 0
    rejected_data_points: int | str | None = 0


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    partial_success: _Partial | None = None


class _Way(NamedTuple):
    """How requests of a signal are packed, and where they go."""

    pack: Callable[[bytes], bytes]
    poster: Poster
    path: str


_answers = json.Decoder(_Answer)


class Otlp:
    """Makes requests of windows and attempts: a resource for each container or pod."""

    def __init__(self, text: str, *, quiet: bool = False) -> None:
        url = otlp_settings.place(text)
        self.name = url.name
        self.events = url.asked["events"]
        self.every_s = int(url.asked["every"].rstrip("s"))
        self._url, self._bare = url, otlp_settings.is_bare(text)
        self.with_metrics = url.asked["metrics"] == "yes"
        self._quiet = quiet
        self._said: set[str] = set()
        self._singles = otlp_records.Singles()

    def open(self) -> None:
        """Read the environment and certificates. Raises UsageError."""
        self._common = strings(otlp_settings.resource())
        self._logs = self._way(otlp_settings.LOGS)
        if self.with_metrics:
            if (notice := otlp_settings.temporality()) and not self._quiet:
                say(notice)
            self._points = self._way(otlp_settings.METRICS)
            self._metrics = otlp_metrics.Points(time.time_ns())

    def _way(self, signal: str) -> _Way:
        """Return how a signal is packed and sent. Raises UsageError."""
        notice = otlp_settings.protocol(signal, bare=self._bare)
        if notice and not self._quiet and str(notice) not in self._said:
            self._said.add(str(notice))  # one of both signals is said once
            say(notice)
        poster, path = otlp_settings.poster(self._url, signal, bare=self._bare)
        pack = packing.packer(otlp_settings.compression(signal))
        return _Way(pack, poster, path)

    def windows(self, rows: Sequence[Counted], wheres: Wheres) -> Packed:
        """Return a request of rows of windows."""
        made = (
            (_where(key, wheres), otlp_records.window(key, row, time, span))
            for (span, time), key, row in rows
        )
        attempts = sum(row.attempts for _, _, row in rows)
        return Packed(WINDOWS, len(rows), attempts, self._request(made))

    def metrics(
        self, page: Page, facts: Facts, wheres: Mapping[str, Place], now: int
    ) -> Packed:
        """Return a request of all series, with ``?metrics=yes``."""
        made = self._metrics.made(page, facts, now, wheres, NOWHERE)
        return Packed(METRICS, len(made), 0, self._request(made, METRICS))

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

    def alert(self, notice: Notice, where: Place | None) -> Packed:
        """Return a request of an alert."""
        record = json.encode(alert_record(notice)).decode()
        return Packed(
            ALERTS, 1, 1, self._request([(where or NOWHERE, record)]), notice.id
        )

    def deliver(self, block: Block, body: bytes) -> int:
        """Send a request; return how many attempts are refused."""
        if block.kind == METRICS and not self.with_metrics:
            return 0  # it is of a run before, and not asked for any more
        try:
            _, poster, path = self._points if block.kind == METRICS else self._logs
            answer = poster.post(path, body, packing.encoding(body))
        except UndeliveredError as error:
            error.again = error.again and error.status not in NEVER
            raise
        try:
            partial = _answers.decode(answer or b"{}").partial_success or _Partial()
            refused = int(
                partial.rejected_log_records or partial.rejected_data_points or 0
            )
        except ValueError:
            raise UndeliveredError("its answer is no OTLP") from None
        if not refused or not block.rows:
            return 0
        # Which rows is not said: as many as they have on average.
        return min(block.attempts, -(-block.attempts * refused // block.rows))

    def _request(
        self, records: Iterable[tuple[Place, str]], kind: str = WINDOWS
    ) -> bytes:
        """Return a request of log records, or of metrics, by their resources."""
        resources: dict[Place, list[str]] = {}
        by_id: dict[int, list[str]] = {}
        for where, record in records:
            known = by_id.get(id(where))
            if known is None:
                identity = _identity(where)
                known = by_id[id(where)] = resources.setdefault(identity, [])
            known.append(record)
        of_all, of_scope, each = NAMES[kind == METRICS]
        way = self._points if kind == METRICS else self._logs
        scope = f'"scope":{{"name":"tcpconnect","version":"{__version__}"}}'
        every = ",".join(
            f'{{"resource":{{"attributes":[{",".join(self._common + of_place(w))}]}},'
            f'"{of_scope}":[{{{scope},"{each}":[{",".join(some)}]}}]}}'
            for w, some in resources.items()
        )
        body = f'{{"{of_all}":[{every}]}}'.encode()
        return way.pack(body)


def _where(key: Key, wheres: Wheres) -> Place:
    return wheres.get((key.program.container, key.program.pod), NOWHERE)


def _identity(where: Place) -> Place:
    """Return what a resource is of a place: units and cgroups are none."""
    return replace(where, cgroup=None, unit=None)
