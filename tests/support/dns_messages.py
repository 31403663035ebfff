"""Answers of DNS servers: made by hand, or as dnspython makes them."""

from __future__ import annotations

from socket import AF_INET, inet_pton
from typing import TYPE_CHECKING

import dns.message
import dns.name
import dns.rrset

from tcpconnect.enrich.dns import MAPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTION = b"\3www\7example\0\0\1\0\1"
A_RECORD = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x0a\1\2\3"
ADDRESS = MAPPED + inet_pton(AF_INET, "10.1.2.3")


def message(*records: bytes, flags: int = 0x8180, count: int | None = None) -> bytes:
    """Return an answer to QUESTION, made by hand."""
    answers = len(records) if count is None else count
    counts = b"".join(n.to_bytes(2, "big") for n in (1, answers, 0, 0))
    head = b"\x12\x34" + flags.to_bytes(2, "big") + counts
    return head + QUESTION + b"".join(records)


Set = tuple[str, str, list[str]]


def answer_to(name: str, kind: str, *sets: Set, more: Sequence[Set] = ()) -> bytes:
    """Return an answer as dnspython makes it: with compression, and EDNS.

    ``more`` are additional records.
    """
    query = dns.message.make_query(name, kind, use_edns=0)
    response = dns.message.make_response(query)
    for section, those in ((response.answer, sets), (response.additional, more)):
        for owner, type_, values in those:
            section.append(dns.rrset.from_text_list(owner, 60, "IN", type_, values))
    return response.to_wire(max_size=65535)


def service(data: bytes, kind: int = 65) -> bytes:
    """Return a record of HTTPS made by hand."""
    head = b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\0"
    return head + len(data).to_bytes(2, "big") + data
