"""The examination of the machine: every problem, with its remedy, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect import info
from tcpconnect.errors import Message, TcpconnectError
from tcpconnect.kernel import preflight
from tcpconnect.kernel.preflight import Check
from tcpconnect.machine import capabilities
from tests.support.preflights import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BPF, PERFMON, NET_ADMIN, SYS_ADMIN = (
    f"CAP_{name}" for name in ("BPF", "PERFMON", "NET_ADMIN", "SYS_ADMIN")
)
RELEASE = "Linux 6.12.9"
NO_HELPER = "no BPF helper skc_to_tcp_sock (Linux 5.9)"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that can trace."""
    return Machine(tmp_path, monkeypatch)


def problems() -> list[str]:
    """Return all problems that are found."""
    return [str(check.problem) for check in preflight.examine() if check.problem]


def found() -> dict[str, str]:
    """Return what is found, by the name of the check."""
    return {check.name: check.found for check in preflight.examine()}


@pytest.mark.usefixtures("machine")
def test_good_machine() -> None:
    """A machine that has everything has no problem, and says what it has."""
    assert problems() == []
    assert found() == {
        "privileges": "root",
        "kernel": RELEASE,
        "BTF": preflight.BTF,
        "lockdown": "[none] integrity confidentiality",
        "libbpf": "libbpf.so.1",
        "cgroup v2": "/sys/fs/cgroup",
    }


def test_no_cgroup_v2(machine: Machine) -> None:
    """Without it one option does not work: it is reported, not as a problem."""
    machine.set("mount_point", lambda: b"")
    assert problems() == []
    assert found()["cgroup v2"] == "not mounted; --cgroup does not work"


@pytest.mark.parametrize(
    ("names", "uid", "lacking"),
    [
        ([], 1000, [PERFMON, BPF]),
        ([NET_ADMIN], 1000, [PERFMON, BPF]),
        ([BPF], 1000, [PERFMON]),
        ([PERFMON], 1000, [BPF]),
        ([], 0, [PERFMON, BPF]),
        ([BPF], 0, [PERFMON]),
    ],
)
def test_capabilities_missing(
    machine: Machine, names: list[str], uid: int, lacking: list[str]
) -> None:
    """The missing capabilities are named, with the user."""
    machine.give(*names, uid=uid)
    who = "not root" if uid else "root without its capabilities"
    these = "these capabilities" if len(lacking) > 1 else "this capability"
    are = "are" if len(lacking) > 1 else "is"
    reason = f"{who}: {' and '.join(lacking)} {are} missing"
    remedy = f"grant {these}" + (", or run it as root" if uid else "")
    assert problems() == [f"no privileges: {reason}; {remedy}"]


@pytest.mark.parametrize(
    ("names", "uid"),
    [
        (capabilities.NUMBERS, 0),
        ([BPF, PERFMON], 1000),
        ([SYS_ADMIN], 1000),
        ([SYS_ADMIN], 0),
    ],
)
def test_capabilities_that_do(machine: Machine, names: Iterable[str], uid: int) -> None:
    """CAP_BPF with CAP_PERFMON, or CAP_SYS_ADMIN that includes them, whoever it is."""
    machine.give(*names, uid=uid)
    assert problems() == []


def test_found_capabilities_are_those_there(machine: Machine) -> None:
    """What is found is not what would have done, too."""
    machine.give(SYS_ADMIN)
    assert "CAP_BPF" not in found()["privileges"]


def test_user_namespace(machine: Machine) -> None:
    """Capabilities of a container's own user namespace are no help."""
    machine.set("INITIAL_USER_NAMESPACE", 1)
    (problem,) = problems()
    assert problem == (
        "no privileges: capabilities in a user namespace do not allow BPF; "
        "run it outside of the container, or in a privileged one"
    )


def test_no_btf(machine: Machine) -> None:
    """A kernel without type information is one problem, not two."""
    machine.btf.unlink()
    (problem,) = problems()
    assert problem == (
        f"no BTF: {machine.btf} is missing; mount sysfs on /sys, or boot a kernel "
        "built with CONFIG_DEBUG_INFO_BTF=y"
    )
    assert found()["kernel"] == (f"{RELEASE} (not examined: No such file or directory)")


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        (
            [b"BPF_FUNC_skc_to_tcp_sock"],
            f"{RELEASE} has {NO_HELPER}",
        ),
        (
            [b"BPF_MAP_TYPE_RINGBUF", b"BPF_FUNC_skc_to_tcp_sock"],
            f"{RELEASE} has no BPF ring buffer (Linux 5.8), {NO_HELPER}",
        ),
        (
            [b"btf_trace_inet_sock_set_state"],
            f"{RELEASE} has no tracepoint sock:inet_sock_set_state (Linux 5.5)",
        ),
    ],
)
def test_old_kernel(machine: Machine, lacking: list[bytes], reason: str) -> None:
    """What the kernel does not have is named with the first release that does."""
    machine.offer(*[name for name in preflight.FEATURES if name not in lacking])
    assert problems() == [f"kernel too old: {reason}; boot Linux 5.10 or newer"]


def test_names_are_whole_words(machine: Machine) -> None:
    """A longer name is not the one that is needed."""
    machine.offer(*[name + b"_NEW" for name in preflight.FEATURES])
    assert len(problems()) == 1


@pytest.mark.parametrize(
    "modes", ["[none] integrity confidentiality", "none [integrity] confidentiality"]
)
def test_lockdown_that_lets_us(machine: Machine, modes: str) -> None:
    """Only the strictest mode forbids to read kernel memory."""
    machine.lock(modes)
    assert problems() == []
    assert found()["lockdown"] == modes


def test_lockdown(machine: Machine) -> None:
    """In mode confidentiality nothing can be traced."""
    machine.lock("none integrity [confidentiality]\n")
    (problem,) = problems()
    assert problem == (
        "kernel lockdown: confidentiality mode forbids BPF to read kernel memory; "
        "boot with lockdown=integrity or lockdown=none"
    )


def test_no_lockdown(machine: Machine) -> None:
    """A kernel that has no lockdown at all is not locked."""
    machine.lockdown.unlink()
    assert problems() == []
    assert found()["lockdown"] == "none"


@pytest.mark.parametrize(
    ("commands", "remedy"),
    [
        (["apt-get"], "apt-get install libbpf1"),
        (["dnf"], "dnf install libbpf"),
        (["apk"], "apk add libbpf"),
        (["pacman"], "pacman -S libbpf"),
        (["zypper"], "zypper install libbpf1"),
        (["apt-get", "dnf"], "apt-get install libbpf1"),
        ([], ", or ".join(preflight.INSTALLERS.values())),
    ],
)
def test_no_library(machine: Machine, commands: list[str], remedy: str) -> None:
    """The remedy is the command of the package manager that is there, or of all."""
    machine.lose_library()
    machine.install(*commands)
    (problem,) = problems()
    assert problem == (
        "no libbpf.so.1: libbpf.so.1: cannot open shared object file; "
        f"install it: {remedy}"
    )


def test_unreadable_proc(machine: Machine) -> None:
    """Without /proc there is a problem, not a crash."""
    machine.user_namespace.unlink()
    assert len(problems()) == 1


def test_harmless_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """What --check reports of files and errors of others is escaped."""
    problem = TcpconnectError(Message("no \x1b[2J", "\u202e", "\u3164"))
    checks = [Check("a\x9b", "b\r"), Check("c", "", problem)]
    monkeypatch.setattr(info, "examine", lambda: checks)
    assert info.check(verbose=False) == (
        "ok    a\\x9b: b\\r\nFAIL  c: no \\x1b[2J: \\u202e; \\u3164\n",
        1,
    )
