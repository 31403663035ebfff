"""Names of containers and pods, from the links that kubelet makes to their logs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.enrich import files
from tcpconnect.enrich.kubelet import LINKS, Names, names_of
from tcpconnect.enrich.place import Places
from tcpconnect.image import Place

if TYPE_CHECKING:
    from pathlib import Path

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
UID = "3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a1"
POD = "web-7d4b9c6f5-x2x4z"
NAMED = Names(POD, "prod", "nginx")


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the links."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())
    folder = tmp_path / LINKS
    folder.mkdir(parents=True)
    return folder


def link(folder: Path, name: str) -> None:
    """Make a link as kubelet does: in a container it leads nowhere."""
    (folder / name).symlink_to(f"/var/log/pods/prod_{POD}_{UID}/nginx/0.log")


def test_names(tmp_path: Path, links: Path) -> None:
    """They are told apart by the underscores, and the container by its whole ID."""
    link(links, f"db-0_prod_db-{B}.log")
    link(links, f"{POD}_prod_nginx-{A}.log")
    assert names_of(A, str(tmp_path)) == NAMED
    assert names_of(B, str(tmp_path)) == Names("db-0", "prod", "db")
    assert names_of("0" * 64, str(tmp_path)) is None


@pytest.mark.parametrize(
    ("path", "runtime"),
    [
        (f"/kubepods/burstable/pod{UID}/{A}", "containerd"),
        (
            f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/crio-{A}.scope",
            "",
        ),
    ],
    ids=["containerd", "cri-o"],
)
def test_place(tmp_path: Path, links: Path, path: str, runtime: str) -> None:
    """A place has all names, whatever the runtime, without a file of the runtime's."""
    link(links, f"{POD}_prod_nginx-{A}.log")
    unit = None if runtime else f"crio-{A}.scope"
    names = (f"prod/{POD}", UID, "prod/web")
    expected = Place(path, "nginx", A, runtime or "cri-o", unit, *names)
    assert Places(str(tmp_path)).find(path, "/") == expected


@pytest.mark.parametrize(
    "name",
    [
        f"{POD}_prod-{A}.log",
        f"{POD}_prod_nginx_x-{A}.log",
        f"_prod_nginx-{A}.log",
        f"{POD}__nginx-{A}.log",
        f"we\x1bb_prod_nginx-{A}.log",
        f"WEB_prod_nginx-{A}.log",
        f"web\u0662_prod_nginx-{A}.log",
        f"{POD}_{'n' * 64}_nginx-{A}.log",
        f"x-{A}.log",
        f"-{A}.log",
    ],
)
def test_odd_names(tmp_path: Path, links: Path, name: str) -> None:
    """What is no name of Kubernetes is not read."""
    link(links, name)
    assert names_of(A, str(tmp_path)) is None


def test_no_directory(tmp_path: Path, links: Path) -> None:
    """Without it, or with a file there, nothing has names."""
    links.rmdir()
    assert names_of(A, str(tmp_path)) is None
    links.touch()
    assert names_of(A, str(tmp_path)) is None


def test_directory_of_another_user(
    tmp_path: Path, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only root's is believed."""
    link(links, f"{POD}_prod_nginx-{A}.log")
    monkeypatch.setattr(files, "MACHINE", os.geteuid() + 1)
    assert names_of(A, str(tmp_path)) is None
