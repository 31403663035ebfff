"""DNS messages: the name in the question, and the addresses of the answer."""

from __future__ import annotations

from contextlib import suppress
from struct import Struct as Layout
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.enrich.wire import MalformedError, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

A, AAAA, SRV, SVCB, HTTPS, IN = 1, 28, 33, 64, 65, 1
IPV4_HINT, IPV6_HINT = 4, 6  # RFC 9460, 14.3.2
RESPONSE, TRUNCATED = 0x8000, 0x0200
MAPPED = bytes(10) + b"\xff\xff"
# ID, flags, and the numbers of questions, answers, authorities, additional records.
HEADER = Layout("!HHHHHH")
KIND = Layout("!HH")  # of a question: type, class
RECORD = Layout("!HHIH")  # after its owner: type, class, TTL, size
PRIORITY, SRV_HEAD, HINT = Layout("!H"), Layout("!HHH"), Layout("!HH")
MAX_TARGETS = 64  # of one answer: reading names takes time


class Answer(msgspec.Struct, frozen=True):
    """A DNS answer: the name of its question, and addresses of 16 bytes each.

    ``targets`` has the names of services, with their addresses. IPv4 addresses are
    mapped to IPv6. Unprintable characters of names are escaped (RFC 4343); names have
    no final dot.
    """

    name: str
    addresses: list[bytes]
    targets: dict[str, list[bytes]]


def parse(message: bytes) -> Answer:
    """Return the answer in a message.

    Raises MalformedError if it is not a complete answer to one question.
    """
    reader = Reader(message)
    _, flags, questions, answers, authorities, others = reader.unpack(HEADER)
    if not flags & RESPONSE or questions != 1:
        raise MalformedError("no answer to one question")
    name = reader.name()
    reader.unpack(KIND)
    found: dict[str, list[bytes]] = {name: []}
    targets: dict[str, str] = {}  # in lower case, to the name that is shown
    for _ in range(answers):
        reader.skip_name()
        kind, size = _record(reader)
        if kind in {SRV, SVCB, HTTPS} and len(targets) < MAX_TARGETS:
            with reader.only(size):
                target, hints = _service(reader, kind)
            shown = target if kind == SRV else _shown(name, target)
            targets[target.lower()] = shown
            found.setdefault(shown, []).extend(hints)
        else:
            found[name] += _address(kind, reader.bytes(size))
    if targets:  # what follows the answers may be truncated
        with suppress(MalformedError):
            _skip_records(reader, authorities)
            for owner, address in _additional(reader, others):
                if owner in targets:
                    found[targets[owner]].append(address)
    return Answer(name, found.pop(name), {n: a for n, a in found.items() if a})


def _record(reader: Reader) -> tuple[int, int]:
    """Return type and size of a record, after its owner; type 0 for other classes."""
    kind, group, _, size = reader.unpack(RECORD)
    return kind if group == IN else 0, size


def _address(kind: int, data: bytes) -> list[bytes]:
    """Return the address in a record, if there is one."""
    if kind == A and len(data) == 4:
        return [MAPPED + data]
    return [data] if kind == AAAA and len(data) == 16 else []


def _service(reader: Reader, kind: int) -> tuple[str, list[bytes]]:
    """Return the target of a service, and the addresses in its own record."""
    if kind == SRV:  # RFC 2782
        reader.unpack(SRV_HEAD)
        return reader.name(), []
    reader.unpack(PRIORITY)
    target = reader.name()
    hints: list[bytes] = []
    while reader.at < reader.end:
        key, size = reader.unpack(HINT)
        value = reader.bytes(size)
        if key == IPV4_HINT and not size % 4:
            hints += [MAPPED + value[i : i + 4] for i in range(0, size, 4)]
        elif key == IPV6_HINT and not size % 16:
            hints += [value[i : i + 16] for i in range(0, size, 16)]
    return target, hints


def _shown(asked: str, target: str) -> str:
    """Return the name to show for the target of SVCB and HTTPS (RFC 9460, 2.3).

    It is the name in the question, as for aliases. If that is the name of a service, to
    which no program connects, it is the target; "." means the name without the labels
    of the service.
    """
    if not asked.startswith("_"):
        return asked
    if target != ".":
        return target
    labels = asked.split(".")
    while labels[1:] and labels[0].startswith("_"):
        del labels[0]
    return ".".join(labels)


def _additional(reader: Reader, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield the owners, in lower case, and the addresses of the first records."""
    for _ in range(min(count, 2 * MAX_TARGETS)):
        owner = reader.name().lower()
        kind, size = _record(reader)
        for address in _address(kind, reader.bytes(size)):
            yield owner, address


def _skip_records(reader: Reader, count: int) -> None:
    for _ in range(count):
        reader.skip_name()
        _, size = _record(reader)
        reader.bytes(size)
