"""What C and Python both say about shared memory must be the same.

The truth is the type information that the compiler writes: that of the objects which
are loaded into the kernel, and of one with all types for what has no variable there.
"""

from __future__ import annotations

import ctypes
import re
import struct
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

import pytest

from tcpconnect.bpf.ring import ALIGNMENT, HEADER_BYTES, Run
from tcpconnect.counted import decode_flows
from tcpconnect.enrich import calls, process
from tcpconnect.enrich import names as enrich_names
from tcpconnect.kernel import config, networks, records
from tcpconnect.kernel.records import KINDS
from tcpconnect.machine import cgroup
from tcpconnect.machine.processes import Process
from tests.support.btf import BpfObject, Layout, Member
from tests.support.decoding import decoded, run_of
from tests.support.header import header, number
from tests.support.records import lookup

TOP = Path(__file__).parents[2]
OBJECT = BpfObject(TOP / "src/tcpconnect/bpf/attempts.bpf.o")

RECORDS = {kind.struct: kind.layout.format for kind in KINDS.values()}
FORMATS = {
    "connection": RECORDS["connection"],
    "flow": records.FLOW.format,
    "flow_counts": records.FLOW_COUNTS.format,
}
STRUCTURES = {
    "config": config.Config,
    "networks": config.Networks,
    "progress": records.Progress,
    "followed": records.Followed,
}


def of_structure(structure: type[ctypes.Structure]) -> Layout:
    """Return the layout of a ctypes Structure."""
    names = [name for name, *_ in structure._fields_]
    fields = {name: getattr(structure, name) for name in names}
    members = [Member(n, field.offset, field.size) for n, field in fields.items()]
    return Layout(ctypes.sizeof(structure), tuple(members))


def of_format(text: str) -> Layout:
    """Return the layout that a format of the struct module describes; no names.

    Successive pad bytes are one member.
    """
    order, items = text[0], re.findall(r"(?:\d*x)+|\d+s|[a-zA-Z]", text[1:])
    members = []
    for i, item in enumerate(items):
        offset = struct.calcsize(order + "".join(items[:i]))
        members.append(Member("", offset, struct.calcsize(order + item)))
    return Layout(struct.calcsize(text), tuple(members))


def without_names(layout: Layout) -> Layout:
    """Return the layout of a format."""
    members = tuple(member._replace(name="") for member in layout.members)
    return layout._replace(members=members)


@pytest.mark.parametrize("name", FORMATS)
def test_format_is_the_c_struct(name: str) -> None:
    """Every member has the offset and size that C gives it."""
    actual = of_format(FORMATS[name])
    assert actual == without_names(OBJECT.struct(name))


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_is_the_c_struct(name: str) -> None:
    """Every member has the name, offset and size that C gives it."""
    actual = of_structure(STRUCTURES[name])
    assert actual == OBJECT.struct(name)


@pytest.mark.parametrize("name", RECORDS)
def test_record_is_the_c_struct(name: str) -> None:
    """Every member of a record has the offset and size that C gives it."""
    actual = of_format(RECORDS[name])
    assert actual == without_names(header().flat(name))


def test_records_are_told_by_their_length() -> None:
    """No two kinds of records are of one length."""
    lengths = {name: header().struct(name).size for name in RECORDS}
    assert sorted(set(lengths.values())) == sorted(lengths.values())


class Meaning(NamedTuple):
    """A value of a C member, and where it comes out as what."""

    value: int | bytes
    shown_in: str
    shown: object


IPV4 = bytes(10) + b"\xff\xff\x0a\x01\x02\x03"
IPV6 = bytes.fromhex("fd000001") + bytes(11) + b"\x02"
LOCAL = b"\xfe\x80" + IPV6[2:]

CONNECTION_MEANINGS = {
    "time_ns": Meaning(5_000_000_000, "elapsed_s", 2.0),
    "latency_ns": Meaning(1_500_999, "latency_ms", 1.5),
    "cgroup": Meaning(11, "cgroup_id", 11),
    "saddr": Meaning(IPV4, "saddr", "10.1.2.3"),
    "daddr": Meaning(LOCAL, "daddr", "fe80:1::2"),
    "pid": Meaning(12, "pid", 12),
    "tid": Meaning(13, "tid", 13),
    "uid": Meaning(14, "uid", 14),
    "netns": Meaning(15, "netns", 15),
    "lport": Meaning(16, "lport", 16),
    "dport": Meaning(17, "dport", 17),
    "result": Meaning(111, "result", "ECONNREFUSED"),
    "ip": Meaning(6, "ip", 6),
    "comm": Meaning(b"curl", "comm", "curl"),
    "start_ns": Meaning(21, "query", "own.example"),
    "image": Meaning(18, "exe", "/usr/bin/curl"),
    "ppid": Meaning(19, "ppid", 19),
    "mntns": Meaning(20, "mntns", 20),
    "netns_key": Meaning(22, "query", "own.example"),
    "visited_ns": Meaning(23, "query", "own.example"),
    "asked": Meaning(LOCAL, "asked", "fe80:1::2"),
    "asked_port": Meaning(24, "asked_port", 24),
    "asked_ip": Meaning(6, "asked", "fe80:1::2"),
    "refused_by": Meaning(2, "refused_by", 2),
}
CURL = records.SMALL_PROCESS.layout.pack(18, 0, 13, 0, 0, 0, b"curl\0bin\0usr")
FIRST_NS = 3_000_000_000

FLOW_MEANINGS = {
    "saddr": Meaning(IPV4, "saddr", "10.1.2.3"),
    "daddr": Meaning(IPV6, "daddr", "fd00:1::2"),
    "dport": Meaning(443, "dport", 443),
    "netns_key": Meaning(7, "netnses", (7,)),
    "connects": Meaning(9, "connects", 9),
    "ok": Meaning(3, "ok", 3),
    "failed": Meaning(2, "failed", 2),
    "resent": Meaning(2, "resent", 2),
    "latency_total_ns": Meaning(8_000_000, "latency_avg_ms", 2.0),
    "latency_max_ns": Meaning(5_000_000, "latency_max_ms", 5.0),
    "refused": Meaning(1, "latency_avg_ms", 2.0),
}


def filled(name: str, meanings: dict[str, Meaning]) -> bytes:
    """Return a C struct whose members, all of them, have these values."""
    layout = OBJECT.struct(name)
    data = bytearray(layout.size)
    for member in layout.members:
        if member.name in {"reserved", "wanted"}:  # nothing for Python
            continue
        value = meanings[member.name].value
        if isinstance(value, int):
            value = value.to_bytes(member.size, "little")
        data[member.offset : member.offset + len(value)] = value
    return bytes(data)


def shown(event: object, meanings: dict[str, Meaning]) -> dict[str, object]:
    """Return what came out, by the name of the C member."""
    return {name: getattr(event, m.shown_in) for name, m in meanings.items()}


def test_members_of_connection_mean_the_same() -> None:
    """Each member that C writes comes out as the member of Connection it means."""
    record = filled("connection", CONNECTION_MEANINGS)
    processes = process.Processes(frozenset({"ppid", "exe", "mntns"}))
    header = bytes(HEADER_BYTES)
    processes.learn(Run(len(CURL), header + CURL))
    names = enrich_names.Names()
    for name, start_ns, netns in (("own", 21, 22), ("other", 22, 22), ("far", 21, 15)):
        who = {"pid": 12, "start_ns": start_ns, "netns": netns}
        names.learn(lookup(f"{name}.example", "fe80:1::2", **who))
    (origin,) = records.Members({"visited_ns"}).of(run_of(record))
    assert origin == (CONNECTION_MEANINGS["visited_ns"].value,)
    every = (calls.Calls(), processes, names)
    (event,) = decoded(run_of(record), *every, first_ns=FIRST_NS)
    actual = shown(event, CONNECTION_MEANINGS)
    assert actual == {name: m.shown for name, m in CONNECTION_MEANINGS.items()}


def test_members_of_flow_mean_the_same() -> None:
    """Each member that C counts comes out as the member of Flow it means."""
    key = records.FLOW.unpack(filled("flow", FLOW_MEANINGS))
    counts = records.FLOW_COUNTS.unpack(filled("flow_counts", FLOW_MEANINGS))
    (flow,) = decode_flows([key + counts], ())
    actual = shown(flow, FLOW_MEANINGS)
    assert actual == {name: m.shown for name, m in FLOW_MEANINGS.items()}


def test_networks_are_laid_out_as_in_c() -> None:
    """How deep cgroups may be, and the beginning of the values of networks' maps."""
    assert number("MAX_LEVELS") == cgroup.MAX_LEVELS
    values = networks.NetworkSet([ip_network("::/1"), ip_network("0.0.0.0/1")]).values
    for version, change_size in (("ipv4", 2), ("ipv6", 16)):
        _, changes = header().struct(f"{version}_set").members
        assert changes == Member("changes", 4 * (65536 + 2), change_size)
        assert len(values[version]) == changes.offset + 2 * change_size


def test_processes_are_listed_as_in_c() -> None:
    """What a list of processes is made of, member by member."""
    assert of_format(records.LISTED.format) == without_names(header().struct("listed"))
    names = [member.name for member in header().struct("listed").members]
    assert names == list(Process.__struct_fields__)


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_aligned(name: str) -> None:
    """Records follow each other on the ring without a gap: the framed format fits."""
    assert (HEADER_BYTES + header().struct(name).size) % ALIGNMENT == 0
