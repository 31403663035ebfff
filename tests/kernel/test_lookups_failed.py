"""Lookups that fail are lines: by the C library, and by programs that speak DNS."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.sources.recording import Recording
from tests.support.lookups import (
    COLUMNS,
    LOOK_UP,
    WORDS,
    failed,
    libc,
    resolving,
    server,
)
from tests.support.mounts import etc
from tests.support.resolvers import LOOPBACK, Server, look_up
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.processes import Cgroup

pytestmark = pytest.mark.usefixtures("netns")


def start(*options: object) -> Tool:
    """Trace the failures of this process."""
    return Tool("-rdj", "-p", os.getpid(), "--columns", COLUMNS, *options)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_own_dns(*, tcp: bool) -> None:
    """A program that speaks DNS itself: the word of the answer.

    It comes after five seconds, or when the trace ends.
    """
    expected = [failed(f"{word.lower()}.test", word) for word in WORDS]
    with server(tcp=tcp), start("--names", "dns") as tool:
        for event in expected:
            assert look_up(event["query"], tcp=tcp) == set()
        if not tcp:
            assert tool.events(len(WORDS)) == expected
        assert tool.stop() == 0
        lookups = [e for e in tool.all_events() if e["event"] == "lookup"]
    assert lookups == expected


@pytest.mark.parametrize("word", WORDS)
def test_libc(word: str, tmp_path: Path) -> None:
    """By getaddrinfo() a lookup is one line, with DNS's word."""
    name = f"{word.lower()}.test"
    options = ("-rdj", "--columns", f"{COLUMNS},comm", "-f", "-p", os.getpid())
    with resolving(tmp_path), Tool(*options) as tool:
        libc(name)
        (event,) = tool.events(1)
        assert event.pop("comm").startswith("python")
        assert event == failed(name, word)
        assert tool.stop() == 0
        assert len(tool.all_events()) == 1


def test_own_dns_found() -> None:
    """An address of one IP version is enough; what is asked again is found."""
    with server(), start("--names", "dns") as tool:
        assert look_up("six.test") == set()
        assert look_up("six.test", "AAAA") == {"fd00::1"}
        assert look_up("good.test", "AAAA") == set()
        assert look_up("good.test") == {"127.1.2.3"}
        assert look_up("nxdomain.test") == set()
        assert tool.events(1) == [failed("nxdomain.test", "NXDOMAIN")]


def test_libc_found(tmp_path: Path) -> None:
    """Names of a search list are none when the last one is found, nor is a trial."""
    trial = f"{LOOK_UP.replace('7', '7, flags=socket.AI_NUMERICHOST')}"
    with (
        resolving(tmp_path, "search ns.test svc.test\noptions ndots:5\n"),
        start("-f") as tool,
    ):
        libc("good.test", trial)
        libc("good.test")
        libc("other.test")
        assert tool.events(1) == [failed("other.test", "NXDOMAIN")]
        assert tool.stop() == 0
        assert len(tool.all_events()) == 1


def test_libc_without_dns(tmp_path: Path) -> None:
    """Where no DNS server is asked, or none is there, getaddrinfo() has the word."""
    with etc(tmp_path), start("-f", "--names", "libc") as tool:
        libc("a.test")
        assert tool.events(1)[0] == failed("a.test", "EAI_AGAIN")
        (tmp_path / "nsswitch.conf").write_text("hosts: files\n")
        libc("b.test")
        assert tool.events(2)[1] == failed("b.test", "EAI_NONAME")
        code = LOOK_UP.replace("7)", "'no-such-service')")
        libc("localhost", code)
        assert tool.events(3)[2] == failed("localhost", "EAI_SERVICE")


def test_no_answer(tmp_path: Path) -> None:
    """A server that never answers: a timeout after ten seconds, once."""
    dig = ["dig", f"@{LOOPBACK}", "dns.test", "+tries=3", "+timeout=4"]
    names = ["dns.test", "libc.test"]
    with (
        etc(tmp_path),
        Server(lambda _: []),
        Tool("-rdj", "-fp", os.getpid(), "--columns", f"{COLUMNS},dns_ms") as tool,
        subprocess.Popen(dig, stdout=subprocess.DEVNULL) as other,
    ):
        libc("libc.test")
        other.wait()
        events = sorted(tool.events(len(names)), key=lambda event: event["query"])
        assert all(10_000 <= event.pop("dns_ms") < 11_000 for event in events)
        assert events == [failed(name, "DNS_TIMEOUT") for name in names]
        assert tool.stop() == 0
        assert len(tool.all_events()) == len(names)


def test_who(cgroups: Callable[..., Cgroup]) -> None:
    """What is known of processes that connect is known of those that look up."""
    columns = "uid,pid,ppid,tid,comm,exe,cmdline,cgroup,netns,mntns,latency_ms,lport"
    code = "from tests.support.resolvers import look_up\nlook_up('nxdomain.test')"
    cgroup = cgroups("asks")
    with server(), Tool("-rdj", "--cgroup", cgroup.path, "--columns", columns) as tool:
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, preexec_fn=cgroup.enter)  # noqa: PLW1509
        assert process.wait() == 0
        (event,) = tool.events(1)
    assert event == {
        "uid": os.getuid(),
        "pid": process.pid,
        "ppid": os.getpid(),
        "tid": process.pid,
        "comm": event["comm"],
        "exe": os.path.realpath(sys.executable),
        "cmdline": event["cmdline"],
        "cgroup": event["cgroup"],
        "netns": os.stat("/proc/self/ns/net").st_ino,
        "mntns": os.stat("/proc/self/ns/mnt").st_ino,
        "latency_ms": None,
        "lport": None,
    }
    assert "look_up" in event["cmdline"]
    assert event["cgroup"].endswith("asks")


def test_counted() -> None:
    """With -c they are counted by name, behind the flows."""
    with server(), Tool("-crdj", "-p", os.getpid(), "--names", "dns") as tool:
        for name in ("nxdomain.test", "refused.test"):
            look_up(name)
        assert tool.stop() == 0
        flows = [
            {k: flow[k] for k in ("query", "daddr", "connects", "failed")}
            for flow in tool.all_events()
        ]
    expected: dict[str, Any] = {"daddr": None, "connects": 0, "failed": 1}
    assert flows == [
        {"query": "nxdomain.test", **expected},
        {"query": "refused.test", **expected},
    ]


def test_table_and_recording(tmp_path: Path) -> None:
    """In a table what is not known is -; a recording has them, too."""
    path = tmp_path / "x.jsonl"
    options = ("-rd", "--names", "dns", "-p", os.getpid(), "-o", path, "-o", "-")
    with server(), Tool(*options) as tool:
        look_up("nxdomain.test")
        row = tool.lines(2)[1].split()
        assert tool.stop() == 0
    assert row[2:] == ["-", "-", "-", "-", "-", "NXDOMAIN", "nxdomain.test"]
    with path.open("rb") as file:
        events = [e for b in Recording(file.fileno(), "x").batches() for e in b.events]
    assert [(e.event, e.daddr, e.dport, e.query, e.result) for e in events] == [
        ("lookup", None, None, "nxdomain.test", "NXDOMAIN")
    ]


def test_without_results() -> None:
    """Without -r there are none, and at the end of a trace none is kept back."""
    with server(), Tool("-dj", "-p", os.getpid(), "--names", "dns") as tool:
        with start("--names", "dns") as other:
            look_up("nxdomain.test")
            assert other.stop() == 0
            assert other.all_events() == [failed("nxdomain.test", "NXDOMAIN")]
        assert tool.stop() == 0
        assert tool.stdout == b""
