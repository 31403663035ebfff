"""Programs relocated by few types are those that libbpf makes with all of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.bpf import few_types, relocating, tracing
from tcpconnect.bpf.object import BpfObject
from tcpconnect.connection import CONNECTION
from tcpconnect.kernel import attempts, lookups, refusals
from tcpconnect.machine import release
from tcpconnect.parts import Parts
from tcpconnect.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = [*CONNECTION]
MODES: dict[str, dict[str, Any]] = {
    "plain": {},
    "results": {"result": True},
    "names": {"dns": True},
    "everything": {"result": True, "dns": True, "why": True, "columns": EVERY},
    "filters": {"netns": {"/proc/self/ns/net"}, "cgroups": {"/"}, "not_own": True},
    "processes": {"pids": {os.getpid()}, "follow": True},
}


@pytest.fixture
def tags(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], list[str]]:
    """Return a function that starts a trace, and returns the hashes of its programs."""
    found: list[str] = []

    def load(bpf: BpfObject, *needed: str, load: Any = BpfObject.load) -> None:
        load(bpf, *needed)
        opened = bpf._opened()  # noqa: SLF001
        for program, _ in tracing.programs(bpf.library, opened):
            fd = bpf.library.bpf_program__fd(program)
            about = Path(f"/proc/self/fdinfo/{fd}").read_text()
            found.append(about.partition("prog_tag:")[2].split()[0])

    def begin(settings: dict[str, Any]) -> list[str]:
        found.clear()
        Parts(Settings(**settings), None).close()
        return [*found]

    monkeypatch.setattr(BpfObject, "load", load)
    # Other tests have such programs for moments, and then it is another object.
    monkeypatch.setattr(refusals, "_may_be_rewritten", lambda _: False)
    return begin


def assert_same(
    tags: Callable[[dict[str, Any]], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
) -> None:
    """Compare with what libbpf makes of all types of the kernel."""
    types = []

    def located(*given: Any) -> bytes | None:
        types.append(few_types.located(*given))
        return types[-1]

    monkeypatch.setattr(relocating, "located", located)
    few = tags(settings)
    assert few
    assert all(types)
    monkeypatch.setattr(relocating, "located", lambda *_: None)
    assert few == tags(settings)


@pytest.mark.parametrize("mode", MODES)
def test_same_programs(
    tags: Callable[[dict[str, Any]], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    """All offsets are the same: of each program the kernel says so."""
    assert_same(tags, monkeypatch, MODES[mode])


def test_same_programs_where_they_are_preempted(
    tags: Callable[[dict[str, Any]], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those for Linux 7.0 and newer, which call a function of the kernel."""
    if release.kernel_version() < (6, 2):
        pytest.skip("this kernel has no bpf_rdonly_cast()")
    for module in (attempts, lookups):
        monkeypatch.setattr(module, "programs_are_preemptible", lambda: True)
    assert_same(tags, monkeypatch, MODES["everything"])
