"""Members of the records of names mean in Python what C writes into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.enrich.names import Names
from tests.support.header import header
from tests.support.records import IPV4, MS, message, named, query, raw, run

if TYPE_CHECKING:
    from tcpconnect.bpf.ring import Run

DATA = message("www.example", IPV4)
STREAM = len(DATA).to_bytes(2, "big") + DATA


def record(struct: str, /, **members: int | bytes) -> Run:
    """Return a C struct with these members; all others are 0."""
    layout = header().flat(struct)
    data = bytearray(layout.size)
    for name, offset, size in layout.members:
        value = members.pop(name, 0)
        if isinstance(value, int):
            value = value.to_bytes(size, "little")
        data[offset : offset + len(value)] = value
    assert not members
    return run(layout.size, [bytes(data)])


def test_answer() -> None:
    """Times, payload, and who got it."""
    names = Names()
    names.learn(
        record(
            "small_answer",
            time_ns=5 * MS,
            asked_ns=2 * MS,
            cgroup=11,
            netns_key=12,
            pid=13,
            start_ns=14,
            length=len(DATA),
            data=DATA + b"what the ring had before",
        )
    )
    names.learn(record("small_answer", time_ns=MS, length=9, data=DATA))
    shown = named(names, pid=13, start_ns=14, monotonic_ns=6 * MS)
    actual = (shown.query, shown.query_age_ms, shown.dns_ms, names.unread)
    assert actual == ("www.example", 1.0, 3.0, 1)
    other = message("other.example", IPV4)
    names.learn(record("small_answer", time_ns=5 * MS, length=len(other), data=other))
    scopes: list[dict[str, int]] = [
        {"pid": 13, "start_ns": 14},
        {"cgroup_id": 11},
        {"netns": 12},
        {"pid": 13},
    ]
    found = [query(names, monotonic_ns=6 * MS, **scope) for scope in scopes]
    assert found == ["www.example"] * 3 + ["other.example"]


def test_segments() -> None:
    """The stream, the place in it, and what its socket has got."""
    names = Names()
    for socket, start, end in ((7, 20, 1000), (8, 20, 1000), (7, 0, 20)):
        data = STREAM[start:end]
        names.learn(
            record(
                "large_answer",
                socket=socket,
                seq=1000 + start,
                next_seq=1000,
                length=len(data),
                tcp=1,
                data=data,
            )
        )
    assert (query(names), names.unread) == ("www.example", 0)


def test_lookup() -> None:
    """Times, name, addresses, and who looked it up."""
    names = Names()
    names.learn(
        record(
            "lookup",
            time_ns=5 * MS,
            asked_ns=2 * MS,
            cgroup=11,
            pid=12,
            start_ns=14,
            netns_key=13,
            count=1,
            cut=1,
            name=b"www.example",
            addresses=raw(IPV4) + raw("10.1.2.4"),
        )
    )
    shown = named(names, pid=12, start_ns=14, monotonic_ns=6 * MS)
    actual = (shown.query, shown.query_age_ms, shown.dns_ms, names.unread)
    assert actual == ("www.example", 1.0, 3.0, 1)
    assert query(names, "10.1.2.4", monotonic_ns=6 * MS) is None
    names.learn(
        record(
            "lookup",
            time_ns=5 * MS,
            count=1,
            name=b"other.example",
            addresses=raw(IPV4),
        )
    )
    scopes: list[dict[str, int]] = [
        {"pid": 12, "start_ns": 14},
        {"cgroup_id": 11},
        {"netns": 13},
        {"pid": 12},
    ]
    found = [query(names, monotonic_ns=6 * MS, **scope) for scope in scopes]
    assert found == ["www.example"] * 3 + ["other.example"]


def test_started() -> None:
    """The process."""
    names = Names()
    names.learn(record("started", time_ns=1, pid=2))
    assert names.started == [2]
