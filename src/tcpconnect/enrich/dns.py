"""DNS messages: the name that was asked for, and the addresses of the answer."""

from __future__ import annotations

from typing import NamedTuple

from dns.exception import DNSException
from dns.name import from_wire_parser
from dns.wire import Parser

A, AAAA, IN = 1, 28, 1
RESPONSE = 0x8000
POINTER = 0xC0
MAPPED = bytes(10) + b"\xff\xff"


class MalformedError(ValueError):
    """Not a DNS message, or cut."""


class Answer(NamedTuple):
    """A DNS answer: the name of its question, and addresses of 16 bytes each.

    IPv4 addresses are mapped into IPv6. The name has no unprintable character (RFC 4343
    escapes) and no dot at its end.
    """

    name: str
    addresses: list[bytes]


def parse(message: bytes) -> Answer:
    """Return what a message answers.

    Raises MalformedError for anything that is not a whole answer to one question.
    """
    try:
        return _parse(Parser(message))
    except (DNSException, ValueError) as error:
        raise MalformedError(str(error)) from error


def _parse(parser: Parser) -> Answer:
    _, flags, questions, answers, _, _ = parser.get_struct("!HHHHHH")
    if not flags & RESPONSE or questions != 1:
        raise MalformedError("no answer to one question")
    name = from_wire_parser(parser).to_text(omit_final_dot=True)
    parser.get_struct("!HH")
    addresses = []
    for _ in range(answers):
        _skip_name(parser)
        kind, group, _, size = parser.get_struct("!HHIH")
        data = parser.get_bytes(size)
        if group == IN and kind == A and size == 4:
            addresses.append(MAPPED + data)
        elif group == IN and kind == AAAA and size == 16:
            addresses.append(data)
    return Answer(name, addresses)


def _skip_name(parser: Parser) -> None:
    """Go past a name without following its pointers (RFC 1035, 4.1.4).

    Reading the owner of every record would take most of the time.
    """
    while length := parser.get_uint8():
        if length >= POINTER:
            parser.get_uint8()
            return
        parser.get_bytes(length)
