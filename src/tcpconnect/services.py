"""Ports by the names of /etc/services."""

from __future__ import annotations

from tcpconnect import messages
from tcpconnect.errors import UsageError, did_you_mean

# Where there is no /etc/services, distributions keep their own in /usr.
PLACES = ("/etc/services", "/usr/etc/services")
TCP = "tcp"
MANY_PORTS = 1 << 16


def port_of(name: str) -> int:
    """Return the port of a TCP service, by name or alias. Raises UsageError."""
    known = _tcp_services()
    port = known.get(name, known.get(name.lower()))
    if port is None:
        near = did_you_mean(name, known)
        raise UsageError(messages.INVALID_PORT, name=name, file=PLACES[0], near=near)
    return port


def _tcp_services() -> dict[str, int]:
    """Return the ports of all TCP services, in the format of services(5)."""
    ports: dict[str, int] = {}
    for line in _lines():
        name, *words = line.partition("#")[0].split() or [""]
        number, _, protocol = (words or [""])[0].partition("/")
        if protocol == TCP and number.isdecimal() and int(number) < MANY_PORTS:
            for each in (name, *words[1:]):
                ports.setdefault(each, int(number))
    return ports


def _lines() -> list[str]:
    for path in PLACES:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.readlines()
        except OSError:
            continue
    return []
