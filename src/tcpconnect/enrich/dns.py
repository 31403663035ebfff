"""DNS messages: the name that was asked for, and the addresses of the answer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dns.exception import DNSException
from dns.name import from_wire_parser
from dns.wire import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

A, AAAA, SRV, SVCB, HTTPS, IN = 1, 28, 33, 64, 65, 1
IPV4_HINT, IPV6_HINT = 4, 6  # RFC 9460, 14.3.2
RESPONSE = 0x8000
POINTER = 0xC0
MAPPED = bytes(10) + b"\xff\xff"
MAX_TARGETS = 64  # of one answer: each is a name, which takes time to read


class MalformedError(ValueError):
    """Not a DNS message, or cut."""


class Answer(NamedTuple):
    """A DNS answer: the name of its question, and addresses of 16 bytes each.

    ``targets`` has other names, those of services, with their addresses. IPv4 addresses
    are mapped into IPv6. Names have no unprintable character (RFC 4343 escapes) and no
    dot at their end.
    """

    name: str
    addresses: list[bytes]
    targets: dict[str, list[bytes]]


def parse(message: bytes) -> Answer:
    """Return what a message answers.

    Raises MalformedError for anything that is not a whole answer to one question.
    """
    try:
        return _parse(Parser(message))
    except (DNSException, ValueError) as error:
        raise MalformedError(str(error)) from error


def _parse(parser: Parser) -> Answer:
    _, flags, questions, answers, authorities, others = parser.get_struct("!HHHHHH")
    if not flags & RESPONSE or questions != 1:
        raise MalformedError("no answer to one question")
    name = _name(parser)
    parser.get_struct("!HH")
    found: dict[str, list[bytes]] = {name: []}
    targets: dict[str, str] = {}  # in lower case, and by what name they are shown
    for _ in range(answers):
        _skip_name(parser)
        kind, size = _record(parser)
        if kind in {SRV, SVCB, HTTPS} and len(targets) < MAX_TARGETS:
            with parser.restrict_to(size):
                target, hints = _service(parser, kind)
            shown = target if kind == SRV else _shown(name, target)
            targets[target.lower()] = shown
            found.setdefault(shown, []).extend(hints)
        else:
            found[name] += _address(kind, parser.get_bytes(size))
    if targets:  # what is behind the answers may be cut
        with suppress(DNSException):
            _skip_records(parser, authorities)
            for owner, address in _additional(parser, others):
                if owner in targets:
                    found[targets[owner]].append(address)
    return Answer(name, found.pop(name), {n: a for n, a in found.items() if a})


def _name(parser: Parser) -> str:
    return from_wire_parser(parser).to_text(omit_final_dot=True)


def _record(parser: Parser) -> tuple[int, int]:
    """Return type and size of a record, behind its owner; type 0 for other classes."""
    kind, group, _, size = parser.get_struct("!HHIH")
    return kind if group == IN else 0, size


def _address(kind: int, data: bytes) -> list[bytes]:
    """Return the address that a record has, if it has one."""
    if kind == A and len(data) == 4:
        return [MAPPED + data]
    return [data] if kind == AAAA and len(data) == 16 else []


def _service(parser: Parser, kind: int) -> tuple[str, list[bytes]]:
    """Return the target of a service, and the addresses that its record has itself."""
    if kind == SRV:  # RFC 2782
        parser.get_struct("!HHH")
        return _name(parser), []
    parser.get_uint16()
    target = _name(parser)
    hints: list[bytes] = []
    while parser.remaining():
        key, size = parser.get_struct("!HH")
        value = parser.get_bytes(size)
        if key == IPV4_HINT and not size % 4:
            hints += [MAPPED + value[i : i + 4] for i in range(0, size, 4)]
        elif key == IPV6_HINT and not size % 16:
            hints += [value[i : i + 16] for i in range(0, size, 16)]
    return target, hints


def _shown(asked: str, target: str) -> str:
    """Return by what name the target of SVCB and HTTPS is shown (RFC 9460, 2.3).

    That is the one asked for, as it is for aliases. Behind the name of a service, which
    nobody connects to, is the target; "." stands for the name without the service's.
    """
    if not asked.startswith("_"):
        return asked
    if target != ".":
        return target
    labels = asked.split(".")
    while labels[1:] and labels[0].startswith("_"):
        del labels[0]
    return ".".join(labels)


def _additional(parser: Parser, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield the owners, in lower case, and the addresses of the first records."""
    for _ in range(min(count, 2 * MAX_TARGETS)):
        owner = _name(parser).lower()
        kind, size = _record(parser)
        for address in _address(kind, parser.get_bytes(size)):
            yield owner, address


def _skip_records(parser: Parser, count: int) -> None:
    for _ in range(count):
        _skip_name(parser)
        _, size = _record(parser)
        parser.get_bytes(size)


def _skip_name(parser: Parser) -> None:
    """Go past a name without following its pointers (RFC 1035, 4.1.4).

    Reading the owner of every record would take most of the time.
    """
    while length := parser.get_uint8():
        if length >= POINTER:
            parser.get_uint8()
            return
        parser.get_bytes(length)
