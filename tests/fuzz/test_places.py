"""Cgroup paths and runtimes' files: what anyone may have named or written."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import astuple

from tcpconnect.enrich import container_names, files, pod
from tcpconnect.enrich.allowance import Allowance
from tcpconnect.enrich.cmdline import text as cmdline
from tcpconnect.enrich.container import Container, own, parse
from tcpconnect.enrich.container_names import name_of
from tcpconnect.enrich.owner import owner_of
from tcpconnect.enrich.place import Places
from tcpconnect.output import harmless as printed
from tests.support.material import mutated, text

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.support.fuzzing import Fuzz

ID = "0123456789abcdef" * 4
UID = "3b7cda51_1f2b_4c5e_8a57_0d3c2f4bd8a1"
NAMES = [
    *(f"docker-{ID}.scope", "docker", ID, "ecs", "kubepods", "kubepods.slice"),
    *(f"kubepods-burstable-pod{UID}.slice", f"pod{UID.replace('_', '-')}"),
    *(f"libpod-{ID}.scope", f"machine-libpod_pod_{ID}.slice", f"crio-{ID}"),
    *(f"x:cri-containerd:{ID}", "k8s.io", "lxc", "lxc.payload.web", "default"),
    *("machine-web.scope", r"machine-lxc\x2d1\x2dweb.scope", "_web.service"),
    *(r"systemd-nspawn@web\x2d1.service", r"web\x1b\x0a\xff.service", "a", "-" * 99),
]
MOST = 4352  # bytes of a path that the kernel sends


def path(random: Random) -> str:
    """Return a path of names that mean something, and of others; some are deep."""
    few = random.choices(NAMES, k=random.randint(1, 6))
    names = [
        random.choice(few)
        if random.random() < 0.8
        else mutated(random, [text(random)]).decode(errors="backslashreplace")
        for _ in range(random.choice((1, 3, 6, 64, 2000)))
    ]
    return "/" + "/".join(names)[:MOST]


def harmless(*values: str | None) -> bool:
    """Tell whether all that is known can be printed."""
    return all(value is None or printed(value) == value for value in values)


def test_cgroup_paths(fuzz: Fuzz, tmp_path: Path) -> None:
    """Whatever a path is, a place is shown harmless, and soon."""

    def case(random: Random) -> None:
        path_v2, path_v1 = path(random), random.choice(("/", path(random)))
        place = Places(str(tmp_path)).find(path_v2, path_v1)
        assert harmless(*astuple(place))
        found = own(path_v2)
        assert found in {parse(path_v2), None}
        owner_of(path_v2, [str(tmp_path)])

    fuzz(case)


def test_arguments(fuzz: Fuzz) -> None:
    """Arguments are shown harmless, cut or not."""

    def case(random: Random) -> None:
        raw = b"\0".join(text(random) for _ in range(random.randrange(9)))
        cut, title = random.choices((False, True), k=2)
        assert harmless(cmdline(raw, cut=cut, title=title))

    fuzz(case)


# What a runtime writes, and where.
FILES: list[tuple[str, str, Any]] = [
    (
        "docker",
        f"var/lib/docker/containers/{ID}/config.v2.json",
        {
            "Name": "/web",
            "Config": {"Labels": dict.fromkeys(pod.KEYS["docker"], "web")},
        },
    ),
    (
        "podman",
        "var/lib/containers/storage/overlay-containers/containers.json",
        [{"id": "other", "names": None}, {"id": ID, "names": ["web", "www"]}],
    ),
    (
        "cri-o",
        f"run/containers/storage/overlay-containers/{ID}/userdata/config.json",
        {"annotations": dict.fromkeys(pod.KEYS["cri-o"], "web")},
    ),
    (
        "containerd",
        f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json",
        {
            "annotations": dict.fromkeys(
                (*container_names.ANNOTATIONS, *pod.KEYS["containerd"]), "web"
            )
        },
    ),
]
VALUES: tuple[Any, ...] = (
    None,
    0,
    -1.5,
    1 << 70,
    True,
    "",
    "\x1b[2J",
    "\u202e",
    [],
    {},
    ["web"],
)


def spoil(random: Random, value: Any) -> Any:
    """Return a value with one of its parts, or all of it, exchanged for another."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        key = random.choice([*value])
        return {**value, key: spoil(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.8:
        at = random.randrange(len(value))
        return [*value[:at], spoil(random, value[at]), *value[at + 1 :]]
    return random.choice(VALUES)


def content(random: Random, good: Any) -> bytes:
    """Return what a file may have in it."""
    kind = random.randrange(3)
    if kind == 0:
        return json.dumps(spoil(random, good)).encode()
    if kind == 1:
        depth = random.choice((10, 1000, 100_000))
        return b"[" * depth + b'{"id":' * depth
    return mutated(random, [json.dumps(good).encode()])


@pytest.fixture(autouse=True)
def our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files of ours for the machine's, and allow any number of them."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())
    monkeypatch.setattr(Allowance, "has", lambda *_: True)


def test_a_users_files(fuzz: Fuzz, tmp_path: Path) -> None:
    """What a user's podman has stored may be anything, and so may /etc/passwd."""
    user = os.geteuid() or 1000
    home = tmp_path / "home/alice"
    store = home / ".local/share/containers/storage/vfs-containers/containers.json"
    store.parent.mkdir(parents=True)
    passwd = tmp_path / "etc/passwd"
    passwd.parent.mkdir()
    line = f"alice:x:{user}:{user}::/home/alice:/bin/sh\n".encode()

    def case(random: Random) -> None:
        good = random.random() < 0.5
        passwd.write_bytes(line if good else mutated(random, [line]))
        store.write_bytes(content(random, [{"id": ID, "names": ["web"]}]))
        os.chown(store, user, user)
        told = name_of(Container("podman", ID, None), str(tmp_path), user)
        assert told is None or isinstance(told, str)

    fuzz(case)


def test_files_of_runtimes(fuzz: Fuzz, tmp_path: Path) -> None:
    """A file that can't be understood names nothing; what is named is harmless."""
    for _, name, _ in FILES:
        (tmp_path / name).parent.mkdir(parents=True)

    def case(random: Random) -> None:
        runtime, name, good = random.choice(FILES)
        (tmp_path / name).write_bytes(content(random, good))
        told = name_of(Container(runtime, ID, None), str(tmp_path))
        assert told is None or isinstance(told, str)
        cgroup = {
            "docker": f"/docker/{ID}",
            "podman": f"/libpod-{ID}",
            "cri-o": f"/crio-{ID}",
            "containerd": f"/k8s.io/{ID}",
        }[runtime]
        place = Places(str(tmp_path)).find(cgroup, "/")
        assert place.runtime == runtime
        assert harmless(*astuple(place))

    fuzz(case)
