"""Files of /proc and /sys: whatever is in them, what is read is whole or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.containers import container_in
from tcpconnect.enrich.workload import workload_of
from tcpconnect.kernel import preflight
from tcpconnect.machine import cgroup
from tests.support.material import mutated, text

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    import pytest

    from tests.support.fuzzing import Fuzz

ID = "0123456789abcdef" * 4
MOUNTS = b"""\
23 27 0:21 / /sys rw,relatime shared:7 - sysfs sysfs rw
41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime - cgroup2 cgroup2 rw
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
99 31 0:38 /a /mnt rw shared:1 master:2 - cgroup2 none rw
"""
MEMBERSHIP = f"""\
12:pids:/docker/{ID}
1:name=systemd:/system.slice/docker-{ID}.scope
0::/system.slice/a:b.service
""".encode()


def from_lines(random: Random, good: bytes) -> bytes:
    """Return some of the lines, or others, changed."""
    lines = random.choices([*good.splitlines(keepends=True), text(random)], k=6)
    return mutated(random, [b"".join(lines), good])


def test_mountinfo(fuzz: Fuzz, tmp_path: Path) -> None:
    """Hierarchies are found where lines are as the kernel writes them."""
    file = tmp_path / "mountinfo"

    def case(random: Random) -> None:
        file.write_bytes(from_lines(random, MOUNTS))
        assert isinstance(cgroup.mount_point(str(file)), bytes)
        assert all(map(bool, cgroup.v1_mount_points(str(file))))

    fuzz(case)


def test_pods(fuzz: Fuzz) -> None:
    """What made a pod has the first part of its name, or is not known."""
    ends = ("7d4b9c6f5-x2x4z", "x2x4z", "29012345-x2x4z", "0", "17", "node-7", "")

    def case(random: Random) -> None:
        good = f"web-{random.choice(ends)}".encode()
        pod = mutated(random, [good, text(random)]).decode(errors="surrogateescape")
        found = workload_of(pod, random.choice(("", "node-7")))
        assert found is None or (found and pod.startswith(f"{found}-"))
        assert found is None or found.isascii()

    fuzz(case)


def test_membership(fuzz: Fuzz, tmp_path: Path) -> None:
    """The container of a process is found, or none."""
    file = tmp_path / "cgroup"

    def case(random: Random) -> None:
        file.write_bytes(from_lines(random, MEMBERSHIP))
        assert isinstance(cgroup.has_legacy(str(file)), bool)
        with file.open(encoding="utf-8", errors="surrogateescape") as lines:
            _, found = container_in(lines)
        assert found is None or found.id

    fuzz(case)


def test_lockdown(fuzz: Fuzz, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mode is reported, or that it forbids tracing."""
    file = tmp_path / "lockdown"
    monkeypatch.setattr(preflight, "LOCKDOWN", str(file))

    def case(random: Random) -> None:
        mode = mutated(random, [b"none [integrity] confidentiality\n"])
        file.write_bytes(mode)
        assert bool(preflight.lockdown().problem) == (b"[confidentiality]" in mode)

    fuzz(case)
