"""Images of processes: read from records, kept, and added to connections."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.batch import Losses
from tcpconnect.bpf.ring import HEADER_BYTES, Run
from tcpconnect.connection import CONNECTION
from tcpconnect.enrich import files, process
from tcpconnect.enrich.allowance import LATE_NS
from tcpconnect.enrich.kubelet import LINKS
from tcpconnect.enrich.place import Places
from tcpconnect.enrich.process import Processes
from tcpconnect.kernel import records
from tcpconnect.settings import Settings
from tests.support.decoding import attempt, decoded, run_of
from tests.support.samples import connection

if TYPE_CHECKING:
    from pathlib import Path

    from tcpconnect.connection import Connection

ID = "0123456789abcdef" * 4
HEADER = bytes(HEADER_BYTES)
REST = bytes(records.CALL.size)
DETAILS = [n for n, c in CONNECTION.items() if Settings(columns=[n]).with_process]
SENT = Settings(columns=DETAILS).process_details


def names(path: str) -> bytes:
    """Return a path as the kernel writes it: the last name first."""
    parts = path.encode(errors="surrogateescape").split(b"/")
    return b"".join(part + b"\0" for part in reversed(parts) if part)


def record(
    image: int,
    exe: str = "",
    cgroup: str = "",
    legacy: str = "",
    cmdline: bytes = b"",
    *,
    flags: int = 0,
    large: bool = False,
) -> Run:
    """Return a run of one process record."""
    parts = (names(exe), names(cgroup), names(legacy), cmdline)
    kind = records.LARGE_PROCESS if large else records.SMALL_PROCESS
    raw = kind.layout.pack(image, flags, *map(len, parts), b"".join(parts))
    return Run(kind.length, HEADER + raw)


def shown(
    processes: Processes, image: int, ppid: int = 0, mntns: int = 0
) -> Connection:
    """Return a connection of a process with this image."""
    record = attempt(pid=1, netns=1, image=image, ppid=ppid, mntns=mntns)
    (event,) = decoded(run_of(record), processes)
    return event


@pytest.mark.parametrize("large", [False, True])
def test_all_details(tmp_path: Path, large: bool) -> None:  # noqa: FBT001
    """A record of either size says all of a process."""
    processes = Processes(SENT, Places(str(tmp_path)))
    scope = f"docker-{ID}.scope"
    path = f"/system.slice/{scope}"
    processes.learn(record(7, "/usr/bin/curl", path, "/x", b"curl\0-s\0", large=large))
    event = shown(processes, 7, ppid=8, mntns=9)
    assert {name: getattr(event, name) for name in DETAILS} == {
        "ppid": 8,
        "exe": "/usr/bin/curl",
        "cmdline": "curl -s",
        "cgroup": path,
        "container": ID[:12],
        "container_id": ID,
        "runtime": "docker",
        "unit": scope,
        "pod": None,
        "pod_uid": None,
        "workload": None,
        "mntns": 9,
    }


@pytest.mark.parametrize("detail", DETAILS)
def test_unknown(detail: str) -> None:
    """Of a process that nothing is known of, only the numbers are."""
    event = shown(
        Processes(Settings(columns=[detail]).process_details), 0, ppid=8, mntns=9
    )
    known = {"ppid": 8, "mntns": 9}.get(detail)
    assert getattr(event, detail) == known


def test_not_asked_for() -> None:
    """What is not asked for is unknown, not 0."""
    event = shown(Processes(frozenset({"exe"})), 0)
    assert (event.ppid, event.mntns, event.cgroup) == (None, None, None)


@pytest.mark.parametrize(
    ("exe", "flags", "expected"),
    [
        ("/a/b", 0, "/a/b"),
        ("/a/b", records.EXE_DELETED, "/a/b (deleted)"),
        ("/a/b", records.EXE_CUT, "…/a/b"),
        ("/a/b", records.EXE_CUT | records.EXE_DELETED, "…/a/b (deleted)"),
        ("/\x1b[2J", 0, r"/\x1b[2J"),
        ("/\udcff/x", 0, r"/\xff/x"),
        ("", 0, None),
    ],
)
def test_exe(exe: str, flags: int, expected: str | None) -> None:
    """A path from its root, with a sign where it is not whole, and harmless."""
    processes = Processes(frozenset({"exe"}))
    processes.learn(record(1, exe, flags=flags))
    assert shown(processes, 1).exe == expected


@pytest.mark.parametrize(
    ("cgroup", "legacy", "flags", "expected"),
    [
        ("", "", 0, "/"),
        ("/a", "/b", 0, "/a"),
        ("", "/b", 0, "/b"),
        ("/a", "", records.CGROUP_CUT, "…/a"),
        ("", "/b", records.LEGACY_CUT, "…/b"),
    ],
)
def test_cgroup(cgroup: str, legacy: str, flags: int, expected: str) -> None:
    """A path in v2, or in v1 where v2 has only its root."""
    processes = Processes(frozenset({"cgroup"}))
    processes.learn(record(1, "", cgroup, legacy, flags=flags))
    assert shown(processes, 1).cgroup == expected


def test_cmdline() -> None:
    """The flags of the arguments are heeded."""
    processes = Processes(frozenset({"cmdline"}))
    processes.learn(record(1, cmdline=b"a\0b", flags=records.CMDLINE_CUT))
    processes.learn(record(2, cmdline=b"a\0b", flags=records.CMDLINE_TITLE))
    assert [shown(processes, n).cmdline for n in (1, 2)] == ["a b…", "a"]


def test_memory_is_bounded() -> None:
    """Without end there are new processes: the ones longest unused are forgotten."""
    processes = Processes(frozenset({"exe"}), max_bytes=10 * process.IMAGE_BYTES)
    for number in range(1, 100):
        processes.learn(record(number, f"/{number}"))
        assert shown(processes, 1).exe == "/1"
    known = [n for n in range(1, 100) if shown(processes, n).exe]
    assert known == [1, *range(92, 100)]


def test_long_arguments_take_more_memory() -> None:
    """What counts is memory, not how many processes there are."""
    processes = Processes(frozenset({"cmdline"}), max_bytes=10 * process.IMAGE_BYTES)
    for number in range(1, 10):
        processes.learn(record(number, cmdline=b"x" * 4096, large=True))
    assert shown(processes, 9).cmdline is None


def test_read_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read late takes a share of the time; the rest is counted, and read later.

    A process may be one that goes on for long: its image comes once.
    """
    now = 0
    processes = Processes(SENT, now_ns=lambda: now)
    monkeypatch.setattr(processes._late._allowance, "has", lambda: False)  # noqa: SLF001
    processes.learn(record(1, "/bin/a", cmdline=b"a\0b\0"))
    processes.learn(record(2, "/bin/b"))
    assert shown(processes, 1).exe == "/bin/a"
    now = connection(netns=1).monotonic_ns + 2 * LATE_NS
    assert shown(processes, 2).exe is None
    assert shown(processes, 1).exe == "/bin/a"  # read before
    assert processes.losses == Losses(processes=1)
    now = 0
    assert shown(processes, 2).exe == "/bin/b"
    assert processes.losses == Losses(processes=1)


def test_named_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that connects before kubelet has named its container has names soon."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())
    folder = tmp_path / LINKS
    folder.mkdir(parents=True)
    processes = Processes(SENT, Places(str(tmp_path)))
    pod = "3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a1"
    processes.learn(record(1, "/bin/a", f"/kubepods/pod{pod}/{ID}"))
    processes.learn(record(2, "/bin/b", f"/kubepods/pod{pod}/{ID}"))
    assert [shown(processes, n).pod for n in (1, 2)] == [pod, pod]
    (folder / f"db-0_prod_sql-{ID}.log").touch()
    for number, exe in ((1, "/bin/a"), (2, "/bin/b")):
        event = shown(processes, number)
        assert (event.exe, event.pod, event.container) == (exe, "prod/db-0", "sql")
    assert not processes._unnamed  # noqa: SLF001
