"""Single attempts as objects of JSON, of pieces that are made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import json

from tcpconnect.memo import Memo

if TYPE_CHECKING:
    from tcpconnect.connection import Connection
    from tcpconnect.image import Image

MAX_PIECES = 4_096
_encoder = json.Encoder()


class AttemptRows:
    """Makes objects with the members of ``tcpconnect -j``, of those that are sent.

    A command line may have secrets: it is not among them. What there is none of is left
    out.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._whom: dict[tuple[object, ...], tuple[Image, str]] = {}
        self._where = Memo(_where, MAX_PIECES)
        self._how = Memo(_how, MAX_PIECES)

    def row(self, event: Connection) -> str:
        """Return the members of an attempt but its time, after a comma."""
        image = event.image
        who = id(image), event.pid, event.tid, event.comm, event.uid, event.netns
        known = self._whom.get(who)
        if known is None:
            if len(self._whom) >= MAX_PIECES:
                self._whom.clear()
            # It has the image, so that its ID stays the image's.
            known = self._whom[who] = image, self._who(event)
        where = self._where[
            event.query, event.daddr, event.dport, event.saddr, event.ip, event.event
        ]
        more = ""
        if event.latency_ms is not None:
            more = f',"latency_ms":{event.latency_ms!r}'
        if event.lport:
            more += f',"lport":{event.lport}'
        if event.syns is not None:
            more += f',"syns":{min(event.syns, 255)}'
        if event.dns_ms is not None:
            more += f',"dns_ms":{event.dns_ms!r}'
        return f"{known[1]}{where}{self._how[event.result, event.why]}{more}"

    def _who(self, event: Connection) -> str:
        place = event.image.place
        return _members(
            {
                "host": self._host,
                "uid": event.uid,
                "pid": event.pid,
                "tid": event.tid,
                "comm": event.comm,
                "exe": event.image.exe,
                "netns": event.netns,
                "container": place.container,
                "container_id": place.container_id,
                "runtime": place.runtime,
                "unit": place.unit,
                "pod": place.pod,
                "pod_uid": place.pod_uid,
            }
        )


def _where(place: tuple[Any, ...]) -> str:
    names = "query", "daddr", "dport", "saddr", "ip", "event"
    return _members(dict(zip(names, place, strict=True)))


def _how(ended: tuple[str | None, str | None]) -> str:
    return _members({"result": ended[0], "why": ended[1]})


def _members(named: dict[str, Any]) -> str:
    """Return members that there are, each after a comma."""
    there = {name: value for name, value in named.items() if value is not None}
    text = _encoder.encode(there).decode()
    return f",{text[1:-1]}" if there else ""
