"""The command line: what it takes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict

from tcpconnect.options import OPTIONS
from tcpconnect.options.option import ENDING
from tcpconnect.parsing import CommandLine, parse
from tcpconnect.settings import Settings


def given(line: str) -> dict[str, Any]:
    """Return what a command line asks for, beside what is so without one."""
    parsed = asdict(parse(line.split()))
    return {**{n: v for n, v in parsed.items() if v != NOTHING[n]}, **parsed["changes"]}


NOTHING = {**asdict(parse([])), "changes": None}


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("", {}),
        ("-t", {"timestamp": True}),
        ("--timestamp", {"timestamp": True}),
        ("-p 181", {"pids": {181}}),
        ("-p181", {"pids": {181}}),
        ("--pid=1,2", {"pids": {1, 2}}),
        ("-P 80,443,8000-8002", {"ports": {80, 443, 8000, 8001, 8002}}),
        ("--port 80", {"ports": {80}}),
        ("-U", {"print_uid": True}),
        ("--print-uid", {"print_uid": True}),
        ("-u root,1000", {"uids": {0, 1000}}),
        ("-Uu 1000", {"print_uid": True, "uids": {1000}}),
        ("-c", {"count": True}),
        ("--count", {"count": True}),
        ("--cgroupmap /sys/fs/bpf/a", {"cgroupmap": "/sys/fs/bpf/a"}),
        ("--mntnsmap /sys/fs/bpf/a", {"mntnsmap": "/sys/fs/bpf/a"}),
        ("-4", {"ip": 4}),
        ("--ipv4", {"ip": 4}),
        ("-6", {"ip": 6}),
        ("-6L", {"ip": 6, "lport": True}),
        ("--ipv6 --lport", {"ip": 6, "lport": True}),
        ("-r", {"result": True}),
        ("--result", {"result": True}),
        ("--failed", {"failed": True}),
        ("--slower 100", {"slower_ms": 100.0}),
        ("--slower .5", {"slower_ms": 0.5}),
        ("-c --histogram", {"count": True, "histogram": True}),
        ("--format csv", {"format": "csv"}),
        ("-j", {"json": True}),
        ("--json", {"json": True}),
        ("--columns pid,comm", {"columns": ["pid", "comm"]}),
        ("--schema", {"schema": True}),
        ("--duration 1.5", {"duration": 1.5}),
        ("--limit 10", {"limit": 10}),
        ("--check", {"check": True}),
        ("-v", {"verbose": True}),
        ("--verbose", {"verbose": True}),
        ("--ring-bytes 4096", {"ring_bytes": 4096}),
    ],
)
def test_options(line: str, changes: dict[str, Any]) -> None:
    """Each option sets its own value and no other."""
    asked = given(line)
    assert {
        name: asked[name] for name in asked if name not in {"changes", "words"}
    } == changes


def test_every_option_has_its_member() -> None:
    """An option sets what Settings or the command line have, and nothing else."""
    ours = {*Settings.__struct_fields__, *CommandLine.__struct_fields__, *ENDING}
    assert [option.member for option in OPTIONS if option.member not in ours] == []


def test_every_member_has_its_option() -> None:
    """What can be set can be set by an option."""
    settable = {option.member for option in OPTIONS}
    others = {*Settings.__struct_fields__, *CommandLine.__struct_fields__} - settable
    assert others == {"changes", "command", "words", "tally", "gauges_s", "not_own"}


def test_no_filter_is_on_by_default() -> None:
    """Without options, everything is traced."""
    assert Settings(**parse([]).changes) == Settings()
    filters = "pids uids ports ip to comms netns cgroupmap mntnsmap failed slower_ms"
    assert [name for name in filters.split() if getattr(Settings(), name)] == []
