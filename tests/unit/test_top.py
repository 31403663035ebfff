"""``tcpconnect top``: what its command line asks for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tcpconnect import cli
from tcpconnect.commands import COMMANDS
from tcpconnect.commands.top import about_recording
from tcpconnect.errors import UsageError
from tcpconnect.live.asked import asked_by
from tcpconnect.live.frame import head
from tcpconnect.live.model import Model
from tcpconnect.live.state import State
from tcpconnect.options.verbs import VERBS
from tcpconnect.sources.opened import open_recording
from tests.support.folding import recorded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def test_every_verb_is_described() -> None:
    """What can be run and what is described are the same."""
    assert [verb.name for verb in VERBS] == [*COMMANDS]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-c", "top does not take -c: it always counts, and sorts by keys; tcpconnect"),
        ("-rdj", "top does not take -j: its views have columns of their own; "),
        ("-ci 5", "top does not take -c: "),
        ("--dns-latency", "top does not take --dns-latency: its views have columns"),
        ("-o x", "top does not take -o: it draws on the terminal, and shows what "),
        ("--once -TU", "--(print-uid|time) conflicts with --once: a frame is plain "),
        ("--once --color never", "--color conflicts with --once: "),
        ("--quiet", "--quiet is for --once: the screen prints no notices; omit it"),
        ("--onec", "unknown option --onec; did you mean --once"),
        ("./a b", "unexpected argument 'b'; did you mean --comm b"),
        ("./a ]", "unexpected argument ']'; tcpconnect top -h shows what it takes"),
        ("noprogram", "unexpected argument 'noprogram'; did you mean --comm noprogram"),
        ("443", "unexpected argument '443'; did you mean -P 443"),
        ("./a ls", "unexpected argument 'ls'; did you mean -- ls "),
        ("-x", "unknown option -x; tcpconnect top -h shows what it takes"),
        ("--dport 443", "unknown option --dport; did you mean -P 443"),
        ("./a port 443", "unexpected argument 'port'; did you mean -P 443"),
        ("--csv", "unknown option --csv; tcpconnect top -h shows what it takes"),
        ("-4 -6", "argument -6/--ipv6: not allowed with argument -4/--ipv4; tcp"),
        ("-p nginx", "argument -p/--pid: invalid PID 'nginx'; did you mean --comm"),
        ("-i -5", "argument -i/--interval: invalid number of seconds '-5'"),
        ("-i 0", "argument -i/--interval: invalid number of seconds '0'"),
        ("-i x", "argument -i/--interval: invalid number of seconds 'x'"),
        ("a.jsonl --duration 5", "'a.jsonl' was recorded: --duration is for a trace"),
        ("- -- true", "stdin was recorded: -- is for a trace"),
        ("- --cgroup x", "a recording can't be filtered by --cgroup: "),
        ("--", "no command after --"),
    ],
)
def test_wrong_usage(words: str, expected: str) -> None:
    """What makes no sense is refused with a line."""
    with pytest.raises(UsageError, match=f"^{expected}"):
        asked_by(words.split())


@pytest.mark.parametrize(
    ("words", "file", "command", "interval"),
    [
        ((), None, [], 1),
        (("-i", "5", "-", "-v"), "-", [], 5),
        (("-P", "443", "--", "a", "-i"), None, ["a", "-i"], 1),
        (("a.jsonl", "--interval=2"), "a.jsonl", [], 2),
    ],
)
def test_what_is_asked_for(
    words: Sequence[str], file: str | None, command: list[str], interval: int
) -> None:
    """Options, a file and a command are told from each other."""
    asked = asked_by(words)
    assert (asked.file, asked.command, asked.interval) == (file, command, interval)


@pytest.mark.parametrize(
    ("pip", "expected"),
    [
        ("pip", f"{sys.executable} -m pip install textual"),
        ("", f"uv pip install --python {sys.executable} textual"),
    ],
    ids=["pip", "uv"],
)
def test_without_textual(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    pip: str,
    expected: str,
) -> None:
    """A line says how to install it: by pip, or where there is none, by uv."""
    modules = {"pip": pip}
    monkeypatch.setattr("importlib.util.find_spec", modules.get)
    assert cli.main(["top"]) == 2
    assert capfd.readouterr().err == (
        "tcpconnect: the live view needs Textual: it is not installed; "
        f"install it: {expected}; or add --once\n"
    )


def test_how_much_is_read(tmp_path: Path) -> None:
    """A screen says how much of a file was read; at the end that it is whole."""
    path = recorded(tmp_path / "a.jsonl")
    asked = asked_by([str(path)])
    model = Model()
    with open_recording(str(path)) as source:
        batches = source.batches()
        for expected in ("0 % read", "whole recording"):
            next(batches)
            begin = about_recording(source, asked)
            assert begin.host == ("web" if begin.percent else "a.jsonl")
            model.begin(begin)
            (_, (rates, *_), *_) = head(State(model), 80)
            assert rates[0].rstrip().split("   ")[-1] == expected
