"""Units and pods of filters that do not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect import absent
from tcpconnect.machine import cgroup
from tcpconnect.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

UID = "11111111-2222-3333-4444-555555555555"
POD = UID.replace("-", "_")
UNIFIED = (
    "system.slice/nginx.service/worker",
    "system.slice/system-getty.slice/getty@tty1.service",
    "user.slice/user-1000.slice/user@1000.service/app.slice/a\\x2db.scope",
    f"kubepods.slice/kubepods-pod{POD}.slice",
)
LEGACY = ("system.slice/cron.service",)


@pytest.fixture
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with these cgroups."""
    for mount, paths in (("v2", UNIFIED), ("v1", LEGACY)):
        for path in paths:
            (tmp_path / mount / path).mkdir(parents=True)
    mounts = [str(tmp_path / "v2")], [str(tmp_path / "v1")]
    monkeypatch.setattr(cgroup, "hierarchies", lambda: mounts)
    monkeypatch.setattr(absent, "unreadable", list)


@pytest.mark.usefixtures("_tree")
@pytest.mark.parametrize(
    "name",
    ["nginx", "nginx.service", "ng*", "getty@*", "a-b.scope", "cron", "cron.service"],
)
def test_units_that_run(name: str) -> None:
    """They are found as filters find them."""
    assert [*absent.notices(Settings(units={name}))] == []


RUN = (
    "these run: a-b.scope, cron.service, getty@tty1.service, nginx.service, "
    "user@1000.service"
)


@pytest.mark.usefixtures("_tree")
@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("ngnix", "did you mean nginx?"),
        ("nginx.servic", "did you mean nginx.service?"),
        ("nope", RUN),
        ("worker", RUN),
        ("CRON", RUN),
    ],
)
def test_units_that_do_not(name: str, answer: str) -> None:
    """They get what was probably meant, or those that run."""
    line = f"no unit {name!r} runs now: it is traced when it starts; {answer}"
    assert [*absent.notices(Settings(units={name}))] == [line]


@pytest.mark.usefixtures("_tree")
def test_pods() -> None:
    """The same for pods; without their names they have their UIDs."""
    assert [*absent.notices(Settings(pods={UID}))] == []
    line = "no pod 'web-1' runs now: it is traced when it starts; these run: " + UID
    assert [*absent.notices(Settings(pods={"web-1"}))] == [line]


def test_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many, some are listed; without any, none."""
    monkeypatch.setattr(cgroup, "hierarchies", lambda: ([str(tmp_path)], []))
    (none,) = absent.notices(Settings(units={"nope"}))
    assert none == "no unit 'nope' runs now: it is traced when it starts"
    for number in range(10):
        (tmp_path / f"{number}.service").mkdir()
    (some,) = absent.notices(Settings(units={"nope"}))
    assert some.endswith("6.service, 7.service, …")


def test_nothing_can_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no cgroups are mounted, nothing is said."""
    monkeypatch.setattr(cgroup, "hierarchies", lambda: ([], []))
    assert [*absent.notices(Settings(units={"nope"}))] == []
