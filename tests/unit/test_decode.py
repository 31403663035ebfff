"""From the bytes of a record to what is shown: names, addresses, results, times."""

from __future__ import annotations

import errno
import unicodedata
from socket import AF_INET6, inet_ntop
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.decode import address
from tcpconnect.formats import open_format
from tcpconnect.kernel.records import (
    ABORTED,
    OK,
    PENDING,
    UNKNOWN,
)
from tcpconnect.output import printable
from tests.support.decoding import MAPPED, attempt, run_of
from tests.support.decoding import decoded as events
from tests.support.properties import steady
from tests.support.samples import CONNECTION_COLUMNS

if TYPE_CHECKING:
    from tcpconnect.connection import Connection

LOOPBACK = MAPPED + b"\x7f\0\0\1"
SECOND = 1_000_000_000


def record(
    *,
    time_ns: int = SECOND,
    latency_ns: int = 0,
    lport: int = 0,
    result: int = UNKNOWN,
    comm: bytes = b"curl",
) -> bytes:
    """Return a record as the kernel writes it."""
    return attempt(
        time_ns=time_ns,
        latency_ns=latency_ns,
        saddr=LOOPBACK,
        daddr=LOOPBACK,
        pid=1469,
        lport=lport,
        dport=80,
        result=result,
        comm=comm,
    )


def decoded(first_ns: int = SECOND, **changes: Any) -> Connection:
    """Return a record decoded."""
    (event,) = events(run_of(record(**changes)), first_ns=first_ns)
    return event


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"curl", "curl"),
        (b"curl\0\0\0\0\0\0\0\0\0\0\0\0", "curl"),
        (b"new\0old name", "new"),
        (b"", ""),
        (b"\0rest", ""),
        (b"sixteen-bytes-..", "sixteen-bytes-.."),
        (b"two words", "two words"),
        (b" ", " "),
        ("été".encode(), "été"),
        ("日本".encode(), "日本"),
        (b"a\x1b[2J", r"a\x1b[2J"),
        (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        (b"a\nb", r"a\nb"),
        (b"a\rb", r"a\rb"),
        (b"a\tb", r"a\tb"),
        (b"\x7f", r"\x7f"),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"caf\xc3", r"caf\xc3"),
        (b"\xc2\x9b2J", r"\x9b2J"),  # CSI as one character
        (b"\xc0\x9b", r"\xc0\x9b"),  # overlong: ESC in two bytes
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),  # a surrogate
        ("\u202egnp".encode(), r"\u202egnp"),  # right-to-left override
        ("\u2066x".encode(), r"\u2066x"),
        ("\u200b".encode(), r"\u200b"),  # zero width
        ("\u2028".encode(), r"\u2028"),  # line separator
        ("\u00a0".encode(), r"\xa0"),
        ("\ufeff".encode(), r"\ufeff"),
        ("\U000e0041".encode(), r"\U000e0041"),  # a tag
        ("a\u034fb".encode(), r"a\u034fb"),  # combining grapheme joiner
        ("\u3164".encode(), r"\u3164"),  # Hangul filler
        ("\u115f\u1160\uffa0".encode(), r"\u115f\u1160\uffa0"),
        ("\u2764\ufe0f".encode(), "\u2764\\ufe0f"),  # variation selectors
        ("a\U000e0100".encode(), r"a\U000e0100"),
        ("\u2800".encode(), r"\u2800"),  # Braille without dots
        ("\u0301a".encode(), r"\u0301a"),  # a mark for what stands before the name
        ("\u20dda".encode(), r"\u20dda"),
        ("\u093ea".encode(), r"\u093ea"),
        ("/\u0338a".encode(), r"/\u0338a"),  # for what separates words
        ("\x1b\u0301\u0301".encode(), r"\x1b\u0301\u0301"),  # for an escape
        ("e\u0301".encode(), "e\u0301"),
        ("=\u0338o\u0302\u0301".encode(), "=\u0338o\u0302\u0301"),
        ("\u0645\u06cc\u200c\u062e".encode(), "\u0645\u06cc\u200c\u062e"),  # Persian
        ("\u0915\u094d\u200d\u0937".encode(), "\u0915\u094d\u200d\u0937"),  # Hindi
        ("\u09b0\u200d\u09cd\u09af".encode(), "\u09b0\u200d\u09cd\u09af"),  # Bengali
        ("\u0661\u200d\u0662".encode(), "\u0661\\u200d\u0662"),  # digits need none
        ("\u06dd\u200c\u06dd".encode(), r"\u06dd\u200c\u06dd"),
        ("\U0001d159\U00013441".encode(), r"\U0001d159\U00013441"),  # blanks
        ("a\u200cb".encode(), r"a\u200cb"),
        ("\u0645\u200c".encode(), "\u0645\\u200c"),
        ("\u200d\u0645".encode(), "\\u200d\u0645"),
        ("\u0645\u200c\u200c\u0645".encode(), "\u0645\\u200c\\u200c\u0645"),
        (b"'\"\\", "'\"\\"),
        (b"%s", "%s"),
    ],
)
def test_printable(raw: bytes, expected: str) -> None:
    """A name ends with its NUL; what a terminal might act on is written out."""
    assert printable(raw) == expected


@given(raw=st.binary(max_size=16))
@steady
def test_nothing_unprintable_is_left(raw: bytes) -> None:
    """Whatever the bytes, no control, format or line separator character is left."""
    unsafe = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert [c for c in printable(raw) if unicodedata.category(c) in unsafe] == []


@given(raw=st.binary(max_size=16))
@steady
def test_any_name_is_one_cell_of_a_line(raw: bytes) -> None:
    """In every format a hostile name stays within its row."""
    event = decoded(comm=raw.ljust(16, b"\0"))
    for output in ("table", "csv"):
        text = open_format(output, CONNECTION_COLUMNS).rows([event]).decode()
        assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (MAPPED + b"\x7f\0\0\1", "127.0.0.1"),
        (MAPPED + b"\0\0\0\0", "0.0.0.0"),  # noqa: S104 (an address, not a server)
        (MAPPED + b"\xff\xff\xff\xff", "255.255.255.255"),
        (bytes(15) + b"\1", "::1"),
        (bytes(16), "::"),
        (bytes.fromhex("fe80000000000000200000fffe823ac0"), "fe80::2000:ff:fe82:3ac0"),
        (bytes.fromhex("20010db8000000000000000000000001"), "2001:db8::1"),
        (b"\xff" * 16, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        # NAT64, and "IPv4-compatible": IPv6 on the wire.
        (bytes.fromhex("0064ff9b000000000000000001020304"), "64:ff9b::102:304"),
    ],
)
def test_address(raw: bytes, expected: str) -> None:
    """An IPv4-mapped address is IPv4, all others are as inet_ntop(3) writes them."""
    assert address(raw) == expected


@given(raw=st.binary(min_size=16, max_size=16))
@steady
def test_any_ipv6_address(raw: bytes) -> None:
    """Sixteen bytes are an IPv6 address, unless it is a mapped one."""
    assert address(raw) == inet_ntop(AF_INET6, raw).removeprefix("::ffff:")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (OK, "OK"),
        (ABORTED, "ABORTED"),
        (PENDING, "PENDING"),
        (UNKNOWN, None),
        (errno.ECONNREFUSED, "ECONNREFUSED"),
        (errno.ETIMEDOUT, "ETIMEDOUT"),
        (errno.EHOSTUNREACH, "EHOSTUNREACH"),
        (errno.ENETUNREACH, "ENETUNREACH"),
        (errno.ECONNRESET, "ECONNRESET"),
        (errno.EADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (errno.EPIPE, "EPIPE"),
        (512, "errno 512"),  # ERESTARTSYS, which the kernel keeps to itself
        (4095, "errno 4095"),
    ],
)
def test_result(code: int, expected: str | None) -> None:
    """A result is a word of ours, the name of an errno, or its number."""
    assert decoded(result=code).result == expected


@pytest.mark.parametrize(
    ("result", "latency_ns", "expected"),
    [
        (OK, 0, 0.0),
        (OK, 999, 0.0),
        (OK, 1_500_000, 1.5),
        (OK, 123_456_789, 123.456),
        (errno.ETIMEDOUT, 127 * SECOND, 127_000.0),
        (PENDING, 7_000_000, 7.0),
        (UNKNOWN, 7_000_000, None),
    ],
)
def test_latency(result: int, latency_ns: int, expected: float | None) -> None:
    """Latency is in milliseconds, cut to whole microseconds; unknown as the result."""
    assert decoded(result=result, latency_ns=latency_ns).latency_ms == expected


@pytest.mark.parametrize(("lport", "expected"), [(0, None), (1, 1), (65535, 65535)])
def test_lport(lport: int, expected: int | None) -> None:
    """Port 0 is a port that is not known yet."""
    assert decoded(lport=lport).lport == expected


@pytest.mark.parametrize(
    ("time_ns", "expected"),
    [(SECOND, 0.0), (SECOND + 1_500_000, 0.0015), (11 * SECOND, 10.0)],
)
def test_elapsed(time_ns: int, expected: float) -> None:
    """TIME(s) counts from the first attempt of all."""
    assert decoded(first_ns=SECOND, time_ns=time_ns).elapsed_s == expected


def test_no_time_before_the_first() -> None:
    """Attempts that began on two CPUs at once may be the first both: none is at -0."""
    event = decoded(first_ns=SECOND, time_ns=SECOND - 100)
    row = open_format("table", CONNECTION_COLUMNS[:1]).rows([event])
    assert row == b"0.000\n"


def clock(now_ns: int, monotonic_ns: int) -> SimpleNamespace:
    """Return a time module that stands still."""
    return SimpleNamespace(time_ns=lambda: now_ns, monotonic_ns=lambda: monotonic_ns)


def test_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day is that of the attempt, not that of its decoding."""
    monkeypatch.setattr(
        "tcpconnect.machine.clock.time", clock(500 * SECOND, 30 * SECOND)
    )
    assert decoded(time_ns=20 * SECOND + 7).time == 490 * SECOND + 7


def test_time_of_day_follows_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the clock of the machine is set, the next batch has the new time."""
    times = []
    for now in (500, 900):
        stopped = clock(now * SECOND, 30 * SECOND)
        monkeypatch.setattr("tcpconnect.machine.clock.time", stopped)
        times.append(decoded(time_ns=20 * SECOND).time)
    assert times == [490 * SECOND, 890 * SECOND]


def test_batch_keeps_its_order() -> None:
    """Records are decoded in the order in which they were written, none is left out."""
    records = [record(time_ns=n, lport=n) for n in (3, 1, 2)]
    assert [event.lport for event in events(run_of(*records))] == [3, 1, 2]


def test_empty_batch() -> None:
    """No records are no events."""
    assert events(run_of()) == []
