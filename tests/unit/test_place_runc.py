"""Containers of plain runc, from its state files."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from tcpconnect.enrich import files
from tcpconnect.enrich.place import Places
from tcpconnect.image import Place
from tests.support.runtime_files import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files of ours for the machine's."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())


def test_container_of_runc(tmp_path: Path) -> None:
    """By the cgroups in its state file: its own and all below, in v2 and in v1."""
    paths = {
        "": "/sys/fs/cgroup/unified/shop/web",
        "pids": "/sys/fs/cgroup/pids/old/web",
    }
    write(
        tmp_path,
        "run/runc/web/state.json",
        json.dumps({"id": "web", "cgroup_paths": paths}),
    )
    places = Places(str(tmp_path))
    for path, legacy, name in (
        ("/shop/web", "/", "web"),
        ("/shop/web/init.scope", "/", "web"),
        ("/shop/webs", "/", None),
        ("/shop", "/", None),
        ("/", "/old/web", "web"),
        ("/", "/shop/web", None),
    ):
        place = places.find(path, legacy)
        runtime = "runc" if name else None
        found = (place.container, place.container_id, place.runtime)
        assert found == (name, name, runtime)


@pytest.mark.parametrize("state", [[], {"cgroup_paths": {"": "/x"}}, {"id": 1}, "x"])
def test_damaged_state_of_runc(tmp_path: Path, state: object) -> None:
    """A file that runc has not written so is no container."""
    write(tmp_path, "run/runc/web/state.json", json.dumps(state))
    assert Places(str(tmp_path)).find("/x", "/") == Place("/x")


def test_runc_without_cgroups(tmp_path: Path) -> None:
    """A container in the root of a hierarchy does not have all the others in it."""
    state = {"id": "web", "cgroup_paths": {"": "/sys/fs/cgroup/", "pids": ""}}
    write(tmp_path, "run/runc/web/state.json", json.dumps(state))
    assert Places(str(tmp_path)).find("/shop", "/") == Place("/shop")


CONTAINERS, CGROUPS = 200, 1000


def test_cgroups_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes cgroups has no file of runc's read again, whatever they make."""
    for number in range(CONTAINERS):
        state = {
            "id": f"c{number}",
            "cgroup_paths": {"": f"/sys/fs/cgroup/shop/c{number}"},
            "config": {"mounts": ["x" * 100] * 100},
        }
        write(tmp_path, f"run/runc/c{number}/state.json", json.dumps(state))
        os.utime(tmp_path / f"run/runc/c{number}/state.json", (1, 1))
    os.utime(tmp_path / "run/runc", (1, 1))
    places = Places(str(tmp_path))
    assert places.find("/shop/c0", "/").container == "c0"
    opened = Mock(wraps=os.open)
    monkeypatch.setattr(os, "open", opened)
    for number in range(CGROUPS):
        assert places.find(f"/user.slice/{number}", "/").container is None
    opened.assert_not_called()
    assert places.find("/shop/c1/below", "/").container == "c1"


def test_runc_container_that_begins(tmp_path: Path) -> None:
    """Its folder is made before its file, and others may be looked for in between."""
    places = Places(str(tmp_path))
    assert places.find("/shop/a", "/").container is None
    folder = tmp_path / "run/runc/web"
    folder.mkdir(parents=True)
    os.utime(folder.parent, (1, 1))
    assert places.find("/shop/b", "/").container is None
    state = {"id": "web", "cgroup_paths": {"": "/sys/fs/cgroup/shop/web"}}
    (folder / "state.json").write_text(json.dumps(state))
    assert places.find("/shop/web", "/").container == "web"
    (folder / "state.json").unlink()
    folder.rmdir()
    assert places.find("/shop/web/x", "/").container is None
