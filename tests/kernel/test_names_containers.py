"""-d: names from the C libraries of containers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Looker, make_image, overlay
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

IPV4 = "127.1.2.3"


def start(*pids: int) -> Tool:
    """Trace what these processes connect to port 7, with names from C libraries."""
    return Tool("-p", ",".join(map(str, pids)), "-P", 7, "-dj", "--names", "libc")


def names(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the names, and where they come from."""
    return [(event["query"], event["query_source"]) for event in events]


@pytest.mark.parametrize("kind", ["glibc", "musl"])
def test_container_that_runs_already(tmp_path: Path, kind: str) -> None:
    """So has a copy of a C library that only a container has."""
    root = make_image(tmp_path / "root", kind, f"{IPV4} inside.example\n")
    with Looker(root, "inside.example", root) as looker, start(looker.pid) as tool:
        looker.run()
        assert names(tool.events(1)) == [("inside.example", "libc")]


@pytest.mark.parametrize("kind", ["glibc", "musl"])
def test_container_that_starts_later(netns: NetNs, tmp_path: Path, kind: str) -> None:
    """A C library that first appears while tracing gets its probes soon."""
    root = make_image(tmp_path / "root", kind, f"{IPV4} inside.example\n")
    with (
        Tool("--netns", netns.inode, "-P", 7, "-dj", "--names", "libc") as tool,
        Looker(root, "inside.example", root) as looker,
    ):

        def named() -> list[dict[str, Any]]:
            looker.run()
            events = [e for e in tool.all_events() if e["pid"] == looker.pid]
            return [event for event in events if event["query"]]

        events = wait_until(named, "a name")
    assert names(events[:1]) == [("inside.example", "libc")]


def test_containers_of_one_image(tmp_path: Path) -> None:
    """Containers that share the layer of their C library show each lookup, once."""
    image = make_image(tmp_path / "image", "glibc")
    with ExitStack() as stack:
        lookers = []
        for name in ("a", "b"):
            root = stack.enter_context(overlay(tmp_path / name, image))
            (root / "etc/hosts").write_text(f"{IPV4} {name}.example\n")
            lookers.append(stack.enter_context(Looker(root, f"{name}.example", root)))
        tool = stack.enter_context(start(*(looker.pid for looker in lookers)))
        for looker in lookers * 2:
            looker.run()
        assert (
            names(tool.events(4))
            == [
                ("a.example", "libc"),
                ("b.example", "libc"),
            ]
            * 2
        )
