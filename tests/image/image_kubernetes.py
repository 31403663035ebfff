"""The image, run with the privileges and mounts of packaging/kubernetes, no others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect.machine.cgroup import mount_point
from tests.image.conftest import LINK
from tests.support.kustomize import FOLDER, with_metrics
from tests.support.places import CRI_ID, POD, cgroup
from tests.support.pods import NODE, Podman, until_ready
from tests.support.recorder import asked
from tests.support.resolvers import dnsmasq
from tests.support.tracing import privileges
from tests.support.waiting import TIMEOUT_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.image.conftest import Run

BASE, LIBC = FOLDER / "base", FOLDER / "overlays/libc-names"
PORT = 7
ADDRESS = "127.1.2.3"
CAPABILITIES = {"BPF": 39, "PERFMON": 38, "NET_ADMIN": 12, "DAC_READ_SEARCH": 2}
KEPT = f"{1 << CAPABILITIES['DAC_READ_SEARCH']:016x}"  # when it is ready
STATUS = """
import re, os
status = dict(re.findall(r"^(\\w+):\\s+(.*)$", open("/proc/self/status").read(), re.M))
print(*(status[name] for name in "Uid CapEff CapBnd NoNewPrivs Seccomp".split()))
for line in open("/proc/self/mountinfo"):
    _, _, _, _, place, how, *_ = line.split()
    if "rw" in how.split(",") and os.access(place, os.W_OK):
        print(place)
"""
HOSTS = 'mount --bind "$1" /etc/hosts; shift; exec "$@"'
ASK = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:9435/metrics").read().decode())
"""
NAME = LINK.partition("_")[0]
COLUMNS = "pod,workload,container,dport,result,query,query_source"
RECORDED = """
SELECT p.program, p.pod, p.container, d.destination, d.dport, o.result, sum(w.attempts)
FROM windows w JOIN programs p USING (program_id)
JOIN destinations d USING (destination_id) JOIN outcomes o USING (outcome_id)
WHERE p.pod LIKE 'prod/web%'
GROUP BY 1, 2, 3, 4, 5, 6"""
CONNECT = """
import socket, sys
host, port = sys.argv[1:]
with socket.socket() as made:
    made.connect_ex((host, int(port)))
"""

TWICE = """
import socket, sys
host, port, gate = sys.argv[1:]
for again in (False, True):
    if again:
        open(gate).read()
    with socket.socket() as made:
        made.connect_ex((host, int(port)))
"""


pytestmark = pytest.mark.usefixtures("netns")


@contextmanager
def in_a_pod() -> Iterator[Callable[..., None]]:
    """Run programs in a cgroup as kubelet makes them for a container of a pod."""
    top = Path(os.fsdecode(mount_point()))
    with cgroup(top / f"kubepods/burstable/pod{POD}/{CRI_ID}") as made:

        def run(*words: str | Path) -> None:
            join = f'echo $$ >{made}/cgroup.procs; exec "$@"'
            subprocess.run(["sh", "-ec", join, "-", *words], check=True)

        yield run


@pytest.mark.parametrize(
    ("folder", "more"), [(BASE, {}), (LIBC, {"SYS_PTRACE": 19})], ids=["base", "libc"]
)
def test_privileges(run: Run, folder: Path, more: dict[str, int]) -> None:
    """What the manifest says is what the kernel says; nothing else can be written."""
    told, said = run(folder, python=STATUS).communicate(timeout=TIMEOUT_S)
    assert told, said
    first, *writable = told.splitlines()
    bits = sum(1 << number for number in {**CAPABILITIES, **more}.values())
    assert first.split() == ["0"] * 4 + [f"{bits:016x}"] * 2 + ["1", "2"]
    ours = [each for each in writable if not each.startswith(("/proc", "/dev"))]
    assert ours == ["/var/lib/tcpconnect"]


def test_record(run: Run, podman: Podman, paths: dict[str, Path]) -> None:
    """With the manifest's arguments it records a connect of a pod, under its names."""
    history = paths["/var/lib/tcpconnect-kubernetes"] / "history.db"
    with dnsmasq(f"--host-record=shop.example,{ADDRESS}", address="127.0.0.1"):
        process = run(BASE)
        until_ready(process)
        pid = podman("inspect", "--format={{.State.Pid}}", podman("ps", "--quiet"))
        assert privileges(pid)["CapEff"] == KEPT
        with in_a_pod() as pod:
            pod("dig", "+short", "@127.0.0.1", "shop.example")
            pod(sys.executable, "-c", CONNECT, ADDRESS, str(PORT))
        # As docs/kubernetes.md asks it, beside the recorder.
        tool = ("exec", podman("ps", "--quiet"), "tcpconnect")
        assert "program: loads and attaches" in podman(*tool, "--check")
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: asked(history, RECORDED), "what is recorded")
        answer = podman(*tool, "history", "--since", "-1h", "--program", "prod/web")
        assert "prod/web" in answer
        assert "shop.example" in answer
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said
    assert asked(history, "SELECT host FROM runs") == [(NODE,)]
    (found,) = asked(history, RECORDED)
    whose = "prod/web", f"prod/{NAME}", "nginx"
    assert found == (*whose, "shop.example", PORT, "ECONNREFUSED", 1)


@pytest.mark.parametrize(
    ("folder", "without", "source"),
    [
        (BASE, (), None),
        (LIBC, (), "libc"),
        (LIBC, ("--cap-add=SYS_PTRACE",), None),
        (LIBC, ("--pid=host",), None),
    ],
    ids=["base", "libc", "no-ptrace", "no-host-pid"],
)
def test_names(
    run: Run, tmp_path: Path, folder: Path, without: tuple[str, ...], source: str | None
) -> None:
    """A name that only /etc/hosts has is seen with the machine's processes only."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{ADDRESS} shop.example\n")
    words = ("-rdj", "--pod", NAME, "--columns", COLUMNS)
    process = run(folder, *words, without=without)
    until_ready(process)
    with in_a_pod() as pod:
        with_hosts = ("unshare", "--mount", "sh", "-ec", HOSTS, "-", str(hosts))
        pod(*with_hosts, sys.executable, "-c", CONNECT, "shop.example", str(PORT))
    assert process.stdout
    found = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT_S)
    assert found == {
        "pod": f"prod/{NAME}",
        "workload": "prod/web",
        "container": "nginx",
        "dport": PORT,
        "result": "ECONNREFUSED",
        "query": source and "shop.example",
        "query_source": source,
    }


def test_named_late(run: Run, paths: dict[str, Path], tmp_path: Path) -> None:
    """A process has the names of a link that kubelet makes after its first connect."""
    link = paths["/var/log/containers"] / LINK
    target = link.readlink()
    link.unlink()
    os.mkfifo(gate := tmp_path / "gate")
    process = run(BASE, "-rj", "-P", str(PORT), "--columns", "pod,container")
    assert process.stdout
    until_ready(process)
    with in_a_pod() as pod:
        found = threading.Thread(
            target=pod, args=(sys.executable, "-c", TWICE, ADDRESS, str(PORT), gate)
        )
        found.start()
        before = json.loads(process.stdout.readline())
        link.symlink_to(target)
        gate.write_text("")
        after = json.loads(process.stdout.readline())
        found.join()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT_S)
    assert before == {"pod": POD, "container": CRI_ID[:12]}
    assert after == {"pod": f"prod/{NAME}", "container": "nginx"}


def test_metrics(run: Run, podman: Podman, tmp_path: Path) -> None:
    """With the component podmonitor it serves metrics, and needs no more for that."""
    process = run(with_metrics(tmp_path))
    until_ready(process)
    page = podman("exec", podman("ps", "--quiet"), "/usr/bin/python3", "-c", ASK)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said
    assert "\ntcpconnect_build_info{" in page
