"""DNS messages: what is read, and what is refused."""

from __future__ import annotations

from socket import AF_INET, inet_pton

import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.enrich.dns import MAPPED, Answer, parse
from tcpconnect.enrich.wire import MalformedError
from tests.support.dns_messages import (
    A_RECORD,
    ADDRESS,
    QUESTION,
    answer_to,
    message,
    service,
)
from tests.support.properties import steady
from tests.support.records import raw


def test_a() -> None:
    """IPv4 addresses are mapped."""
    assert parse(message(A_RECORD)) == Answer("www.example", [ADDRESS], {})


def test_aaaa() -> None:
    """IPv6 addresses are what they are."""
    data = answer_to("www.example", "AAAA", ("www.example.", "AAAA", ["fd00::1"]))
    assert parse(data) == Answer("www.example", [raw("fd00::1")], {})


def test_aliases() -> None:
    """The name is that of the question; owners and aliases do not matter."""
    data = answer_to(
        "www.example",
        "A",
        ("www.example.", "CNAME", ["cdn.example."]),
        ("cdn.example.", "CNAME", ["edge.example.net."]),
        ("edge.example.net.", "A", ["10.1.2.3"]),
    )
    assert parse(data) == Answer("www.example", [ADDRESS], {})


def test_many_addresses() -> None:
    """All addresses are read."""
    texts = [f"10.2.3.{i}" for i in range(60)]
    data = answer_to("www.example", "A", ("www.example.", "A", texts))
    expected = {MAPPED + inet_pton(AF_INET, text) for text in texts}
    assert set(parse(data).addresses) == expected


@pytest.mark.parametrize(
    "record",
    [
        b"\xc0\x0c\0\x10\0\1\0\0\0\0\0\4\x0a\1\2\3",
        b"\xc0\x0c\0\1\0\3\0\0\0\0\0\4\x0a\1\2\3",
        b"\xc0\x0c\0\1\0\1\0\0\0\0\0\5\x0a\1\2\3\4",
        b"\xc0\x0c\0\x1c\0\1\0\0\0\0\0\4\x0a\1\2\3",
        b"\xc0\x0c\0\1\0\1\0\0\0\0\0\0",
    ],
    ids=["TXT", "class CH", "A of 5 bytes", "AAAA of 4 bytes", "empty A"],
)
def test_other_records_are_passed_over(record: bytes) -> None:
    """Addresses of other classes are skipped; the next one is read."""
    assert parse(message(record, A_RECORD)).addresses == [ADDRESS]


@pytest.mark.parametrize(
    "owner",
    [b"\xc0\x0c", b"\0", b"\3www\7example\0", b"\1a\xc0\x0c", b"\xff\xff"],
    ids=["pointer", "root", "in full", "label and pointer", "pointer to nowhere"],
)
def test_owner_of_a_record_is_not_read(owner: bytes) -> None:
    """Whatever its owner, a record is found behind it."""
    assert parse(message(owner + A_RECORD[2:])).addresses == [ADDRESS]


def test_what_follows_is_not_read() -> None:
    """Other sections, and what is no message, may follow."""
    assert parse(message(A_RECORD) + b"\xff" * 100).addresses == [ADDRESS]


def test_no_addresses() -> None:
    """An answer without records names nothing."""
    assert parse(message()) == Answer("www.example", [], {})


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([b""], "."),
        ([b"a", b""], "a"),
        ([b"a.b", b"c", b""], r"a\.b.c"),
        ([b"\x1b[0m", b""], r"\027[0m"),
        (["\u202e".encode(), b""], r"\226\128\174"),
        ([b"WWW", b""], "WWW"),
        ([b"x" * 63] * 3 + [b"y" * 61, b""], ".".join(["x" * 63] * 3 + ["y" * 61])),
    ],
)
def test_name(labels: list[bytes], text: str) -> None:
    """Names are shown as RFC 4343 has it, without the dot at the end."""
    wire = dns.name.Name(labels).to_wire()
    assert wire is not None
    data = message(A_RECORD).replace(QUESTION, wire + b"\0\1\0\1")
    assert parse(data).name == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"?",
        message(A_RECORD)[:12],
        message(A_RECORD)[:20],
        message(A_RECORD)[:-1],
        message(A_RECORD, count=2),
        message(A_RECORD, flags=0x0100),
        message(A_RECORD).replace(b"\0\1", b"\0\2", 1),
        message(A_RECORD).replace(b"\0\1", b"\0\0", 1),
        message(A_RECORD).replace(QUESTION, b"\xc0\x0c\0\1\0\1"),
        message(A_RECORD).replace(QUESTION, b"\x40www\0\0\1\0\1"),
        message(b"\xc0"),
        message(b"\3ww"),
        message(service(b"\0\1\0\0\4\0\4\x0a")),
        message(service(b"\0\0\0\0\1\x87\3www", kind=33)),
        message(service(b"\0\0\0\0\1\x87\xff\xff", kind=33)),
    ],
    ids="empty|short|header|name|address|count|query|two questions|no question|loop|"
    "label type|half pointer|half label|half hint|half target|nowhere".split("|"),
)
def test_malformed(data: bytes) -> None:
    """What is not a whole answer to one question is refused."""
    with pytest.raises(MalformedError):
        parse(data)


def read(data: bytes) -> None:
    """Read a message if it is one; what is read must be harmless."""
    try:
        answer = parse(data)
    except MalformedError:
        return
    found = {answer.name: answer.addresses, **answer.targets}
    for name, addresses in found.items():
        assert name.isascii()
        assert name.isprintable()
        assert {len(address) for address in addresses} <= {16}


@steady
@given(st.binary(max_size=600))
def test_any_bytes(data: bytes) -> None:
    """Bytes from anywhere are read or refused."""
    read(data)


@steady
@given(st.data())
def test_any_change(data: st.DataObject) -> None:
    """So is an answer with some bytes changed, and cut anywhere."""
    hinted = service(b"\0\1\0\0\4\0\4\x0a\1\2\3")
    wire = bytearray(message(A_RECORD, b"\1a\xc0\x0c" + A_RECORD[2:], hinted))
    for at in data.draw(st.lists(st.integers(0, len(wire) - 1), max_size=4)):
        wire[at] = data.draw(st.integers(0, 255))
    read(bytes(wire[: data.draw(st.integers(0, len(wire)))]))
