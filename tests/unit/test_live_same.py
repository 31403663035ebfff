"""The command that shows what the screen shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tcpconnect.live.asked import asked_by
from tcpconnect.live.keys import Keys
from tcpconnect.live.model import Model
from tcpconnect.live.same import command, wrapped
from tcpconnect.live.state import State
from tcpconnect.parsing import parse
from tests.support.folding import NOW, attempt, batch, refused, ticks

if TYPE_CHECKING:
    from tcpconnect.connection import Connection

NAMED = attempt(query="db.corp.example", dport=5432)
GREP = "grep --line-buffered -iF -e"
MANY = [
    *[refused(daddr="10.9.9.9", dport=81)] * 3,
    *[NAMED] * 2,
    attempt(comm="it's", daddr="2001:db8::9", dport=443),
]
KEYS = {"Tab": "tab", "Enter": "enter", "Esc": "escape", "Down": "down"}


def same(words: str, keys: str = "", many: list[Connection] = MANY) -> str:
    """Return the command for a screen of these words, after these keys."""
    state = State(Model())
    state.height = 10
    for tick in ticks(batch([], NOW - 1), batch(many)):
        state.model.take(tick)
    state.update()
    pressed = Keys(state)
    for key in keys.split():
        for one in [KEYS[key]] if key in KEYS else key:
            pressed.press(one, one if len(one) == 1 else None)
    return " ".join(command(asked_by(shlex.split(words)).source, state))


@pytest.mark.parametrize(
    ("words", "keys", "expected"),
    [
        ("", "", "--comm curl --to 10.9.9.9 --port 81"),
        ("", "Down", "--comm curl --to-name db.corp.example --port 5432"),
        ("", "Down Down", "--comm 'it'\"'\"'s' --to 2001:db8::9 --port 443"),
        ("", "Tab", "--comm curl"),
        ("", "Tab Tab", "--to 10.9.9.9 --port 81"),
        ("", "Tab Tab f", "--to 10.9.9.9 --port 81"),
        ("", "Enter", "--comm curl --to 10.9.9.9 --port 81"),
        ("-i 5 -rdv -LT -P80,81 -u0", "Tab", "-L -T -P 80,81 -u 0 --comm curl"),
        ("-P 80,81 --comm=-a", "", "--comm curl --to 10.9.9.9 --port 81"),
        (
            "--not-comm 'a b' --to 10.0.0.0/8 --unit x",
            "Tab",
            "--not-comm 'a b' --to 10.0.0.0/8 --unit x --comm curl",
        ),
        ("-- curl 'a b' -i", "Tab", "--comm curl -- curl 'a b' -i"),
        ("", "/ 10.9", "--comm curl --to 10.9.9.9 --port 81"),
        (
            "--failed",
            "/ econnrefused",
            "--failed --comm curl --to 10.9.9.9 --port 81 --results ECONNREFUSED",
        ),
        (
            "",
            "/ rst",
            "--comm curl --to 10.9.9.9 --port 81 | grep --line-buffered -iF -e rst",
        ),
        ("", "/ $(a", "| grep --line-buffered -iF -e '$(a'"),
    ],
)
def test_same(words: str, keys: str, expected: str) -> None:
    """It has all filters, each once; those of a row stand for wider ones."""
    assert same(words, keys) == f"tcpconnect -r -d --why {expected}"
    parse(shlex.split(expected.partition("|")[0]))


def test_what_f_has_added() -> None:
    """F of a program, and then of a destination, are both in it; Esc takes one off."""
    both = "tcpconnect -r -d --why --comm curl --to-name db.corp.example --port 5432"
    assert same("", "Tab f Tab Down f Tab Tab") == both
    assert same("", "Tab f Tab Down f Tab / zz") == f"{both} | {GREP} zz"
    left = same("", "Tab f Tab Down f Tab Esc Tab Tab Tab Tab")
    assert left == "tcpconnect -r -d --why --comm curl --to 10.9.9.9 --port 81"


def test_programs() -> None:
    """A program is found by its place, or by the names of all of its threads."""
    exe = {"exe": "/usr/bin/python3", "cmdline": "python3 /a/run.py"}
    threads = [attempt(**exe, comm=comm) for comm in ("worker-1", "main", "worker-1")]
    assert " --comm main --comm worker-1 --to " in same("--comm main", "", threads)
    for column, flag, name in (
        ("unit", "--unit", "nginx.service"),
        ("container", "--container", "web"),
        ("pod", "--pod", "shop/web"),
    ):
        many = [attempt(**{column: name})]
        assert same("", "Tab", many) == f"tcpconnect -r -d --why {flag} {name}"


def test_a_recording() -> None:
    """Of what was recorded, top shows the same."""
    begin = "tcpconnect top"
    assert same("-P 80 'a b.jsonl'", "Tab") == f"{begin} -P 80 --comm curl 'a b.jsonl'"
    assert same("-", "/ zz") == f"{begin} --once - | {GREP} zz"


def test_lines() -> None:
    """It is cut between words, as a shell takes it, and never in one."""
    words = ["tcpconnect", "-r", "--comm", "'a b'", "--to-name", "a-long.example"]
    assert [*wrapped(words, 20)] == [
        "tcpconnect -r \\",
        "    --comm 'a b' \\",
        "    --to-name \\",
        "    a-long.example",
    ]
