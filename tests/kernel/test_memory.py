"""What only the start needs is given back: libbpf's copies of objects."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcpconnect import trace
from tcpconnect.kernel.lookups import PROGRAMS
from tests.support.attempts import PORT, attempt
from tests.support.tool import Tool

CLOSED = ("127.0.0.1", PORT)


def programs(pid: int) -> int:
    """Return how many descriptors of programs a process has: an object has many."""
    links = (os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir())
    return sum("bpf-prog" in link for link in links)


@pytest.mark.parametrize(
    ("options", "kept"),
    [("-P1", 0), ("-r", 0), ("-c", 0), ("-rd", len(PROGRAMS))],
    ids=str,
)
def test_objects_are_closed(options: str, kept: int) -> None:
    """Only programs that are attached to new C libraries keep a descriptor."""
    with Tool(options) as tool:
        assert programs(tool.process.pid) == kept
        assert tool.stop() == 0


@pytest.mark.usefixtures("netns")
def test_a_closed_object() -> None:
    """What needs an object that is closed says so; what is attached goes on."""
    with trace(ports=[PORT], result=True) as events:
        bpf = events._attempts._bpf  # noqa: SLF001
        for use in (bpf.program, bpf.attach, bpf.program_fd):
            with pytest.raises(ValueError, match="has been closed"):
                use("attempt_ends")
        with pytest.raises(ValueError, match="has been closed"):
            bpf.map_fd("owners")
        attempt(*CLOSED)
        events.stop()
        assert [event.result for event in events] == ["ECONNREFUSED"]
