"""The tool with exactly these capabilities, as user nobody or as root."""

from __future__ import annotations

import functools
import os
import re
import resource
import struct
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpconnect import trace
from tcpconnect.bpf.btf import programs_are_preemptible
from tcpconnect.machine.capabilities import ALL, NOBODY, NUMBERS, OWN
from tcpconnect.machine.sudo import as_root
from tests.support import launch
from tests.support.attempts import PORT
from tests.support.system import libc

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

# include/uapi/linux/capability.h and prctl.h.
VERSION_3 = 0x20080522
PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT = 8, 23, 24, 47
PR_CAP_AMBIENT_RAISE = 2
READ_ALL, SYS_ADMIN = "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"
BPF, PERFMON, NET_ADMIN, SYS_PTRACE, DAC_OVERRIDE, KILL, SYS_RESOURCE = (
    f"CAP_{name}"
    for name in "BPF PERFMON NET_ADMIN SYS_PTRACE DAC_OVERRIDE KILL "
    "SYS_RESOURCE".split()
)
CORE = (BPF, PERFMON)


class Who(NamedTuple):
    """A user with capabilities, who may lock so many bytes of memory."""

    uid: int
    capabilities: frozenset[str]
    locks: int = resource.RLIM_INFINITY

    def be(self) -> None:
        """Become it, for good, over exec(2) too."""
        with suppress(ValueError):  # to raise it takes CAP_SYS_RESOURCE
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (self.locks, self.locks))
        numbers = {NUMBERS[name] for name in self.capabilities}
        for number in range(ALL):
            if libc.prctl(PR_CAPBSET_READ, number) == 1 and number not in numbers:
                assert libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0
        assert libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0
        os.setgroups(())
        os.setresgid(self.uid, self.uid, self.uid)
        os.setresuid(self.uid, self.uid, self.uid)
        low, high = divmod(bits(self.capabilities), 1 << 32)[::-1]
        sets = struct.pack("6I", low, low, low, high, high, high)
        assert libc.capset(struct.pack("Ii", VERSION_3, 0), sets) == 0
        for number in numbers:
            raised = libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0)
            assert raised == 0


def bits(names: Iterable[str]) -> int:
    """Return a set of capabilities as the kernel has it."""
    return sum(1 << NUMBERS[name] for name in names)


def root(*capabilities: str, **other: int) -> Who:
    """Return a root that has only these."""
    return Who(0, frozenset(capabilities), **other)


def nobody(*capabilities: str, **other: int) -> Who:
    """Return user nobody with these.

    Where the tool is in a folder that only root may read, one more is needed.
    """
    more = () if _nobody_can_read() else (READ_ALL,)
    return Who(NOBODY, frozenset((*capabilities, *more)), **other)


@functools.cache
def _nobody_can_read() -> bool:
    try:
        ended = run(Who(NOBODY, frozenset()), "--version")
    except PermissionError:
        return False
    return not ended.returncode


def command(who: Who, options: Iterable[object]) -> dict[str, Any]:
    """Return the arguments of Popen that start the tool as a user."""
    return {**launch.command(options), "preexec_fn": who.be}


def run(who: Who, *options: object) -> subprocess.CompletedProcess[str]:
    """Run the tool as a user to its end."""
    return subprocess.run(
        **command(who, options), check=False, capture_output=True, text=True
    )


def use(who: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the fixtures of this test start the tool as a user."""
    monkeypatch.setattr("tests.support.tool.command", functools.partial(command, who))


def perf_is_guarded() -> bool:
    """Whether perf takes CAP_SYS_ADMIN, as on Debian."""
    return int(Path("/proc/sys/kernel/perf_event_paranoid").read_text()) > 2


def missing(who: Who) -> str:
    """Return the capability that is missing to miss no attempt, often none."""
    if not programs_are_preemptible():
        return ""
    if who.uid and READ_ALL not in who.capabilities:
        return READ_ALL
    guarded = perf_is_guarded() and SYS_ADMIN not in who.capabilities
    return SYS_ADMIN if guarded else ""


def may_miss(who: Who) -> list[str]:
    """Return what each run then says before it is ready."""
    lacks = missing(who)
    why = f"{lacks} is missing; {remedy(who)}"
    return [f"tcpconnect: attempts may be missed: {why}\n"] if lacks else []


def remedy(who: Who, what: str = "this capability") -> str:
    """Return the remedy for missing capabilities."""
    again = f", or {as_root(str(launch.TOOL))}" if who.uid else ""
    return f"grant {what}{again}"


OWN_USER = OWN.start  # stands for each that root may become


class Status(NamedTuple):
    """What /proc/PID/status says about privileges, of a user of OWN the first one."""

    uid: int
    permitted: int
    effective: int
    inheritable: int
    bounding: int
    ambient: int
    no_new_privs: int


def parse_status(text: str) -> Status:
    """Return the privileges in the text of a status file."""
    fields = dict(line.split(":", 1) for line in text.splitlines())
    permitted, effective, inheritable, bounding, ambient = (
        int(fields[f"Cap{kind}"], 16) for kind in "Prm Eff Inh Bnd Amb".split()
    )
    (uid,) = {int(word) for word in fields["Uid"].split()}
    return Status(
        *(OWN_USER if uid in OWN else uid, permitted, effective, inheritable),
        *(bounding, ambient, int(fields["NoNewPrivs"])),
    )


def status_of(pid: int) -> Status:
    """Return the privileges of a process."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return parse_status(file.read())


def by_perf() -> bool:
    """Whether functions are attached to by perf, which takes CAP_SYS_ADMIN."""
    with trace(ports=[PORT], dns=True, name_sources=["libc"]) as events:
        return SYS_ADMIN in events.needed_capabilities


def release() -> tuple[int, ...]:
    """Return the first two numbers of the kernel's release."""
    numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
    assert numbers
    return tuple(map(int, numbers.groups()))


def guarded() -> bool:
    """Whether reading maps takes CAP_BPF: before Linux 5.19, by default."""
    switch = Path("/proc/sys/kernel/unprivileged_bpf_disabled").read_text()
    return release() < (5, 19) and switch != "0\n"


def words(options: str) -> list[str]:
    """Return the options of a run; ``self`` is this process."""
    return [str(os.getpid()) if word == "self" else word for word in options.split()]
