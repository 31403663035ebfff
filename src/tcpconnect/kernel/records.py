"""The layouts of all that the kernel's programs write, a mirror of C's structs.

``tests/unit/test_layout*.py`` compare them. What the programs are given is in
``kernel/config.py``.
"""

from __future__ import annotations

from ctypes import Structure, c_uint64
from struct import Struct as Layout
from typing import TYPE_CHECKING, Any

from tcpconnect.bpf.ring import HEADER_BYTES, Run

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind:
    """A kind of records on the ring: a struct of C and its layout.

    ``members`` are in the notation of the struct module.
    """

    def __init__(self, struct: str, members: str) -> None:
        self.struct = struct
        self.layout = Layout(f"<{members}")
        self.length = self.layout.size
        self._framed = Layout(f"<{HEADER_BYTES}x{members}")

    def unpack(self, run: Run) -> Iterator[tuple[Any, ...]]:
        """Return the members of each record of a run."""
        return self._framed.iter_unpack(run.framed)


# An attempt: what is shown as it is, then what leads to more: image, start_ns, ppid,
# mntns, netns_key and visited_ns, then what was asked for and who refused it.
ATTEMPT = Layout("<QQQ16s16sIIIIHHHBx16s")
ORIGIN = Layout("<QQIIQQ")
CALL = Layout("<16sHBB4x")
_PARTS = (ATTEMPT, ORIGIN, CALL)
CONNECTION = Kind("connection", "".join(part.format[1:] for part in _PARTS))


def _framed(wanted: Layout) -> Layout:
    """Return the layout of one part of framed connections."""
    parts = (p.format[1:] if p is wanted else f"{p.size}x" for p in _PARTS)
    return Layout(f"<{HEADER_BYTES}x{''.join(parts)}")


FRAMED_ATTEMPT, FRAMED_ORIGIN, FRAMED_CALL = map(_framed, _PARTS)

# With --why: an attempt that has ended, and what shows why it failed.
EVIDENCE = Layout("<16sIIB7x")
EXPLAINED = Kind("explained", CONNECTION.layout.format[1:] + EVIDENCE.format[1:])
_FRAMED_BYTES = HEADER_BYTES + CONNECTION.length
_WITHOUT_EVIDENCE = Layout(f"<{_FRAMED_BYTES}s{EVIDENCE.size}x")
_FRAMED_EVIDENCE = Layout(f"<{_FRAMED_BYTES}x{EVIDENCE.format[1:]}")

# Enum seen_of_attempt.
SEEN_ANSWER, SEEN_ICMP = 1, 2


def split(run: Run) -> tuple[Run, list[tuple[Any, ...]]]:
    """Split a run of EXPLAINED: into one of CONNECTION, and members of EVIDENCE."""
    parts = _WITHOUT_EVIDENCE.iter_unpack(run.framed)
    attempts = b"".join([attempt for (attempt,) in parts])
    evidence = list(_FRAMED_EVIDENCE.iter_unpack(run.framed))
    return Run(CONNECTION.length, attempts), evidence


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
