"""The layouts of all that the kernel's programs write, a mirror of C's structs.

``tests/process/test_layout*.py`` compare them. What the programs are given is in
``kernel/config.py``.
"""

from __future__ import annotations

from ctypes import Structure, c_uint64
from struct import Struct as Layout
from struct import calcsize
from typing import TYPE_CHECKING, Any

from tcpconnect.bpf.kind import Kind
from tcpconnect.bpf.ring import HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tcpconnect.bpf.ring import Run

# The members of an attempt, each with the bytes behind it that are none: what is shown
# as it is, then what leads to more, then what was asked for and who refused it; with
# --why, of an attempt that has ended, what shows why it failed.
_ATTEMPT = {
    "time_ns": "Q",
    "latency_ns": "Q",
    "cgroup": "Q",
    "saddr": "16s",
    "daddr": "16s",
    "pid": "I",
    "tid": "I",
    "uid": "I",
    "netns": "I",
    "lport": "H",
    "dport": "H",
    "result": "H",
    "ip": "Bx",
    "comm": "16s",
}
_ORIGIN = {
    "image": "Q",
    "start_ns": "Q",
    "ppid": "I",
    "mntns": "I",
    "netns_key": "Q",
    "visited_ns": "Q",
}
_CALL = {"asked": "16s", "asked_port": "H", "asked_ip": "B", "refused_by": "B4x"}
_EVIDENCE = {"icmp_from": "16s", "drop": "I", "syns": "I", "seen": "B7x"}
_CONNECTION = _ATTEMPT | _ORIGIN | _CALL
MEMBERS = _CONNECTION | _EVIDENCE


def _format(members: dict[str, str]) -> str:
    return "".join(members.values())


ATTEMPT, ORIGIN, CALL, EVIDENCE = (
    Layout(f"<{_format(part)}") for part in (_ATTEMPT, _ORIGIN, _CALL, _EVIDENCE)
)
CONNECTION = Kind("connection", _format(_CONNECTION))
EXPLAINED = Kind("explained", _format(MEMBERS))

# Enum seen_of_attempt.
SEEN_ANSWER, SEEN_ICMP = 1, 2


class Members:
    """Some of the members of attempts: to read only these takes less time.

    ``names`` are in the order of the record. Those of EVIDENCE are in EXPLAINED alone.
    """

    def __init__(self, names: Collection[str]) -> None:
        self.names = [name for name in MEMBERS if name in names]
        self._layouts: dict[int, Layout] = {}
        for kind, members in ((CONNECTION, _CONNECTION), (EXPLAINED, MEMBERS)):
            formats = (
                each if name in names else f"{calcsize('<' + each)}x"
                for name, each in members.items()
            )
            layout = Layout(f"<{HEADER_BYTES}x{''.join(formats)}")
            self._layouts[kind.length] = layout

    def of(self, run: Run) -> Iterator[tuple[Any, ...]]:
        """Return them of each record of a run."""
        return self._layouts[run.length].iter_unpack(run.framed)


# Enum result: the results that are no errno.
OK, ENDED, ABORTED, PENDING, UNKNOWN = 0, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF

# Enum refused_by: who refused an attempt before it was SYN_SENT.
REFUSED_BY_NOBODY, REFUSED_BY_CGROUP, REFUSED_BY_LSM, REFUSED_BY_KERNEL = range(4)

# What a process looks like: its exe, its cgroups and its arguments, one behind another.
_PROCESS = "QIHHHHxxxx"
SMALL_PROCESS = Kind("small_process", f"{_PROCESS}744s")
LARGE_PROCESS = Kind("large_process", f"{_PROCESS}17152s")

# Enum process_flags.
EXE_CUT, EXE_DELETED, CGROUP_CUT, LEGACY_CUT, CMDLINE_CUT, CMDLINE_TITLE = (
    1 << bit for bit in range(6)
)

# Names: DNS messages, or segments of them, and what getaddrinfo() returned.
_ANSWER = "QQQQQQIIIIB7x"
SMALL_ANSWER_BYTES, LARGE_ANSWER_BYTES = 512, 4352
SMALL_ANSWER = Kind("small_answer", f"{_ANSWER}{SMALL_ANSWER_BYTES}s")
LARGE_ANSWER = Kind("large_answer", f"{_ANSWER}{LARGE_ANSWER_BYTES}s")
LOOKUP_ADDRESSES = 192
LOOKUP = Kind("lookup", f"QQQQQIII4x256s{16 * LOOKUP_ADDRESSES}s")

# Where failed lookups are wanted: a question, and what getaddrinfo() returned.
_WHO = CONNECTION.layout.format[1:]
DNS_QUESTION = Kind("dns_question", f"{_WHO}I4x256s272s")
FAILED_LOOKUP = Kind("failed_lookup", f"{_WHO}i4x256s")
FRAMED_QUESTION = Layout(f"<{HEADER_BYTES}x{CONNECTION.length}sI4x256s272s")
FRAMED_FAILURE = Layout(f"<{HEADER_BYTES}x{CONNECTION.length}si4x256s")
TIMES = Layout("<QQ")  # of struct connection: when it began, and how long it took

# A program has started whose C library may be new; the set of -p has become empty.
STARTED = Kind("started", "QIxxxx")
EMPTIED = Kind("emptied", "Q")

# Every kind by the length of its records: no two have the same.
KINDS = {
    kind.length: kind
    for kind in (
        *(CONNECTION, EXPLAINED, SMALL_PROCESS, LARGE_PROCESS),
        *(SMALL_ANSWER, LARGE_ANSWER, LOOKUP, STARTED, EMPTIED),
        *(DNS_QUESTION, FAILED_LOOKUP),
    )
}

# Values of the maps of pending attempts; key and value of that of flows.
SLOT = Layout(f"<QQ{CONNECTION.length}s")
CLAIM_BITS = 6  # of the tag of a slot
FLOW = Layout("<16s16sH6xQ")
FLOW_COUNTS = Layout("<QQQQQQQ")

# A process, as the iterator lists it.
LISTED = Layout("<IIIIQ")

# Enum namespace_known, which programs return.
NAMESPACE_UNKNOWN, NAMESPACE_KNOWN, NAMESPACE_KNOWN_WHILE_OPEN = range(3)


class Progress(Structure):
    """Struct progress, in memory shared with the programs of an object."""

    _fields_ = (
        ("first_ns", c_uint64),
        ("lost_ring", c_uint64),
        ("lost_flows", c_uint64),
        ("untracked", c_uint64),
        ("lost_processes", c_uint64),
        ("missed", c_uint64),
        ("ends_missed", c_uint64),
        ("overflowed", c_uint64),
        ("lost_names", c_uint64),
        ("pushed_out", c_uint64),
        ("crowded", c_uint64),
    )


class Followed(Structure):
    """Struct followed, in memory shared with the programs that keep the set of -p."""

    _fields_ = (
        ("initial", c_uint64),
        ("added", c_uint64),
        ("removed", c_uint64),
        ("lost", c_uint64),
    )
