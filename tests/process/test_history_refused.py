"""What history can't answer."""

from __future__ import annotations

import re

import pytest

from tests.support.asking import (
    ask,
    said,
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--comm x", "history takes no --comm: names of threads were not .*--program"),
        (
            "-p 1",
            "history takes no -p: it was not recorded; --program has who connects",
        ),
        ("-fp 1", "history takes no -p: .*"),
        (
            "--cgroup /",
            "history takes no --cgroup: .*; use --unit, --pod or --container",
        ),
        ("--netns x", "history takes no --netns: .*"),
        ("--slower 5", "history takes no --slower: .*; --slow has the slowest first"),
        ("-r", "history takes no -r: it is always shown; omit it; .*"),
        ("-- curl", "history takes no command: .*"),
        ("nginx", "unexpected argument 'nginx'; did you mean --program nginx\\?"),
        ("a.db", "unexpected argument 'a.db'; did you mean --db a.db\\?"),
        (
            "a.jsonl.zst",
            "unexpected .*: tcpconnect replay a.jsonl.zst -rd -o sqlite:.*",
        ),
        (
            "--since yesterday 22:00",
            "unexpected argument '22:00'; did you mean --since 'yesterday 22:00'\\?",
        ),
        ("--since never", "argument --since: invalid time 'never': expected .*"),
        ("--since -1h --until -2h", "--since is not before --until: .*"),
        ("--by progam", "can't group by 'progam': .*; did you mean program\\?"),
        ("--by uid,uid", "'uid' is twice in --by; omit one"),
        ("--by uid --columns unit", "there is no column 'unit': .* by uid; .*"),
        ("--columns nix", "unknown column 'nix': expected one of .*"),
        ("--sort nix", "unknown column 'nix': expected one of .*"),
        ("--new --slow", "--slow conflicts with --new: .*"),
        ("--accept", "--accept needs --new: .*"),
        (
            "--new --accept --by uid",
            "--accept needs program, destination and dport: .*",
        ),
        ("-j --format csv", "-j conflicts with --format csv.*"),
        ("--db mysql://h/d", "can't read a history in mysql://: .*"),
        ("--db sqlite:", "--db names no file; .*"),
        ("--failing=x", "argument --failing: invalid count 'x': .*"),
        ("--failing=", "argument --failing: invalid count '': .*"),
        ("--result x", "argument --result: unknown result 'x': .*"),
        ("--pid 1", "history takes no --pid: .*"),
        ("--sort=", "unknown column '': .*"),
    ],
)
def test_refused(words: str, expected: str) -> None:
    """What history can't answer is one line with what does."""
    code, line = said(ask(*words.split()))
    assert code == 2
    assert re.fullmatch(expected, line), line
