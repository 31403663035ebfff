"""Names of containers and pods, from the links that kubelet makes to their logs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.enrich import files
from tcpconnect.enrich.kubelet import LINKS, Names
from tcpconnect.enrich.kubelet import links as links_of
from tcpconnect.enrich.place import Places
from tcpconnect.image import Place

if TYPE_CHECKING:
    from pathlib import Path

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
UID = "3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a1"
POD = "web-7d4b9c6f5-x2x4z"
NAMED = Names(POD, "prod", "nginx")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the links."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())
    made = tmp_path / LINKS
    made.mkdir(parents=True)
    return made


def link(folder: Path, name: str) -> None:
    """Make a link as kubelet does: in a container it leads nowhere."""
    (folder / name).symlink_to(f"/var/log/pods/prod_{POD}_{UID}/nginx/0.log")


def age(folder: Path) -> None:
    """Have it changed long ago, so that a look at it can be kept."""
    os.utime(folder, (1, 1))


def test_names(tmp_path: Path, folder: Path) -> None:
    """They are told apart by the underscores, and the container by its whole ID."""
    link(folder, f"db-0_prod_db-{B}.log")
    link(folder, f"{POD}_prod_nginx-{A}.log")
    assert links_of(str(tmp_path)).get(A) == NAMED
    assert links_of(str(tmp_path)).get(B) == Names("db-0", "prod", "db")
    assert links_of(str(tmp_path)).get("0" * 64) is None


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
def test_place(tmp_path: Path, folder: Path, path: str, runtime: str) -> None:
    """A place has all names, whatever the runtime, without a file of the runtime's."""
    link(folder, f"{POD}_prod_nginx-{A}.log")
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
def test_odd_names(tmp_path: Path, folder: Path, name: str) -> None:
    """What is no name of Kubernetes is not read."""
    link(folder, name)
    assert links_of(str(tmp_path)).get(A) is None


def test_no_directory(tmp_path: Path, folder: Path) -> None:
    """Without it, or with a file there, nothing has names."""
    folder.rmdir()
    assert links_of(str(tmp_path)).get(A) is None
    folder.touch()
    assert links_of(str(tmp_path)).get(A) is None


def test_directory_of_another_user(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only root's is believed."""
    link(folder, f"{POD}_prod_nginx-{A}.log")
    monkeypatch.setattr(files, "MACHINE", os.geteuid() + 1)
    assert links_of(str(tmp_path)).get(A) is None


def test_directory_elsewhere(tmp_path: Path, folder: Path) -> None:
    """Some machines have a link in its place: what it leads to is looked at again."""
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    age(folder)
    assert A not in links_of(str(tmp_path))
    link(folder, f"{POD}_prod_nginx-{A}.log")
    assert links_of(str(tmp_path))[A] == NAMED


def test_read_once(tmp_path: Path, folder: Path) -> None:
    """It is read again only when something has changed."""
    link(folder, f"{POD}_prod_nginx-{A}.log")
    age(folder)
    first = links_of(str(tmp_path))
    assert links_of(str(tmp_path)) is first
    link(folder, f"db-0_prod_db-{B}.log")
    assert links_of(str(tmp_path)).keys() == {A, B}
    age(folder)
    assert links_of(str(tmp_path)) is links_of(str(tmp_path))


def test_link_that_comes_late(tmp_path: Path, folder: Path) -> None:
    """It is made when the container runs: then its place has names after all."""
    age(folder)
    places = Places(str(tmp_path))
    path, other = (f"/kubepods/burstable/pod{UID}/{each}" for each in (A, B))
    assert [places.find(each, "/").unnamed for each in (path, other)] == [True, True]
    assert not places.look_again()
    link(folder, f"{POD}_prod_nginx-{A}.log")
    assert places.look_again()
    assert [places.find(each, "/").unnamed for each in (path, other)] == [False, True]
    assert places.find(path, "/").workload == "prod/web"
    age(folder)
    places.look_again()
    assert not places.look_again()
    (folder / f"{POD}_prod_nginx-{A}.log").unlink()
    assert places.look_again()
    assert places.find(path, "/").container == "nginx"  # a name stays
