"""Rows that are made of records are those of Connections that are made of them."""

from __future__ import annotations

import ast
import struct
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.connection import CONNECTION
from tcpconnect.decode import Decoder
from tcpconnect.enrich.calls import Calls
from tcpconnect.enrich.names import Names
from tcpconnect.enrich.process import Processes
from tcpconnect.enrich.reasons import Reasons
from tcpconnect.formats import open_format
from tcpconnect.formats.rows import Rows
from tcpconnect.formats.table import TRIAL_ROWS
from tcpconnect.kernel.records import (
    ABORTED,
    MEMBERS,
    PENDING,
    SMALL_PROCESS,
    UNKNOWN,
)
from tcpconnect.summary import Summary
from tests.support.decoding import MAPPED, attempt, decoded, explained, run_of
from tests.support.properties import steady
from tests.support.records import lookup, run

if TYPE_CHECKING:
    from tcpconnect.bpf.ring import Run
    from tcpconnect.enrich import Enricher

FORMATS = {
    "table": {},
    "json": {},
    "csv": {},
    "colored": {"colored": True},
    "fitted": {"width": lambda: 100},
}
EPOCH_NS = 1_700_000_000_123_456_789
EVIDENCE = ("icmp_from", "drop", "syns", "seen")
# Values that have a meaning, or that enrichers know.
KNOWN: dict[str, tuple[int | bytes, ...]] = {
    "time_ns": (0, 5_000_000_000),
    "pid": (0, 12),
    "comm": (b"curl", b'a,"b"\n', b"\xff\x1b[2J"),
    "saddr": (bytes(16), MAPPED + bytes(4)),
    "daddr": (MAPPED + b"\x0a\1\2\3", bytes(15) + b"\1"),
    "result": (0, 111, ABORTED, PENDING, UNKNOWN),
    "image": (0, 1, 2),
    "start_ns": (21,),
    "netns_key": (22,),
    "asked": (MAPPED + b"\x0a\1\2\3",),
    "asked_ip": (0, 4),
    "refused_by": (0, 1),
    "seen": (0, 1, 2, 3),
}


def _any(name: str) -> st.SearchStrategy[int | bytes]:
    """Return what a member may be."""
    layout = MEMBERS[name]
    anything: st.SearchStrategy[int | bytes] = (
        st.binary(min_size=16, max_size=16)
        if layout == "16s"
        else st.integers(0, 256 ** struct.calcsize(layout[0]) - 1)
    )
    return st.sampled_from(KNOWN[name]) | anything if name in KNOWN else anything


ATTEMPTS = st.lists(st.fixed_dictionaries({n: _any(n) for n in MEMBERS}), max_size=4)


def records(attempts: list[dict[str, int | bytes]], *, ended: bool) -> Run:
    """Return attempts as the kernel writes them, ``ended``: with evidence."""
    raw = []
    for members in attempts:
        evidence: list[Any] = [members[name] for name in EVIDENCE]
        record = attempt(**{n: v for n, v in members.items() if n not in EVIDENCE})
        raw.append(explained(record, *evidence) if ended else record)
    return run_of(*raw)


def opened(output: str, columns: list[str]) -> Rows:
    """Return a format."""
    how: Any = FORMATS[output]
    name = output if output in ("json", "csv") else "table"
    form = open_format(name, [CONNECTION[column] for column in columns], **how)
    assert isinstance(form, Rows)
    return form


def enrichers() -> list[Enricher]:
    """Return all of them; each knows something."""
    processes = Processes(frozenset({"ppid", "mntns", "exe", "cmdline", "cgroup"}))
    processes.learn(
        run(
            SMALL_PROCESS.length,
            [
                SMALL_PROCESS.layout.pack(1, 0, 9, 2, 0, 5, b"curl\0bin\0a\0x,y\0z"),
                SMALL_PROCESS.layout.pack(2, 0, 0, 0, 0, 0, b""),
            ],
        )
    )
    names = Names()
    names.learn(lookup("own.example", "10.1.2.3", pid=12, start_ns=21, netns=22))
    names.learn(lookup("other.example", "10.1.2.3", asked_ns=1))
    return [Calls(), Reasons({3: "NETFILTER_DROP"}), processes, names]


@given(
    attempts=ATTEMPTS,
    ended=st.booleans(),
    columns=st.lists(st.sampled_from([*CONNECTION]), min_size=1, unique=True),
    used=st.sets(st.integers(0, 3)),
    output=st.sampled_from(sorted(FORMATS)),
)
@steady
def test_rows_of_records(
    attempts: list[dict[str, int | bytes]],
    *,
    ended: bool,
    columns: list[str],
    used: set[int],
    output: str,
) -> None:
    """In every format, with any columns, whatever is added: the same bytes."""
    raw = records(attempts, ended=ended)
    form, other = (opened(output, columns) for _ in range(2))
    with mock.patch("tcpconnect.decode.epoch_ns", return_value=EPOCH_NS):
        added = [enrichers()[i].added for i in sorted(used)]
        made = form.maker(Decoder(added))(raw, 1_000_000_000)
        others = [enrichers()[i] for i in sorted(used)]
        events = decoded(raw, *others, first_ns=1_000_000_000)
    assert len(made) == len(attempts)
    assert form.text(made) == other.rows(events)


@given(attempts=ATTEMPTS, ended=st.booleans())
@steady
def test_summary_of_records(
    attempts: list[dict[str, int | bytes]], *, ended: bool
) -> None:
    """The summary of records is that of the Connections that are made of them."""
    raw = records(attempts, ended=ended)
    of_records, of_events = (Summary(now=lambda: 1.0) for _ in range(2))
    values = of_records.maker(Decoder([each.added for each in enrichers()]))
    of_records.count(values(raw, 0))
    of_events(decoded(raw, *enrichers()))
    assert list(of_records.lines()) == list(of_events.lines())


@pytest.mark.parametrize("name", CONNECTION)
def test_names_of_expressions(name: str) -> None:
    """All that a column's expression calls by name is there, in each of its branches.

    mypy does not look into it, and no interpreter before it gets to the branch.
    """
    added = [each.added for each in enrichers()]
    decoder = Decoder(added)
    value = ast.parse(decoder.value(CONNECTION[name].path), mode="eval")
    read = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    found = {each.name for each in added}
    known = decoder._known.keys()  # noqa: SLF001
    assert read <= MEMBERS.keys() | {"first_ns", "epoch_ns"} | found | known


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("name", CONNECTION)
def test_each_column(output: str, name: str) -> None:
    """Each column can be made of a record alone."""
    form, other = (opened(output, [name]) for _ in range(2))
    with mock.patch("tcpconnect.decode.epoch_ns", return_value=EPOCH_NS):
        raw = run_of(attempt(pid=1))
        made = form.maker(Decoder())(raw, 0)
        assert form.text(made) == other.rows(decoded(raw))


def test_cells_after_the_trial() -> None:
    """A table makes the same lines when it knows whose cells come again."""
    form = opened("table", ["lport", "comm", "daddr"])
    maker = form.maker(Decoder())
    raw = run_of(*[attempt(lport=n, pid=1, comm=b"curl") for n in range(1000)])
    first = maker(raw, 0)
    for _ in range(TRIAL_ROWS // 1000 + 1):
        assert maker(raw, 0) == first
