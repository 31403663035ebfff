"""Both ways to see refused attempts show the same; each call is one attempt."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.errors import KernelError
from tcpconnect.kernel import refusals
from tcpconnect.kernel.ahead import attached
from tcpconnect.kernel.preflight import ready_library
from tcpconnect.kernel.refusals import Way
from tcpconnect.kernel.tracepoints import TRACEFS
from tcpconnect.settings import Settings
from tests.support.attempts import PORT, kernel_objects
from tests.support.mounts import mount_tracefs, private_mounts
from tests.support.programs import needs
from tests.support.sockets import mptcp_socket
from tests.support.system import sh
from tests.support.tool import NOTICES, Tool
from tests.support.uring import Uring

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs

FAR = "192.0.2.1"
SHOWN = ("pid", "tid", "ip", "saddr", "lport", "daddr", "dport", "result", "refused_by")


@pytest.fixture
def on_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip where programs can't be attached to functions of the kernel."""
    settings = Settings(failed=True, pids=[os.getpid()])
    with monkeypatch.context() as patch:
        patch.setattr(refusals, "ways", lambda _: [Way.FUNCTIONS])
        try:
            attached(settings).close()
        except KernelError:
            pytest.skip("this kernel has no BPF trampolines")


def workload() -> None:
    """Connect in all ways that connect(2) has to be refused, and to succeed."""
    for address in (FAR, "2001:db8::1", "fe80::1", "198.51.100.2", "127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as client:
            client.connect_ex((address, PORT))
            client.connect_ex((address, PORT))
    with socket.socket() as client:
        client.bind(("127.0.0.1", 0))
        client.connect_ex((FAR, PORT))


def seen(monkeypatch: pytest.MonkeyPatch, way: Way) -> list[dict[str, Any]]:
    """Return what is shown of the workload, but for times and ports of the system."""
    monkeypatch.setattr(refusals, "ways", lambda _: [way])
    with trace(failed=True, pids=[os.getpid()]) as events:
        workload()
        events.stop()
        found = [{name: getattr(e, name) for name in SHOWN} for e in events]
    for event in found:
        event["lport"] = bool(event["lport"])
    return found


@pytest.mark.usefixtures("on_functions")
def test_both_ways_agree(netns: NetNs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same workload gives the same lines."""
    netns.ip("route add prohibit 198.51.100.2")
    functions = seen(monkeypatch, Way.FUNCTIONS)
    assert [event["result"] for event in functions] == (
        ["ENETUNREACH"] * 4 + ["EINVAL"] * 2 + ["EACCES"] * 2
    ) + ["ECONNREFUSED"] * 2 + ["ENETUNREACH"]
    assert seen(monkeypatch, Way.SYSTEM_CALLS) == functions


def fastopen() -> None:
    """Connect with the first data."""
    with socket.socket() as client, pytest.raises(OSError, match="unreachable"):
        client.sendto(b"data", socket.MSG_FASTOPEN, (FAR, PORT))


def uring() -> None:
    """Connect by io_uring."""
    with Uring() as ring, socket.socket() as client:
        assert ring.connect(client, FAR, PORT) == -errno.ENETUNREACH


@pytest.mark.usefixtures("on_functions", "netns")
@pytest.mark.parametrize("work", [fastopen, uring])
def test_calls_that_are_not_connect(work: Callable[[], None]) -> None:
    """Programs on functions see them, too, with -r."""
    with trace(result=True, pids=[os.getpid()]) as events:
        work()
        events.stop()
        (event,) = events
    assert (event.daddr, event.dport, event.result) == (FAR, PORT, "ENETUNREACH")


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("kind", ["tracefs", "tmpfs"])
def test_system_calls_without_tracefs(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their tracepoints are found where tracefs is mounted, and where it is not."""
    monkeypatch.setattr(refusals, "ways", lambda _: [Way.SYSTEM_CALLS])
    with private_mounts():
        if kind == "tracefs":
            mount_tracefs()
        else:
            sh(f"mount -t tmpfs none {TRACEFS}")
        assert os.path.exists(f"{TRACEFS}/events") == (kind == "tracefs")
        with trace(failed=True, pids=[os.getpid()]) as events:
            workload()
            events.stop()
            assert (
                len([e for e in events if e.daddr == FAR]) == 3
            )  # one of them is bound


def test_system_calls_are_for_failures() -> None:
    """All system calls pay: not with -r alone. One notice says what is not seen."""
    probe = ready_library().libbpf_probe_bpf_prog_type
    if probe(refusals.BPF_PROG_TYPE_TRACING, None):
        pytest.skip("this kernel has BPF trampolines")
    loaded, said = {}, {}
    for option in ("-r", "--failed"):
        with Tool(option) as tool:
            loaded[option] = len(kernel_objects(tool.process.pid)["prog"])
            said[option] = len(NOTICES.findall(tool.stderr))
    on_calls = len(refusals.ON_SYSTEM_CALLS) + len(refusals.ON_CGROUPS)
    assert loaded["--failed"] == loaded["-r"] + on_calls
    assert said == {"-r": 0, "--failed": 1}


@pytest.mark.usefixtures("netns")
def test_mptcp() -> None:
    """An MPTCP socket is one attempt, not one more for its subflow."""
    with mptcp_socket() as client, trace(failed=True, pids=[os.getpid()]) as events:
        assert client.connect_ex((FAR, PORT)) == errno.ENETUNREACH
        events.stop()
        results = [(event.daddr, event.result) for event in events]
    assert results == [(FAR, "ENETUNREACH")]


@pytest.mark.usefixtures("netns")
def test_happy_eyeballs() -> None:
    """On a host without IPv6: curl's IPv6 connect is a line, its probes are none."""
    needs("curl")
    addresses = "[2001:db8::1],127.0.0.1"
    command = ["curl", "-s", "--resolve", f"far.example:{PORT}:{addresses}"]
    with trace(failed=True, pids=[os.getpid()], follow=True) as events:
        subprocess.run([*command, f"http://far.example:{PORT}/"], check=False)
        events.stop()
        found = sorted((event.daddr, event.result) for event in events)
    assert found == [("127.0.0.1", "ECONNREFUSED"), ("2001:db8::1", "ENETUNREACH")]


@pytest.mark.usefixtures("netns")
def test_accounting() -> None:
    """Refused attempts that do not fit the ring buffer are counted as lost."""
    made = 2000
    with trace(failed=True, ring_bytes=1 << 16, pids=[os.getpid()]) as events:
        for _ in range(made):
            with socket.socket() as client:
                assert client.connect_ex((FAR, PORT)) == errno.ENETUNREACH
        events.stop()
        shown = sum(1 for _ in events)
        assert shown < made
        assert shown + events.losses.ring == made
