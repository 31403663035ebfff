"""Least privilege: what each feature takes, and what is left when all is attached."""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attempts import Child, attempt
from conftest import READY, TIMEOUT_S, TOOL, Tool, sh
from mounts import private_mounts
from privileges import (
    READ_ALL,
    as_nobody,
    as_root,
    own_status,
    parse_status,
    script_of,
    status_of,
    use,
)
from processes import unified
from test_maps import id_map

from tcpconnect import trace
from tcpconnect.bpf.capabilities import NOBODY, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

CORE = ("bpf", "perfmon")
PORT = 4714


def by_perf() -> bool:
    """Whether functions are attached to by perf, which takes CAP_SYS_ADMIN."""
    with trace(ports=[PORT], dns=True, name_sources=["libc"]) as events:
        return "CAP_SYS_ADMIN" in events.later


def release() -> tuple[int, ...]:
    """Return the first two numbers of the kernel's release."""
    numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
    assert numbers
    return tuple(map(int, numbers.groups()))


def guarded() -> bool:
    """Whether reading maps takes CAP_BPF: before Linux 5.19, by default."""
    switch = Path("/proc/sys/kernel/unprivileged_bpf_disabled").read_text()
    return release() < (5, 19) and switch != "0\n"


def run(wrapper: str, *options: object) -> subprocess.CompletedProcess[str]:
    """Run the tool to its end."""
    return run_script(script_of(wrapper), *options)


def run_script(script: str, *options: object) -> subprocess.CompletedProcess[str]:
    """Run a script that runs the tool, to its end."""
    command = ["sh", "-c", script, "sh", "-P", str(PORT), "--duration", "0.01"]
    command += map(str, options)
    return subprocess.run(command, check=False, capture_output=True, text=True)


def fails_for(name: str, wrapper: str, *options: object) -> None:
    """Check that a run ends with one line, which names this capability."""
    ended = run(wrapper, *options)
    assert (ended.returncode in {1, 2}, ended.stdout) == (True, "")
    assert ended.stderr.count("\n") == 1
    assert f"CAP_{name.upper()}" in ended.stderr


def notices_of(wrapper: str, *options: object) -> list[str]:
    """Return what a run tells before it is ready, which it must become."""
    ended = run(wrapper, *options)
    assert ended.returncode == 0
    *notices, ready = ended.stderr.splitlines(keepends=True)
    assert ready == READY.decode()
    return notices


SIMPLE = (
    "-t",
    "-r",
    "-L",
    "-c",
    "-c -r --histogram",
    "-j --columns ppid,exe,cmdline,cgroup,container_id,runtime,unit,mntns",
    "--to 127.0.0.0/8 --from ::/0 --not-port 1 --comm x -u 0,nobody",
    "--cgroup /",
    "-f -p self",
    "-o /dev/null -- true",
)


def words(options: str) -> list[str]:
    """Return the options of a run; ``self`` is this process."""
    return [str(os.getpid()) if word == "self" else word for word in options.split()]


@pytest.mark.parametrize("options", SIMPLE)
def test_two_are_enough(options: str) -> None:
    """For nearly everything CAP_BPF and CAP_PERFMON are enough, and both needed."""
    assert notices_of(as_nobody(CORE), *words(options)) == []


@pytest.mark.parametrize("missing", CORE)
def test_less_than_two(missing: str) -> None:
    """What lacks of them is named."""
    fails_for(missing, as_nobody({*CORE} - {missing}))


def test_events_without_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody with these capabilities sees, is what root sees."""
    use(as_nobody(CORE), tmp_path, monkeypatch)
    with Tool("-rj", "-p", os.getpid()) as tool:
        attempt("127.0.0.1", PORT)
        (event,) = tool.events(1)
        assert (event["dport"], event["result"]) == (PORT, "ECONNREFUSED")
        assert status_of(tool.process.pid).uid == NOBODY
        assert tool.stop() == 0


def test_memory_locks() -> None:
    """Where maps count as locked memory, as before Linux 5.11, one more is needed."""
    ended = run_script(script_of(as_nobody(CORE), "64"))
    if release() < (5, 11):
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
        assert "CAP_SYS_RESOURCE" in ended.stderr
        ended = run_script(script_of(as_nobody((*CORE, "sys_resource")), "64"))
    assert (ended.returncode, ended.stderr) == (0, READY.decode())


def test_answers() -> None:
    """DNS answers take CAP_NET_ADMIN."""
    options = ("-d", "--names", "dns")
    assert notices_of(as_nobody((*CORE, "net_admin")), *options) == []
    fails_for("net_admin", as_nobody(CORE), *options)


def test_lookups() -> None:
    """The libc of others' containers takes CAP_SYS_PTRACE; perf, CAP_SYS_ADMIN."""
    options = ("-d", "--names", "libc")
    needed = {*CORE, *({"sys_admin"} if by_perf() else ())}
    assert notices_of(as_nobody(needed | {"sys_ptrace"}), *options) == []
    (notice,) = notices_of(as_nobody(needed), *options)
    assert notice == (
        "tcpconnect: no names from libc in containers: CAP_SYS_PTRACE missing; "
        "run it with sudo, or give it this capability\n"
    )
    if by_perf():
        fails_for("sys_admin", as_nobody({*CORE, "sys_ptrace"}), *options)


def test_names_from_one_source() -> None:
    """What a source of names lacks is told in one line; the other one works."""
    if by_perf():
        # (CAP_SYS_ADMIN includes CAP_NET_ADMIN on some kernels.)
        has, source, lacks = "net_admin", "libc", "CAP_SYS_ADMIN"
    else:
        has, source, lacks = "sys_ptrace", "dns", "CAP_NET_ADMIN"
    (notice,) = notices_of(as_nobody({*CORE, "sys_ptrace", has}), "-d")
    assert notice.startswith(f"tcpconnect: no names from {source}: ")
    assert f"{lacks} missing" in notice


@contextmanager
def process_of_nobody() -> Iterator[int]:
    """A process of another user than root, whose ID it is."""
    with Child(lambda: None, lambda: os.setresuid(NOBODY, NOBODY, NOBODY)) as child:
        yield child.pid


def test_network_namespace_of_a_process() -> None:
    """--netns PID takes CAP_SYS_PTRACE when it is another user's process."""
    with process_of_nobody() as pid:
        options = ("--netns", pid)
        assert notices_of(as_root((*CORE, "sys_ptrace")), *options) == []
        fails_for("sys_ptrace", as_root(CORE), *options)


@pytest.mark.parametrize("kind", ["cgroup", "mntns"])
def test_map_of_another_user(bpffs: Path, kind: str) -> None:
    """A pinned map that is another user's takes CAP_DAC_OVERRIDE."""
    option = id_map(bpffs, kind).option
    os.chown(option[1], NOBODY, NOBODY)
    assert notices_of(as_root((*CORE, "dac_override")), *option) == []
    fails_for("dac_override", as_root((*CORE, READ_ALL)), *option)


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
        assert notices_of(as_root((*CORE, READ_ALL)), *options) == []
        (notice,) = notices_of(as_root(CORE), *options)
        assert notices_of(as_root(CORE), "--columns", "container_id,cgroup") == []
    assert notice == (
        "tcpconnect: containers and pods by their IDs, no names from "
        "/var/lib/docker/containers: CAP_DAC_READ_SEARCH missing; "
        "run it with sudo, or give it this capability\n"
    )


def test_container_by_a_name_that_can_not_be_read() -> None:
    """When no container of a name is found, where names were not read is told."""
    with docker_of_nobody():
        ended = run(as_root(CORE), "--container", "tcpc-no-such")
    assert ended.returncode == 2
    assert "can't read /var/lib/docker/containers, where names" in ended.stderr


def check(wrapper: str) -> dict[str, str]:
    """Return what --check says of each feature, which is no failure."""
    ended = run(wrapper, "--check")
    assert (ended.returncode, ended.stderr) == (0, "")
    told = (line[6:].partition(": ") for line in ended.stdout.splitlines())
    return {name.partition(" (")[0]: found for name, _, found in told}


def test_check() -> None:
    """--check tells by feature what lacks."""
    with docker_of_nobody():
        poor, rich = check(as_root(CORE)), check("")
    lacking = {name: found for name, found in poor.items() if "missing" in found}
    expected = {
        "names from dns": "CAP_NET_ADMIN",
        "names from libc": "CAP_SYS_ADMIN" if by_perf() else "CAP_SYS_PTRACE",
        "names of containers": "CAP_DAC_READ_SEARCH",
        "others' processes": "CAP_SYS_PTRACE",
        "others' maps": "CAP_DAC_OVERRIDE",
    }
    assert {n: re.findall("CAP_[A-Z_]+", f) for n, f in lacking.items()} == {
        name: [capability] for name, capability in expected.items()
    }
    assert [name for name, found in rich.items() if "missing" in found] == []
    assert set(rich) == set(poor)


LIBC = {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}
PERF = {"CAP_SYS_ADMIN", "CAP_BPF", "CAP_PERFMON"}

# What is kept by what options; "maps" stands for what reading maps takes.
KEPT: dict[str, set[str]] = {
    "": set(),
    "-r": {"maps"},
    "-L": {"maps"},
    "-j --format json": set(),
    "-c": {"maps"},
    "-cr --histogram": {"maps"},
    "-d --names dns": set(),
    "-d --names libc": {"libc"},
    "-d": {"libc"},
    "-rdj": {"libc", "maps"},
    "--columns exe,cmdline,cgroup,unit,container_id": set(),
    "--columns container": {READ_ALL},
    "--columns pod -r": {READ_ALL, "maps"},
    "-f -p self": set(),
}


def kept(what: set[str]) -> int:
    """Return capabilities as bits."""
    names: set[str] = set()
    for word in what:
        if word == "maps":
            names |= {"CAP_BPF"} if guarded() else set()
        elif word == "libc":
            names |= LIBC | (PERF if by_perf() else set())
        else:
            names.add(f"CAP_{word.upper()}")
    return sum(1 << NUMBERS[name] for name in names)


@pytest.mark.parametrize("options", KEPT)
def test_what_is_kept(options: str) -> None:
    """When the tool is ready, it has what it still needs, and is not root."""
    expected = kept(KEPT[options])
    with Tool("-P", PORT, *words(options)) as tool:
        status = status_of(tool.process.pid)
        assert tool.stop() == 0
        assert tool.stderr == READY
    assert status == (NOBODY, expected, expected, 0, 0, 0, True)


def test_nothing_is_gained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is needed, only what was there is kept; without root, nobody changes."""
    use(as_root(CORE), tmp_path, monkeypatch)
    with Tool("-P", PORT, "--columns", "container") as tool:
        status = status_of(tool.process.pid)
    assert status == (0, 0, 0, 0, status.bounding, 0, True)


def test_the_command_keeps_its_own(tmp_path: Path) -> None:
    """A command runs with what the tool was called with; the tool may signal it."""
    file = tmp_path / "status"
    command = ["sh", "-c", f"cat /proc/self/status >{file}; cat"]
    with subprocess.Popen(
        [TOOL, "--", *command], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == READY
        assert status_of(process.pid)[:3] == (NOBODY, *(kept({"kill"}),) * 2)
        process.communicate(timeout=TIMEOUT_S)
    assert parse_status(file.read_text()) == own_status()


def test_signal_to_a_command_of_another_user(tmp_path: Path) -> None:
    """Under sudo the command is another user's, and gets signals all the same."""
    nobody = pwd.getpwuid(1)  # neither root nor what the tool becomes
    sudo = {"SUDO_UID": "1", "SUDO_GID": "1", "SUDO_USER": nobody.pw_name}
    command = ["sh", "-c", "trap 'exit 7' TERM; echo; while :; do sleep 0.01; done"]
    with subprocess.Popen(
        [TOOL, "-o", tmp_path / "lines", "--", *command],
        env={**os.environ, **sudo},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout
        assert process.stdout.read(1) == b"\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 7


WATCH = """
import os, sys
ready = []
def opens(event, details):
    if event == "open" and str(details[0]).endswith((".py", ".pyc")) and ready:
        os.write(2, f"{details[0]} is read late\\n".encode())
sys.addaudithook(opens)
from tcpconnect import pipeline
give_up = pipeline.keep_only
pipeline.keep_only = lambda names: (give_up(names), ready.append(True))
from tcpconnect.cli import main
sys.exit(main())
"""


EVERY_SINK = (
    *("-t", "-r", "-j", "-L --format csv", "-cr --histogram", "-cj", "-rd", "-cd"),
    *("--columns exe,cmdline,container,pod", "-o /dev/null"),
)


@pytest.mark.parametrize("options", EVERY_SINK)
def test_no_module_is_read_late(options: str) -> None:
    """All modules are there before privileges go: nobody may not read them, perhaps."""
    command = [sys.executable, "-c", WATCH, "-p", str(os.getpid()), *options.split()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        said = b""
        assert process.stderr
        while READY not in said:
            said = process.stderr.readline()
            assert said
        attempt("127.0.0.1", PORT)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=TIMEOUT_S)[1] == b""
        assert process.returncode == 0


def test_unified_is_readable() -> None:
    """Filters by cgroup take nothing more: cgroups are there to see for everyone."""
    name = next((p.name for p in Path(unified()).iterdir() if p.is_dir()), "/")
    assert notices_of(as_nobody(CORE), "--cgroup", name) == []
