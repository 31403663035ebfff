"""Log records of OTLP in JSON: windows of attempts, and attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.memo import Memo
from tcpconnect.remote.attributes import decimal, integer, numbers, string, strings
from tcpconnect.times import NANO
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from tcpconnect.connection import Connection
    from tcpconnect.history.rows import Key, Row
    from tcpconnect.image import Image

MAX_PIECES = 4_096
# Severity numbers of the data model of OpenTelemetry's logs.
INFO = '"severityNumber":9,"severityText":"INFO"'
WARN = '"severityNumber":13,"severityText":"WARN"'


def window(key: Key, row: Row, time: int, span: int) -> str:
    """Return the record of a row: attempts of ``span`` seconds from ``time`` on."""
    program = key.program
    named = {
        "tcpconnect.program": program.program,
        "tcpconnect.unit": program.unit,
        "server.address": key.destination,
        "network.peer.address": row.address,
        "dns.question.name": row.query,
        "tcpconnect.result": key.result,
        "tcpconnect.why": key.why,
        "error.type": key.result if key.result not in NO_FAILURES else "",
    }
    counts = {
        "process.user.id": program.uid,
        "server.port": key.dport,
        "tcpconnect.window_s": span,
        "tcpconnect.attempts": row.attempts,
        "tcpconnect.latency_us": row.latency_us,
        "tcpconnect.latency_max_us": row.latency_max_us,
        "tcpconnect.dns_us": row.dns_us,
        "tcpconnect.syns": row.syns,
        "tcpconnect.first_seen": row.first,
        "tcpconnect.last_seen": row.last,
    }
    pieces = [*strings({**named}), *(integer(*count) for count in counts.items())]
    if row.latencies:
        known = [row.latencies.get(n, 0) for n in range(max(row.latencies) + 1)]
        pieces.append(numbers("tcpconnect.latencies", known))
    level = INFO if key.result in NO_FAILURES else WARN
    return record("window", time * NANO, (time + span) * NANO, level, pieces)


def lost(time: int, reason: str, number: int) -> str:
    """Return the record of what was lost in the minute from a time on."""
    pieces = [
        string("tcpconnect.reason", reason),
        integer("tcpconnect.lost", number),
    ]
    return record("lost", time * NANO, time * NANO, WARN, pieces)


def record(name: str, time: int, seen: int, level: str, pieces: list[str]) -> str:
    """Return a record of an event; times are nanoseconds since the epoch."""
    return (
        f'{{"timeUnixNano":"{time}","observedTimeUnixNano":"{seen}",{level},'
        f'"eventName":"tcpconnect.{name}","attributes":[{",".join(pieces)}]}}'
    )


class Singles:
    """Makes records of attempts, of pieces that it keeps."""

    def __init__(self) -> None:
        self._whom: dict[tuple[object, ...], tuple[Image, str]] = {}
        self._where = Memo(_where, MAX_PIECES)
        self._how = Memo(_how, MAX_PIECES)

    def record(self, event: Connection) -> str:
        """Return the record of an attempt; its time is when it began."""
        image = event.image
        who = id(image), event.pid, event.tid, event.comm, event.uid
        known = self._whom.get(who)
        if known is None:
            if len(self._whom) >= MAX_PIECES:
                self._whom.clear()
            # It has the image, so that its ID stays the image's.
            known = self._whom[who] = image, _who(event)
        where = self._where[event.query, event.daddr, event.dport, event.saddr]
        level, how = self._how[event.result, event.why]
        latency, begin = event.latency_ms, event.time
        took = 0
        more = ""
        if latency is not None:
            took = int(latency * 1e6)
            more += "," + decimal("tcpconnect.latency_ms", latency)
        if event.lport:
            more += "," + integer("network.local.port", event.lport)
        if event.syns is not None:
            more += "," + integer("tcpconnect.syns", event.syns)
        if event.dns_ms is not None:
            more += "," + decimal("tcpconnect.dns_ms", event.dns_ms)
        return (
            f'{{"timeUnixNano":"{begin}","observedTimeUnixNano":"{begin + took}",'
            f'{level},"eventName":"tcpconnect.attempt","attributes":[{known[1]}'
            f"{where}{how}{more}]}}"
        )


def _who(event: Connection) -> str:
    image = event.image
    pieces = [integer("process.user.id", event.uid)]
    if event.pid is not None:
        pieces.append(integer("process.pid", event.pid))
    if event.tid is not None:
        pieces.append(integer("thread.id", event.tid))
    named = {
        "thread.name": event.comm,
        "process.executable.path": image.exe,
        "tcpconnect.unit": image.place.unit,
    }
    return ",".join([*pieces, *strings(named)])


def _where(place: tuple[str | None, str | None, int | None, str | None]) -> str:
    query, daddr, dport, saddr = place
    named = {
        "server.address": query or daddr,
        "network.peer.address": daddr,
        "network.local.address": saddr,
    }
    pieces = strings(named)
    if dport is not None:
        pieces.append(integer("server.port", dport))
    return "".join(f",{piece}" for piece in pieces)


def _how(ended: tuple[str | None, str | None]) -> tuple[str, str]:
    """Return severity and attributes."""
    result, why = ended
    error = None if result in NO_FAILURES else result
    named = {"tcpconnect.result": result, "tcpconnect.why": why, "error.type": error}
    pieces = "".join(f",{piece}" for piece in strings(named))
    return INFO if result in NO_FAILURES else WARN, pieces
