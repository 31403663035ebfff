"""Errors where tracing can't work: each for a real reason."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect.machine import capabilities as of
from tests.support.launch import TOOL
from tests.support.privileges import Who, may_miss, nobody, remedy, root
from tests.support.programs import show_to_all
from tests.support.tool import READY

if TYPE_CHECKING:
    from collections.abc import Iterable

# As user nobody, which may still read the tool's files.
NOBODY = "--reuid=nobody --regid=nogroup --clear-groups"
BOTH = ["CAP_PERFMON", "CAP_BPF"]
BTF = Path("/sys/kernel/btf/vmlinux")
NO_BTF = (
    "no BTF: /sys/kernel/btf/vmlinux is missing; "
    "mount sysfs on /sys, or boot a kernel built with CONFIG_DEBUG_INFO_BTF=y"
)
LOCKDOWN = (
    "kernel lockdown: confidentiality mode forbids BPF to read kernel memory; "
    "boot with lockdown=integrity or lockdown=none"
)
HIDE_BTF = "mount -t tmpfs none /sys/kernel/btf"
HIDE_LIBBPF = (
    "for f in $(ldconfig -p | sed -n 's/.*libbpf.so.1 .*=> //p'); "
    "do mount --bind /dev/null $f; done"
)


def no_privileges(who: Who, *missing: str) -> str:
    """Return the problem of who has not got these."""
    these = "these capabilities" if len(missing) > 1 else "this capability"
    name = "not root" if who.uid else "root without its capabilities"
    are = "are" if len(missing) > 1 else "is"
    reason = f"{name}: {' and '.join(missing)} {are} missing"
    return f"no privileges: {reason}; {remedy(who, these)}"


def nobody_with(*capabilities: str) -> str:
    """Return a command that runs another as user nobody with these capabilities."""
    names = ",".join(f"+{name}" for name in ("dac_read_search", *capabilities))
    caps = f"--inh-caps=-all,{names} --ambient-caps=-all,{names}"
    return f"setpriv {NOBODY} {caps}"


def run(prepare: str, wrapper: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tool by a wrapper, in a mount namespace where something was prepared."""
    tool = shlex.join([str(TOOL), *options])
    script = f"set -e; {prepare}\nexec {wrapper} {tool}"
    command = ["unshare", "--mount", "sh", "-c", script]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def problems(prepare: str = ":", wrapper: str = "") -> list[str]:
    """Return the problems that a run reports; ``--check`` must report the same."""
    traced = run(prepare, wrapper, "-p", str(os.getpid()), "--duration", "0.01")
    assert (traced.returncode, traced.stdout) == (1, "")
    lines = traced.stderr.splitlines()
    told = [line.removeprefix("tcpconnect: ") for line in lines]
    assert [f"tcpconnect: {problem}" for problem in told] == lines
    assert failures(prepare, wrapper) == told
    return told


def failures(prepare: str = ":", wrapper: str = "") -> list[str]:
    """Return the problems that ``--check`` finds."""
    checked = run(prepare, wrapper, "--check")
    assert checked.stderr == ""
    lines = [line.split(maxsplit=1) for line in checked.stdout.splitlines()]
    assert {word for word, _ in lines} <= {"ok", "FAIL", "warn"}
    found = [text.partition(": ")[2] for word, text in lines if word == "FAIL"]
    assert checked.returncode == bool(found)
    return found


def works(prepare: str = ":", wrapper: str = "", told: Iterable[str] = ()) -> None:
    """Check that the tool traces, and what it prints before."""
    traced = run(prepare, wrapper, "-p", str(os.getpid()), "--duration", "0.01")
    assert (traced.returncode, traced.stderr) == (0, "".join(told) + READY.decode())
    assert failures(prepare, wrapper) == []


def test_all_is_well() -> None:
    """A machine that can trace: a line for each thing examined, exit code 0.

    What --why can't see, as without BPF trampolines, is a warning.
    """
    checked = run(":", "", "--check")
    assert checked.returncode == 0
    names = [line.split(":")[0] for line in checked.stdout.splitlines()]
    why = "why attempts fail (--why)"
    assert names.pop(8) in {f"ok    {why}", f"warn  {why}"}
    things = ["privileges", "kernel", "BTF", "lockdown", "libbpf", "cgroup v2"]
    things += ["program", "every attempt", "names from dns (-d)"]
    things += ["names from libc (-d)"]
    things += ["names of containers (--columns container,pod)"]
    things += ["others' processes (--netns PID)"]
    things += ["others' maps (--cgroupmap, --mntnsmap)"]
    assert names == [f"ok    {thing}" for thing in things]


@pytest.mark.parametrize(
    ("capabilities", "missing"),
    [
        ([], BOTH),
        (["bpf"], BOTH[:1]),
        (["perfmon"], BOTH[1:]),
        (["net_admin", "sys_ptrace"], BOTH),
    ],
)
def test_not_root(capabilities: list[str], missing: list[str]) -> None:
    """The missing capabilities are named."""
    expected = [no_privileges(nobody(), *missing)]
    assert problems(wrapper=nobody_with(*capabilities)) == expected


# As root would, without the user's folders in PATH.
SUDO = """\
#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin exec "$@"
"""


def test_line_that_is_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who installed it with pipx pastes what the message proposes; it runs."""
    show_to_all(tmp_path)
    (tmp_path / "tcpconnect").symlink_to(TOOL)
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setitem(globals(), "TOOL", "tcpconnect")
    (problem,) = problems(wrapper=nobody_with())
    command = problem.partition("or run: ")[2]
    script = f"{command} -p {os.getpid()} --duration 0.01"
    ran = subprocess.run(["sh", "-c", script], check=False, capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, READY)


@pytest.mark.parametrize("capabilities", [["bpf", "perfmon"], ["sys_admin"]])
def test_enough_capabilities(capabilities: list[str]) -> None:
    """CAP_BPF and CAP_PERFMON are enough; so is the old CAP_SYS_ADMIN."""
    names = [f"CAP_{name.upper()}" for name in ("dac_read_search", *capabilities)]
    told = may_miss(Who(of.NOBODY, frozenset(names)))
    works(wrapper=nobody_with(*capabilities), told=told)


def test_root_without_capabilities() -> None:
    """Root in a container, which has not got them."""
    wrapper = "setpriv --bounding-set=-bpf,-perfmon,-sys_admin"
    expected = [no_privileges(root(), *BOTH)]
    assert problems(wrapper=wrapper) == expected


def test_user_namespace() -> None:
    """Root of a user namespace has all capabilities, and none that counts."""
    expected = (
        "no privileges: capabilities in a user namespace do not allow BPF; "
        "run it outside of the container, or in a privileged one"
    )
    assert problems(wrapper="unshare --user --map-root-user") == [expected]


def test_no_btf() -> None:
    """/sys without the kernel's type information."""
    assert problems(HIDE_BTF) == [NO_BTF]


def lock(mode: str) -> str:
    """Return commands that make the kernel look locked down."""
    mount = "mount -t tmpfs none /sys/kernel/security"
    return f"{mount}; echo '{mode}' >/sys/kernel/security/lockdown"


def test_lockdown() -> None:
    """Mode confidentiality forbids what the program does."""
    assert problems(lock("none integrity [confidentiality]")) == [LOCKDOWN]


@pytest.mark.parametrize(
    "mode", ["[none] integrity confidentiality", "none [integrity] confidentiality"]
)
def test_harmless_lockdown(mode: str) -> None:
    """The other modes do not."""
    works(lock(mode))


def no_libbpf(found: list[str]) -> tuple[str, str]:
    """Split the only problem, that there is no libbpf, into sentence and remedy."""
    (problem,) = found
    sentence, _, rest = problem.partition(": ")
    return sentence, rest.partition("; ")[2]


INSTALL = {
    "apt-get": "apt-get install libbpf1",
    "dnf": "dnf install libbpf",
    "apk": "apk add libbpf",
    "pacman": "pacman -S libbpf",
    "zypper": "zypper install libbpf1",
}


@pytest.mark.parametrize("manager", INSTALL)
def test_no_libbpf(tmp_path: Path, manager: str) -> None:
    """The package that has it is named as the machine's package manager names it."""
    (tmp_path / manager).symlink_to("/bin/true")
    found = problems(f"{HIDE_LIBBPF}; PATH={tmp_path}")
    assert no_libbpf(found) == ("no libbpf.so.1", f"install it: {INSTALL[manager]}")


def test_no_libbpf_and_no_known_manager(tmp_path: Path) -> None:
    """Without a known package manager, all commands are shown."""
    found = problems(f"{HIDE_LIBBPF}; PATH={tmp_path}")
    remedy = f"install it: {', or '.join(INSTALL.values())}"
    assert no_libbpf(found) == ("no libbpf.so.1", remedy)


def old_btf(path: Path, *names: bytes) -> str:
    """Return a command that makes these names missing in the kernel."""
    image = BTF.read_bytes()
    for name in names:
        image = image.replace(b"\0%b\0" % name, b"\0%b\0" % (b"x" * len(name)))
    path.write_bytes(image)
    return f"mount --bind {path} {BTF}"


FEATURES = {
    b"btf_trace_inet_sock_set_state": "tracepoint sock:inet_sock_set_state (Linux 5.5)",
    b"BPF_MAP_TYPE_RINGBUF": "BPF ring buffer (Linux 5.8)",
    b"BPF_FUNC_skc_to_tcp_sock": "BPF helper skc_to_tcp_sock (Linux 5.9)",
}


def too_old(*features: str) -> str:
    """Return the problem of a kernel that has not got these."""
    lacking = ", no ".join(features)
    release = os.uname().release
    reason = f"Linux {release} has no {lacking}"
    return f"kernel too old: {reason}; boot Linux 5.10 or newer"


@pytest.mark.parametrize("name", FEATURES)
def test_old_kernel_is_found(tmp_path: Path, name: bytes) -> None:
    """--check names what the kernel has not got, and since when others have it."""
    old = old_btf(tmp_path / "btf", name)
    assert failures(old) == [too_old(FEATURES[name])]


def test_old_kernel(tmp_path: Path) -> None:
    """A trace on a kernel without the tracepoint reports the same."""
    assert problems(old_btf(tmp_path / "btf", *FEATURES)) == [
        too_old(*FEATURES.values())
    ]


def test_all_at_once(tmp_path: Path) -> None:
    """All problems are reported together, each with its remedy."""
    locked = lock("none integrity [confidentiality]")
    prepare = f"{HIDE_LIBBPF}; {locked}; {old_btf(tmp_path / 'btf', *FEATURES)}"
    found = problems(prepare, nobody_with())
    expected = [
        no_privileges(nobody(), *BOTH),
        too_old(*FEATURES.values()),
        LOCKDOWN,
    ]
    assert found[:-1] == expected
    assert found[-1].startswith("no libbpf.so.1: ")


def test_no_btf_at_once_with_others() -> None:
    """The same where there is no type information to look at."""
    locked = lock("none integrity [confidentiality]")
    found = problems(f"{HIDE_LIBBPF}; {locked}; {HIDE_BTF}", nobody_with())
    sentences = [problem.partition(":")[0] for problem in found]
    expected = ["no privileges", "no BTF", "kernel lockdown", "no libbpf.so.1"]
    assert sentences == expected
