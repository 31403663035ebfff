"""Recordings that tests make, and ``tcpconnect replay``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tcpconnect.times import rfc3339
from tests.support import preloaded
from tests.support.launch import INSTALLED
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOL = str(INSTALLED)
BEGAN = 1_700_000_000 * 10**9  # 22:13:20 UTC
LOOKUP = {"event": "lookup", "daddr": None, "result": "NXDOMAIN", "dns_ms": 2500.0}
EVENTS: list[dict[str, Any]] = [
    {"pid": 1, "dport": 80, "result": "OK", "latency_ms": 1.0},
    {"pid": 2, "dport": 81, "result": "ECONNREFUSED", "latency_ms": 500.0},
    {"pid": 3, "dport": 82, "result": "ENETUNREACH", "latency_ms": 0.0},
    {"pid": 4, "query": "no.example", **LOOKUP},
    {"pid": 5, "dport": 80, "result": "OK", "latency_ms": 3.0, "query": "a.example"},
    {"pid": 6, "dport": 80, "result": "PENDING", "latency_ms": 90.0},
]


def line(n: int, **event: Any) -> dict[str, Any]:
    """Return a line of a recording: of one attempt each second."""
    about = {"uid": 0, "comm": "curl", "ip": 4, "saddr": "10.0.0.1"}
    where = {"time": rfc3339(BEGAN + n * 10**9), "daddr": "192.0.2.1"}
    return {**about, **where, **event}


def recorded(path: Path, *more: dict[str, Any], end: bool = True) -> str:
    """Write a recording of the events above; return its path."""
    made_by = {"version": "1", "host": "web", "options": ["-rd"], "schema": 1}
    lines = [{"tcpconnect": made_by}, *(line(n, **e) for n, e in enumerate(EVENTS))]
    lines += [*more, *([{"total": {"events": len(EVENTS)}}] if end else [])]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    return str(path)


def run(*words: object, **given: Any) -> subprocess.CompletedProcess[str]:
    """Run the tool to its end."""
    environment = {**os.environ, "TZ": "UTC", "COLUMNS": "80"}
    return preloaded.run("replay", *words, env=environment, **given)


@contextmanager
def traced(options: list[list[str]]) -> Iterator[list[Tool]]:
    """Run a tool for each of these options, all at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(Tool(*each)) for each in options]


# Replays a file with each of some options, in processes that have imported all: prints
# the lines, and behind those of each a line of its own.
REPLAY = """
import json, os, sys
from tcpconnect.cli import main
from tcpconnect.commands import replay
for options in json.load(sys.stdin):
    child = os.fork()
    if not child:
        os._exit(main(["replay", sys.argv[1], *options]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        sys.exit(code)
    os.write(1, bytes((0, 10)))
"""


def replayed(path: Path, *choices: list[str]) -> list[list[str]]:
    """Return the lines that replay shows with each of these options."""
    ran = subprocess.run(
        [sys.executable, "-c", REPLAY, path],
        input=json.dumps(choices),
        check=True,
        capture_output=True,
        text=True,
    )
    return [shown.splitlines() for shown in ran.stdout.split("\0\n")][:-1]
