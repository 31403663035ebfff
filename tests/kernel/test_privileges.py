"""Least privilege: what each feature takes, and what is left when all is attached."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tcpconnect.machine.capabilities import NOBODY
from tests.support.attempts import PORT, Child, attempt
from tests.support.idmaps import id_map
from tests.support.mounts import private_mounts
from tests.support.privileges import (
    CORE,
    DAC_OVERRIDE,
    NET_ADMIN,
    READ_ALL,
    SYS_ADMIN,
    SYS_PTRACE,
    SYS_RESOURCE,
    Who,
    by_perf,
    may_miss,
    missing,
    nobody,
    perf_is_guarded,
    release,
    remedy,
    root,
    run,
    status_of,
    use,
    words,
)
from tests.support.system import sh
from tests.support.tool import READY, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.processes import Cgroup


pytestmark = pytest.mark.usefixtures("netns")
BRIEFLY = ("-P", PORT, "--duration", "0.01")


def fails_for(missing: str, who: Who, *options: object) -> None:
    """Check that a run ends with one line, which names this capability."""
    ended = run(who, *BRIEFLY, *options)
    assert (ended.returncode in {1, 2}, ended.stdout) == (True, "")
    assert ended.stderr.count("\n") == 1
    assert missing in ended.stderr


def notices_of(who: Who, *options: object) -> list[str]:
    """Return what a run prints before it is ready, which it must become.

    But for what each tells on this kernel.
    """
    ended = run(who, *BRIEFLY, *options)
    assert ended.returncode == 0, ended.stderr
    *notices, ready = ended.stderr.splitlines(keepends=True)
    assert ready == READY.decode()
    for notice in may_miss(who):
        notices.remove(notice)
    return notices


SIMPLE = (
    "-t",
    "-r",
    "-rj -P 80",
    "-L",
    "-c",
    "-c -r --histogram",
    "-j --columns ppid,exe,cmdline,cgroup,container_id,runtime,unit,mntns",
    "--to 127.0.0.0/8 --from ::/0 --not-port 1 --comm x -u 0,nobody",
    "--cgroup /",
    "-f -p self",
    "-o /dev/null -- true",
)


@pytest.mark.parametrize("options", SIMPLE)
def test_two_are_enough(options: str) -> None:
    """For nearly everything CAP_BPF and CAP_PERFMON are enough, and both needed."""
    assert notices_of(nobody(*CORE), *words(options)) == []


@pytest.mark.parametrize("missing", CORE)
def test_less_than_two(missing: str) -> None:
    """The missing one is named."""
    fails_for(missing, nobody(*{*CORE} - {missing}))


NO_TRAMPOLINES = "this kernel refuses fentry and fexit programs"


@pytest.mark.parametrize("options", ["--failed", "--why", "-c --why", "--failed -4"])
def test_refused_attempts(options: str) -> None:
    """They take nothing more, but where the kernel has no BPF trampolines."""
    said = seen_with(nobody(*CORE), options)
    if not said:
        return
    every = (NET_ADMIN, READ_ALL, SYS_ADMIN)
    assert f"not shown: {SYS_ADMIN} is missing" in seen_with(
        nobody(*CORE, NET_ADMIN, READ_ALL), options
    )
    assert said.startswith("tcpconnect: attempts without a SYN are not shown: ")
    assert NET_ADMIN in said
    assert NO_TRAMPOLINES in seen_with(nobody(*CORE, *every), options)


def seen_with(who: Who, options: str) -> str:
    """Return what is said of attempts without a SYN, empty where all are seen."""
    said = [line for line in notices_of(who, *words(options)) if "SYN" in line]
    assert len(said) < 2
    return "".join(said)


def test_events_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """User nobody with these capabilities sees what root sees."""
    use(nobody(*CORE), monkeypatch)
    with Tool("-rj", "-p", os.getpid()) as tool:
        attempt("127.0.0.1", PORT)
        (event,) = tool.events(1)
        assert (event["dport"], event["result"]) == (PORT, "ECONNREFUSED")
        assert status_of(tool.process.pid).uid == NOBODY
        assert tool.stop() == 0


def test_memory_locks() -> None:
    """Where maps count as locked memory, as before Linux 5.11, one more is needed."""
    poor, rich = (
        nobody(*CORE, locks=1 << 16),
        nobody(*CORE, SYS_RESOURCE, locks=1 << 16),
    )
    if release() < (5, 11):
        fails_for(SYS_RESOURCE, poor)
        assert notices_of(rich) == []
    else:
        assert notices_of(poor) == []


def test_answers() -> None:
    """DNS answers take CAP_NET_ADMIN."""
    options = ("-d", "--names", "dns")
    assert notices_of(nobody(*CORE, NET_ADMIN), *options) == []
    fails_for(NET_ADMIN, nobody(*CORE), *options)


def unwatched() -> list[str]:
    """Return the warning without CAP_SYS_ADMIN, if part of libc needs it."""
    notice = (
        "tcpconnect: C libraries in unusual places are found at start only: "
        f"CAP_SYS_ADMIN is missing; {remedy(nobody())}\n"
    )
    return [notice] if perf_is_guarded() else []


def test_lookups() -> None:
    """The libc of others' containers takes CAP_SYS_PTRACE; perf, CAP_SYS_ADMIN."""
    options = ("-d", "--names", "libc")
    needed = (*CORE, SYS_ADMIN) if by_perf() or perf_is_guarded() else CORE
    assert notices_of(nobody(*needed, SYS_PTRACE), *options) == []
    (notice,) = notices_of(nobody(*needed), *options)
    assert notice == (
        "tcpconnect: no names from libc in containers: CAP_SYS_PTRACE is missing; "
        f"{remedy(nobody())}\n"
    )
    if by_perf():
        fails_for(SYS_ADMIN, nobody(*CORE, SYS_PTRACE), *options)
    else:
        assert notices_of(nobody(*CORE, SYS_PTRACE), *options) == unwatched()


def test_names_from_one_source() -> None:
    """One line says what a source of names is missing; the other one works."""
    # (CAP_SYS_ADMIN includes CAP_NET_ADMIN on some kernels.)
    perf = by_perf()
    has, source = (NET_ADMIN, "libc") if perf else (SYS_PTRACE, "dns")
    notice, *others = notices_of(nobody(*CORE, SYS_PTRACE, has), "-d")
    assert others == ([] if perf else unwatched())
    assert notice.startswith(f"tcpconnect: no names from {source}: ")
    assert f"{SYS_ADMIN if perf else NET_ADMIN} is missing" in notice


@contextmanager
def process_of_nobody() -> Iterator[int]:
    """A process of another user than root, whose ID it is."""
    with Child(lambda: None, lambda: os.setresuid(NOBODY, NOBODY, NOBODY)) as child:
        yield child.pid


def test_network_namespace_of_a_process() -> None:
    """--netns PID takes CAP_SYS_PTRACE when it is another user's process."""
    with process_of_nobody() as pid:
        options = ("--netns", pid)
        assert notices_of(root(*CORE, SYS_PTRACE), *options) == []
        fails_for(SYS_PTRACE, root(*CORE), *options)


@pytest.mark.parametrize("kind", ["cgroup", "mntns"])
def test_map_of_another_user(bpffs: Path, kind: str) -> None:
    """A pinned map that is another user's takes CAP_DAC_OVERRIDE."""
    option = id_map(bpffs, kind).option
    os.chown(option[1], NOBODY, NOBODY)
    assert notices_of(root(*CORE, DAC_OVERRIDE), *option) == []
    fails_for(DAC_OVERRIDE, root(*CORE, READ_ALL), *option)


@contextmanager
def docker_of_nobody() -> Iterator[None]:
    """Docker's folder, which only another user may read."""
    with private_mounts():
        os.makedirs("/var/lib/docker", exist_ok=True)
        sh(f"mount -t tmpfs -o mode=0700,uid={NOBODY} none /var/lib/docker")
        yield


@pytest.mark.parametrize("columns", ["container", "pod"])
def test_names_of_containers(columns: str) -> None:
    """Names in files of others take CAP_DAC_READ_SEARCH; else IDs are shown."""
    options = ("--columns", columns)
    with docker_of_nobody():
        assert notices_of(root(*CORE, READ_ALL), *options) == []
        (notice,) = notices_of(root(*CORE), *options)
        assert notices_of(root(*CORE), "--columns", "container_id,cgroup") == []
    assert notice == (
        "tcpconnect: no container names from /var/lib/docker/containers: "
        f"CAP_DAC_READ_SEARCH is missing; {remedy(root())}\n"
    )


def test_container_by_a_name_that_can_not_be_read() -> None:
    """When a container is not found, the error names unreadable files of names."""
    with docker_of_nobody():
        ended = run(root(*CORE), *BRIEFLY, "--container", "tcpc-no-such")
    assert ended.returncode == 2
    assert "can't read their names in /var/lib/docker/containers" in ended.stderr


def check(who: Who) -> dict[str, str]:
    """Return what --check says of each feature, which is no failure."""
    ended = run(who, "--check")
    assert (ended.returncode, ended.stderr) == (0, "")
    told = (line[6:].partition(": ") for line in ended.stdout.splitlines())
    return {name.partition(" (")[0]: found for name, _, found in told}


def test_check() -> None:
    """--check names what is missing for each feature."""
    libc = [SYS_PTRACE, *([SYS_ADMIN] if perf_is_guarded() else [])]
    expected = {
        "names from dns": [NET_ADMIN],
        "names from libc": [SYS_ADMIN] if by_perf() else libc,
        "names of containers": [READ_ALL],
        "others' processes": [SYS_PTRACE],
        "others' maps": [DAC_OVERRIDE],
    }
    if lacks := missing(root(*CORE)):
        expected["every attempt"] = [lacks]
    needed = {name for names in expected.values() for name in names} | {SYS_ADMIN}
    with docker_of_nobody():
        poor = check(root(*CORE))
        rich = check(root(*CORE, SYS_PTRACE, *needed))
    if NO_TRAMPOLINES in rich["why attempts fail"]:
        expected["why attempts fail"] = [NET_ADMIN, SYS_ADMIN]
    lacking = {name: found for name, found in poor.items() if "missing" in found}
    named = {n: re.findall("CAP_[A-Z_]+", f) for n, f in lacking.items()}
    assert named == expected
    assert [name for name, found in rich.items() if "missing" in found] == []
    assert set(rich) == set(poor)


def test_unified_is_readable(cgroups: Callable[..., Cgroup]) -> None:
    """Filters by cgroup take nothing more: cgroups are there to see for everyone."""
    path = cgroups("readable").path
    assert notices_of(nobody(*CORE), "--cgroup", path) == []
