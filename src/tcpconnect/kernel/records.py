"""The layouts of all that the kernel's programs write, a mirror of C's structs.

``tests/unit/test_layout.py`` compares them. What the programs are given is in
``kernel/config.py``.
"""

from __future__ import annotations

from ctypes import Structure, c_uint64
from struct import Struct as Layout
from typing import TYPE_CHECKING, Any

from tcpconnect.bpf.ring import HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.ring import Run


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
# mntns, netns_key and visited_ns.
ATTEMPT = Layout("<QQQ16s16sIIIIHHHBx16s")
ORIGIN = Layout("<QQIIQQ")
CONNECTION = Kind("connection", ATTEMPT.format[1:] + ORIGIN.format[1:])
FRAMED_ATTEMPT = Layout(f"<{HEADER_BYTES}x{ATTEMPT.format[1:]}{ORIGIN.size}x")
FRAMED_ORIGIN = Layout(f"<{HEADER_BYTES + ATTEMPT.size}x{ORIGIN.format[1:]}")

# Enum result: the results that are no errno.
OK, ENDED, ABORTED, PENDING, UNKNOWN = 0, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF

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

# A program has started whose C library may be new; the set of -p has become empty.
STARTED = Kind("started", "QIxxxx")
EMPTIED = Kind("emptied", "Q")

# Every kind by the length of its records: no two have the same.
KINDS = {
    kind.length: kind
    for kind in (
        *(CONNECTION, SMALL_PROCESS, LARGE_PROCESS),
        *(SMALL_ANSWER, LARGE_ANSWER, LOOKUP, STARTED, EMPTIED),
    )
}

# Values of the maps of pending attempts; key and value of that of flows.
SLOT = Layout(f"<QQ{CONNECTION.length}s")
CLAIM_BITS = 6  # of the tag of a slot
FLOW = Layout("<16s16sH6xQ")
FLOW_COUNTS = Layout("<QQQQQ")

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
    )


class Followed(Structure):
    """Struct followed, in memory shared with the programs that keep the set of -p."""

    _fields_ = (
        ("initial", c_uint64),
        ("added", c_uint64),
        ("removed", c_uint64),
        ("lost", c_uint64),
    )
