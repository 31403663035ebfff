"""Which C libraries have probes, while containers come and go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import sh, wait_until
from containers import Looker, make_image

from tcpconnect import trace
from tcpconnect.bpf import libc, lookups
from tcpconnect.bpf.kernel import KernelSource
from tcpconnect.bpf.lookups import FUNCTIONS, Lookups
from tcpconnect.bpf.preflight import ready_library
from tcpconnect.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBES = 2 * len(FUNCTIONS)  # of a library


@pytest.fixture(autouse=True)
def sweep_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for containers that are gone each time that one comes."""
    monkeypatch.setattr(lookups, "SWEEP_NS", 0)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root directory with a C library that no other has."""
    return make_image(tmp_path / "root", "glibc")


@pytest.fixture
def ring() -> Iterator[int]:
    """The ring buffer that records go to."""
    source = KernelSource(ready_library(), Settings(ports=frozenset({7})))
    yield source.fileno()
    source.close()


def probes() -> int:
    """Return how many probes this process has attached.

    They are links of their own type or, where the kernel has none, perf events.
    """
    targets = {fd.name: os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()}
    links = [fd for fd, target in targets.items() if "anon_inode:bpf_link" in target]
    info = [Path("/proc/self/fdinfo", fd).read_text() for fd in links]
    events = [fd for fd, target in targets.items() if "[perf_event]" in target]
    return sum("probe_multi" in text for text in info) or len(events)


def test_container_that_is_gone(image: Path) -> None:
    """The C library of a container that has ended is let go when others start.

    As long as it has probes, the container's file system is in use.
    """
    with Looker(image, "none.example", image):
        events = trace(ports=[7], dns=True, name_sources=["libc"])
    with events:
        attached, batches = probes(), events.batches()

        def let_go() -> int:
            sh("unshare --mount true")  # another container
            next(batches)
            return attached - probes()

        assert wait_until(let_go, "fewer probes") == PROBES


def test_library_of_several(image: Path, ring: int) -> None:
    """A C library is kept as long as one of those who share it is there."""
    with Looker(image, "none.example", image):
        lookups = Lookups(ready_library(), ring)
        attached = probes()
        second = Looker(image, "none.example", image)
        lookups.look_at(second.pid)
    with second:
        lookups.look_at(os.getpid())
        assert probes() == attached
    lookups.look_at(os.getpid())
    assert probes() == attached - PROBES
    lookups.close()


def test_process_that_has_just_ended(
    image: Path, ring: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may end while its C library is looked for."""
    lookups = Lookups(ready_library(), ring)
    attached = probes()
    looker = Looker(image, "none.example", image)
    real = libc.libraries

    def then_end(pid: int) -> list[libc.Library]:
        with looker:
            return list(real(pid))

    monkeypatch.setattr(libc, "libraries", then_end)
    lookups.look_at(looker.pid)
    assert probes() == attached + PROBES
    lookups.look_at(looker.pid)
    assert probes() == attached
    lookups.close()
