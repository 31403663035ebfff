"""Recordings of a trace, compressed and killed, are replayed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import attempt
from tests.support.launch import command
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

PACKED = pytest.mark.skipif(
    not find_spec("backports") and sys.version_info < (3, 14),
    reason="there is no library for zstd",
)
pytestmark = pytest.mark.usefixtures("netns")


def replayed(path: Path) -> tuple[list[dict[str, Any]], str]:
    """Return what replay shows of a file, and what it says."""
    ran = subprocess.run(
        **command(["replay", path, "-rj", "--columns", "dport,result"]),
        check=False,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()], ran.stderr


@pytest.mark.parametrize("suffix", [".jsonl", pytest.param(".jsonl.zst", marks=PACKED)])
def test_killed(suffix: str, tmp_path: Path) -> None:
    """What was traced until a moment before is in the file."""
    path = tmp_path / f"a{suffix}"
    with Tool("-r", "-p", os.getpid(), "-o", path) as tool:
        attempt("127.0.0.1", 9)
        attempt("127.0.0.1", 10)
        wait_until(lambda: len(replayed(path)[0]) == 2, "both attempts")
        assert tool.stop(signal.SIGKILL) == -signal.SIGKILL
    events, said = replayed(path)
    assert events == [{"dport": port, "result": "ECONNREFUSED"} for port in (9, 10)]
    assert said == (
        f"tcpconnect: {str(path)!r} has no end: it is being written, or that failed\n"
    )
