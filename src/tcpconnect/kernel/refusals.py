"""Which programs see attempts that are refused before they are SYN_SENT."""

from __future__ import annotations

import ctypes
import os
from enum import Enum, auto
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.bpf import libbpf
from tcpconnect.bpf.step import step
from tcpconnect.errors import KernelError
from tcpconnect.machine import cgroup
from tcpconnect.machine.capabilities import ALMIGHTY, READ_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tcpconnect.batch import Warnings
    from tcpconnect.bpf.object import BpfObject
    from tcpconnect.settings import Settings

# Before programs of other cgroups. Linux commit 4b82b181a26c ("bpf: Allow pre-ordering
# for bpf cgroup progs"), v6.15.
BPF_F_PREORDER = 64
BPF_PROG_TYPE_TRACING = 26
CONNECTS = (10, 11)  # enum bpf_attach_type: BPF_CGROUP_INET4_CONNECT and 6

# What sees the end of a call comes first.
ON_FUNCTIONS = (
    *("connect_returns", "connect_ends"),
    *("connect_begins", "connect_permitted"),
)
ON_SYSTEM_CALLS = {
    "connect_exits": "sys_exit_connect",
    "connect_enters": "sys_enter_connect",
}
ON_CGROUPS = ("connect_permitted_ipv4", "connect_permitted_ipv6")
ON_CGROUPS_FIRST = ("connect_asks_ipv4", "connect_asks_ipv6")


class Way(Enum):
    """By what refused attempts are seen."""

    FUNCTIONS = auto()
    SYSTEM_CALLS = auto()
    CGROUPS = auto()  # they see only what is asked for
    NONE = auto()


PROGRAMS: dict[Way, tuple[str, ...]] = {
    Way.FUNCTIONS: ON_FUNCTIONS,
    Way.SYSTEM_CALLS: (*ON_SYSTEM_CALLS, *ON_CGROUPS),
    Way.CGROUPS: ON_CGROUPS_FIRST,
    Way.NONE: (),
}
# What is said where it is not the best way.
SHOWN = {
    Way.SYSTEM_CALLS: messages.ONLY_CONNECT,
    Way.CGROUPS: messages.NO_REFUSALS,
    Way.NONE: messages.NO_REFUSALS,
}
EVERY = [name for names in PROGRAMS.values() for name in names]
# The capabilities that the programs need besides those of all BPF.
NEEDED = {
    Way.SYSTEM_CALLS: ("CAP_NET_ADMIN", ALMIGHTY),
    Way.CGROUPS: ("CAP_NET_ADMIN",),
}


def are_wanted(library: ctypes.CDLL, settings: Settings) -> bool:
    """Whether to look at calls of connect().

    Names alone need it only where programs of cgroups may change what is asked for.
    """
    if settings.with_result or settings.shows_asked:
        return settings.with_calls
    return settings.with_calls and _may_be_rewritten(library)


def _may_be_rewritten(library: ctypes.CDLL) -> bool:
    """Whether programs see calls of connect() from the root cgroup; if unsure, they do.

    Load balancers of services are there.
    """
    try:
        root = cgroup.open_root()
    except OSError:
        return True
    try:
        return any(_programs(library, root, kind) for kind in CONNECTS)
    except OSError:
        return True
    finally:
        os.close(root)


def _programs(library: ctypes.CDLL, root: int, kind: int) -> int:
    """Return how many programs of a kind a cgroup has. Raises OSError."""
    count = ctypes.c_uint32()
    library.bpf_prog_query(root, kind, 0, None, None, ctypes.byref(count))
    return count.value


def try_ways(
    library: ctypes.CDLL,
    settings: Settings,
    warnings: Warnings,
    attach_by: Callable[[Way], None],
) -> None:
    """Attach by the best way that works; add a warning where it is not the first.

    Raises KernelError if even the last one fails, for another reason then.
    """
    failure: KernelError | None = None
    *better, last = ways(settings)
    for way in better:
        try:
            if way is Way.FUNCTIONS:
                _require_trampolines(library)
            attach_by(way)
        except KernelError as error:
            if way is not Way.CGROUPS:  # the way before it shows more
                failure = error
        else:
            break
    else:
        way = last
        attach_by(way)
    if failure and settings.slow_refusals:
        why = {"reason": failure.reason, "remedy": failure.remedy}
        warnings.add(SHOWN[way], **why)


def _require_trampolines(library: ctypes.CDLL) -> None:
    """Raise KernelError where the kernel refuses any fentry or fexit program.

    Sooner than by a load that fails.
    """
    if library.libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_TRACING, None) == 0:
        reason = "this kernel refuses fentry and fexit programs"
        raise KernelError(messages.CANT_LOAD, reason=reason, remedy="")


def ways(settings: Settings) -> list[Way]:
    """Return the ways to try, the best first; the last one always works."""
    slow = [Way.SYSTEM_CALLS] if settings.slow_refusals else []
    asked = [Way.CGROUPS] if settings.asked else []
    return [Way.FUNCTIONS, *slow, *asked, Way.NONE]


class Calls:
    """What looks at calls of connect() in an object of attempts, by a way."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self.looks = way is not Way.NONE
        self.needed = NEEDED.get(way, ())

    def unused(self) -> Iterator[str]:
        """Yield the programs that the way does not use."""
        return (name for name in EVERY if name not in PROGRAMS[self._way])

    def attach(self, bpf: BpfObject) -> None:
        """Attach the programs of the way. Raises KernelError."""
        if self._way is Way.FUNCTIONS:
            for name in ON_FUNCTIONS:
                bpf.attach(name)
        elif self._way is Way.SYSTEM_CALLS:
            from tcpconnect.kernel.tracepoints import open_tracepoint

            for name, tracepoint in ON_SYSTEM_CALLS.items():
                with step(messages.CANT_ATTACH, READ_FILES, ALMIGHTY, name=name):
                    event = open_tracepoint("syscalls", tracepoint)
                bpf.attach_event(name, event)
            _attach_cgroups(bpf, ON_CGROUPS, 0)
        elif self._way is Way.CGROUPS:
            _attach_cgroups(bpf, ON_CGROUPS_FIRST, BPF_F_PREORDER)


def _attach_cgroups(bpf: BpfObject, names: Iterable[str], flags: int) -> None:
    with step(messages.CANT_OPEN_CGROUPS, ALMIGHTY):
        root = cgroup.open_root()
    try:
        for name, kind in zip(names, CONNECTS, strict=True):
            with step(messages.CANT_ATTACH_TO_CGROUP, "CAP_NET_ADMIN", name=name):
                options = libbpf.LinkOptions(ctypes.sizeof(libbpf.LinkOptions), flags)
                create, program = bpf.library.bpf_link_create, bpf.program_fd(name)
                bpf.hold(create(program, root, kind, ctypes.byref(options)))
    finally:
        os.close(root)
