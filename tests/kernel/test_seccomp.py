"""Giving up privileges where a filter refuses a step: the others are made."""

from __future__ import annotations

import errno
import functools
import os
from pathlib import Path

import pytest

from tests.support import seccomp
from tests.support.attempts import PORT, attempt
from tests.support.privileges import OWN_USER, READ_ALL, bits, status_of
from tests.support.tool import READY, Tool

pytestmark = pytest.mark.usefixtures("netns")

OURS = status_of(os.getpid())
CAPSET, PRCTL, UID = ("capset",), ("prctl",), ("setresuid",)
BOTH = (*CAPSET, *PRCTL)
ALL_REFUSED = (*BOTH, "setgroups", "setresgid", "setresuid")


def traced(
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    error: int,
    *options: str,
) -> dict[str, int]:
    """Trace with these calls refused; return the tool's privileges while it does."""
    begin = functools.partial(seccomp.command, names, error)
    monkeypatch.setattr("tests.support.tool.command", begin)
    with Tool("-jp", os.getpid(), *options) as tool:
        status = status_of(tool.process.pid)
        attempt("127.0.0.1", PORT)
        assert tool.stop() == 0
        (event,) = tool.all_events()
        said = tool.stderr.decode().removesuffix(READY.decode())
    assert PORT in {event.get("dport"), event.get("rport")}
    reason = os.strerror(error)
    assert said == f"tcpconnect: can't drop privileges: {reason}\n"
    return status._asdict()


# What is refused, what is kept on purpose, and what stays.
NOTHING_KEPT = {
    CAPSET: {"uid": OWN_USER, "permitted": 0, "bounding": 0, "no_new_privs": 1},
    PRCTL: {
        "uid": OWN_USER,
        "permitted": 0,
        "bounding": OURS.bounding,
        "no_new_privs": OURS.no_new_privs,
    },
    BOTH: {"uid": OWN_USER, "permitted": 0, "bounding": OURS.bounding},
    UID: {"uid": 0, "permitted": 0, "bounding": 0, "no_new_privs": 1},
    ("setgroups",): {"uid": OWN_USER, "permitted": 0, "bounding": 0, "no_new_privs": 1},
    ("setresgid",): {"uid": OWN_USER, "permitted": 0, "bounding": 0, "no_new_privs": 1},
    ALL_REFUSED: {"uid": 0, "permitted": OURS.permitted, "bounding": OURS.bounding},
}
KEPT = bits({READ_ALL})
ONE_KEPT = {
    CAPSET: {"uid": 0, "permitted": OURS.permitted, "bounding": 0, "no_new_privs": 1},
    PRCTL: {"uid": 0, "permitted": KEPT, "effective": KEPT},
    BOTH: {"uid": 0, "permitted": OURS.permitted},
    UID: {"uid": 0, "permitted": KEPT, "effective": KEPT, "bounding": 0},
}


# All modes say in the same way what was refused.
@pytest.mark.parametrize(
    ("refused", "options", "error"),
    [
        *((refused, "", errno.EPERM) for refused in NOTHING_KEPT),
        (ALL_REFUSED, "-r", errno.EPERM),
        (ALL_REFUSED, "-c", errno.EPERM),
        *((refused, "-L", errno.ENOSYS) for refused in (CAPSET, ALL_REFUSED)),
    ],
)
def test_nothing_to_keep(
    monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...], options: str, error: int
) -> None:
    """What needs nothing more gives up all that the filter lets it."""
    status = traced(monkeypatch, refused, error, *options.split())
    if not _guarded():
        assert NOTHING_KEPT[refused].items() <= status.items()


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
@pytest.mark.parametrize("refused", ONE_KEPT, ids="+".join)
def test_one_to_keep(
    monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...], error: int
) -> None:
    """What is needed later stays of use, at the price of staying root."""
    options = ("--columns", "dport,container")
    status = traced(monkeypatch, refused, error, *options)
    assert ONE_KEPT[refused].items() <= status.items()


@pytest.mark.parametrize("options", ["", "--columns dport,container"])
def test_capabilities_that_are_not_told(
    monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    """They are read in /proc, and given up as ever."""
    begin = functools.partial(seccomp.command, ("capget",), errno.EPERM)
    monkeypatch.setattr("tests.support.tool.command", begin)
    with Tool("-jp", os.getpid(), *options.split()) as tool:
        status = status_of(tool.process.pid)
        attempt("127.0.0.1", PORT)
        assert tool.stop() == 0
        assert tool.stderr == READY
    assert status.uid == OWN_USER
    assert status.bounding == 0
    assert status.permitted == (KEPT if options else 0) or _guarded()


def test_limit_that_can_not_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are sought with the descriptors that there are."""
    begin = functools.partial(seccomp.command, ("prlimit64",), errno.EPERM)
    monkeypatch.setattr("tests.support.tool.command", begin)
    with Tool("-djp", os.getpid(), "--names", "dns") as tool:
        attempt("127.0.0.1", PORT)
        (event,) = tool.events(1)
        assert event["dport"] == PORT
        assert tool.stop() == 0


def _guarded() -> bool:
    """Whether reading maps takes CAP_BPF, which is then kept."""
    release = tuple(map(int, os.uname().release.split(".")[:2]))
    switch = Path("/proc/sys/kernel/unprivileged_bpf_disabled").read_text()
    return release < (5, 19) and switch != "0\n"
