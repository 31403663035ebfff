"""Alertmanager: what is active is sent again each minute, and ends by itself."""

from __future__ import annotations

import time
from threading import Condition
from typing import TYPE_CHECKING, Any

from msgspec import json

from tcpconnect.alerts.alert import NEW, SOLVED, Pair
from tcpconnect.batch import Warnings
from tcpconnect.notify.channel import Health, Thread
from tcpconnect.times import NANO, rfc3339
from tcpconnect.transport.target import ALERTS
from tcpconnect.transport.undelivered import UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tcpconnect.alerts.alert import Alert, Notice

AGAIN_S = 60.0
LASTS_S = 4 * AGAIN_S  # without being sent again
SOON_S = 10.0  # until it is tried again
NEW_LASTS_S = 3_600.0
MAX_NEW = 100
MAX_SOLVED = 1_024


class Alertmanager:
    """Sends all that is active, when that changes and each minute.

    What fails is active until it is solved, what is new for an hour. Nothing is kept
    for it: after a restart it is sent what is active then.
    """

    keeps = False

    def __init__(
        self,
        name: str,
        post: Callable[[str, bytes], object],
        host: str,
        again_s: float = AGAIN_S,
        lasts_s: float = LASTS_S,
        new_lasts_s: float = NEW_LASTS_S,
    ) -> None:
        self.name = name
        self.warnings = Warnings()
        self._post, self._host = post, host
        self._again_s, self._lasts_s, self.new_lasts_s = again_s, lasts_s, new_lasts_s
        self._health = Health(name, self.warnings)
        self._changed = Condition()
        self._failing: dict[Pair, Alert] = {}
        self._new: dict[Pair, Alert] = {}
        self._solved: dict[Pair, Alert] = {}
        self._due = 0.0  # when to send next, of the monotonic clock
        self._closing = self._ended = False

    def start(self) -> None:
        """Start its thread."""
        Thread(self._turn).start()

    def put(self, notice: Notice) -> None:
        """Send an alert at once."""
        self._add([notice.alert])

    def resume(self, alerts: Collection[Alert]) -> None:
        """Take what was reported by a run before."""
        self._add(alerts)

    def _add(self, alerts: Collection[Alert]) -> None:
        with self._changed:
            for alert in alerts:
                pair = Pair(alert.program, alert.destination, alert.dport)
                if alert.kind == NEW:
                    self._new[pair] = alert
                elif alert.kind == SOLVED:
                    self._failing.pop(pair, None)
                    self._solved[pair] = alert
                else:
                    self._solved.pop(pair, None)
                    self._failing[pair] = alert
            for known, most in (self._new, MAX_NEW), (self._solved, MAX_SOLVED):
                for pair in list(known)[: max(0, len(known) - most)]:
                    del known[pair]
            self._due = 0.0
            self._changed.notify()

    def active(self, alerts: Collection[Alert]) -> None:
        """Take all that is failing now."""
        failing = {Pair(a.program, a.destination, a.dport): a for a in alerts}
        with self._changed:
            self._failing = failing

    def close(self, seconds: float) -> None:
        """Send what changed; all of it ends by itself, some minutes later."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ended, seconds)

    def _turn(self) -> bool:
        with self._changed:
            while not (self._closing or time.monotonic() >= self._due):
                self._changed.wait(self._due - time.monotonic())
            last = self._closing
            wanted = not (last and self._due)
            self._due = time.monotonic() + self._again_s
            sent, solved = self._all(time.time()), dict(self._solved)
        if sent and wanted:
            self._send(sent, solved)
        if last:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
        return not last

    def _send(self, sent: list[dict[str, Any]], solved: dict[Pair, Alert]) -> None:
        try:
            self._post(ALERTS, json.encode(sent))
        except UndeliveredError as error:
            self._health.failed(error)
            with self._changed:
                self._due = min(self._due, time.monotonic() + SOON_S)
            return
        self._health.worked()
        with self._changed:
            for pair, alert in solved.items():
                if self._solved.get(pair) is alert:
                    del self._solved[pair]

    def _all(self, now: float) -> list[dict[str, Any]]:
        lasting = now - self.new_lasts_s
        self._new = {p: a for p, a in self._new.items() if a.time > lasting}
        until = now + self._lasts_s
        new = [
            self._one(a, min(until, a.time + self.new_lasts_s))
            for a in self._new.values()
        ]
        failing = [self._one(alert, until) for alert in self._failing.values()]
        return [*new, *failing, *(self._one(a, now) for a in self._solved.values())]

    def _one(self, alert: Alert, until: float) -> dict[str, Any]:
        name = "New" if alert.kind == NEW else "Failing"
        begin = alert.since or alert.time
        return {
            "labels": {
                "alertname": f"Tcpconnect{name}",
                "severity": "warning",
                "host": self._host,
                "program": alert.program,
                "destination": alert.destination,
                "dport": str(alert.dport),
            },
            "annotations": {
                "summary": alert.text,
                **({"result": alert.result} if alert.result else {}),
                **({"examples": ", ".join(alert.examples)} if alert.examples else {}),
            },
            "startsAt": rfc3339(begin * NANO),
            "endsAt": rfc3339(max(round(until * NANO), begin * NANO)),
        }
