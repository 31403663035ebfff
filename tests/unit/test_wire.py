"""Names in DNS messages: as dnspython reads them, whatever the message is."""

from __future__ import annotations

import dns.exception
import dns.name
import dns.wire
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcpconnect.enrich.wire import MAX_POINTERS, MalformedError, Reader
from tests.support.properties import steady

# What names are made of: short labels, pointers near and far, and any byte.
PIECES = st.one_of(
    st.binary(min_size=1, max_size=63).map(lambda label: bytes([len(label)]) + label),
    st.integers(0, 300).map(lambda at: (0xC000 | at).to_bytes(2, "big")),
    st.just(b"\0"),
    st.binary(max_size=3),
)
MESSAGES = st.lists(PIECES, max_size=40).map(b"".join)


def read(message: bytes, at: int) -> str | None:
    """Return the name that begins there, or None."""
    reader = Reader(message)
    reader.at = at
    try:
        return reader.name()
    except MalformedError:
        return None


def read_by_dnspython(message: bytes, at: int) -> str | None:
    """Return the same as dnspython has it."""
    parser = dns.wire.Parser(message)
    try:
        parser.seek(at)
        return dns.name.from_wire_parser(parser).to_text(omit_final_dot=True)
    except dns.exception.DNSException:
        return None


@given(MESSAGES, st.integers(0, 300))
@example(b"\3www\7example\0", 0)
@example(b"\0", 0)
@example(4 * (b"\x3f" + 63 * b"a") + b"\0", 0)  # 257 bytes
@example(3 * (b"\x3f" + 63 * b"a") + b"\x3d" + 61 * b"a" + b"\0", 0)  # 255 bytes
@example(b"\1a\xc0\0", 0)
@example(b"\1a\0\1b\xc0\0", 3)
@example(bytes([255]) + bytes(range(255)), 0)
@example(b"".join(b"\1" + bytes([c]) for c in range(127)) + b"\0", 0)
@steady
def test_name(message: bytes, at: int) -> None:
    """The same name, or none."""
    assert read(message, at) == read_by_dnspython(message, at)


def test_each_byte() -> None:
    """Each byte of a label is quoted as dnspython does it."""
    messages = [bytes([1, byte, 0]) for byte in range(256)]
    expected = [read_by_dnspython(message, 0) for message in messages]
    assert [read(message, 0) for message in messages] == expected


def test_many_pointers() -> None:
    """A name of nothing but pointers ends soon."""
    chain = b"\0\0" + b"".join(
        (0xC000 | at).to_bytes(2, "big") for at in range(0, 9000, 2)
    )
    last = len(chain) - 2
    assert read(chain, last) is None
    assert read(chain, 2 * (MAX_POINTERS - 1)) == "."


def test_what_is_behind() -> None:
    """What is read next is what is behind the name, not behind what it points to."""
    reader = Reader(b"\1a\0\1b\xc0\0\1c\0")
    reader.at = 3
    assert (reader.name(), reader.name()) == ("b.a", "c")


def test_only() -> None:
    """A record is read as far as it goes, and all of it."""
    reader = Reader(b"abcdef")
    with reader.only(2):
        assert reader.bytes(2) == b"ab"
    with pytest.raises(MalformedError), reader.only(2):
        reader.bytes(3)
    reader = Reader(b"abcdef")
    with pytest.raises(MalformedError), reader.only(2):
        reader.bytes(1)
    with pytest.raises(MalformedError), Reader(b"a").only(2):
        pass
