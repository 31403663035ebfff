"""``tcpconnect top``: what its command line asks for, and one frame of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
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
from tests.support import preloaded
from tests.support.folding import recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOL = str(Path(sys.executable).with_name("tcpconnect"))


def run(
    *words: str, columns: int = 80, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the tool to its end."""
    environment = {**os.environ, "TZ": "UTC", "COLUMNS": str(columns), **more}
    return preloaded.run(*words, env=environment)


FRAME = """\
tcpconnect top web -o 'a b'                                             22:13:29
attempts/s 10.1   failed/s 1   lost 0   whole recording
attempts                                                   ██████████ 10/s
failed                                                     ██████████ 1/s
PROGRAM   DESTINATION   PORT  ATT/s FAIL/s RESULT           AVG(ms) MAX(ms) LAST
curl      192.0.2.1      443      5      1 ECONNREFUSED RST    5.00    9.90   0s
curl      a.example      443      5      0 -                   4.90    9.80   0s
"""


def test_a_frame_of_a_recording(tmp_path: Path) -> None:
    """All rows, with rates of the whole time."""
    path = recorded(tmp_path / "a.jsonl")
    ended = run("top", "--once", str(path))
    assert ended.stdout.splitlines() == FRAME.splitlines()
    with path.open() as file:
        again = preloaded.run("top", "-", "--once", stdin=file)
    assert "curl" in again.stdout


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("--comm curl --to 192.0.2.0/24", ["curl      192.0.2.1      443    5.1"]),
        ("-P 80", []),
        ("--failed", ["curl      192.0.2.1      443    1.1"]),
        ("--to-name *.example -rd", ["curl      a.example      443    5.1"]),
    ],
)
def test_filters_of_a_recording(tmp_path: Path, words: str, rows: list[str]) -> None:
    """They pass what a trace with them would have; the header names them."""
    path = recorded(tmp_path / "a.jsonl")
    ended = run("top", "--once", *words.split(), str(path))
    title, _, _, _, heads, *found = ended.stdout.splitlines()
    assert title.startswith("tcpconnect top web -o 'a b' | -")
    assert heads.startswith("PROGRAM")
    assert [row[:36].rstrip() for row in found] == rows


BARE = """\
tcpconnect top bare.jsonl                                                      -
attempts 3   failed -   lost 0   no times: counts, not rates
attempts                                                              0/s
failed                                                                0/s
PROGRAM   DESTINATION   PORT  ATT/s FAIL/s RESULT           AVG(ms) MAX(ms) LAST
wget      192.0.2.9        1      2      - -                      -       -    -
?         192.0.2.9        1      1      - -                      -       -    -
"""


def test_a_recording_without_times_and_results(tmp_path: Path) -> None:
    """Attempts are counted; what is not known is a dash."""
    path = tmp_path / "bare.jsonl"
    line = '{"daddr":"192.0.2.9","dport":1}\n'
    named = '{"daddr":"192.0.2.9","dport":1,"comm":"wget"}\n'
    path.write_text(line + named * 2)
    assert run("top", "--once", str(path)).stdout == BARE


def test_wide_frames(tmp_path: Path) -> None:
    """Lines are never wider than they may be."""
    path = str(recorded(tmp_path / "a.jsonl"))
    for columns in (80, 120, 200):
        lines = run("top", "--once", path, columns=columns).stdout.splitlines()
        assert 0.8 * columns < max(map(len, lines)) <= columns


def test_every_verb_is_described() -> None:
    """What can be run and what is described are the same."""
    assert [verb.name for verb in VERBS] == [*COMMANDS]


def test_only_the_first_word_is_a_verb() -> None:
    """Elsewhere it is refused, as all bare words are."""
    ended = run("-r", "top")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "write it first: tcpconnect top" in ended.stderr


def test_help() -> None:
    """It shows the verb's options."""
    ended = run("top", "-h")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--interval" in ended.stdout


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


def test_a_file_that_is_not_there() -> None:
    """It is a line."""
    ended = run("top", "--once", "/no/such.jsonl")
    expected = "tcpconnect: can't read '/no/such.jsonl': No such file or directory\n"
    assert (ended.returncode, ended.stderr) == (1, expected)


def test_limit_and_summary(tmp_path: Path) -> None:
    """They mean what they mean for a trace."""
    path = recorded(tmp_path / "a.jsonl")
    ended = run("top", "--once", "--limit", "20", "--summary", str(path))
    assert ended.returncode == 0
    assert "ECONNREFUSED" in ended.stderr
    *_, one, other = ended.stdout.splitlines()
    assert (one.split()[3], other.split()[3]) == ("5.3", "5.3")


def test_no_terminal(tmp_path: Path) -> None:
    """Without one, a line says what to do."""
    ended = preloaded.run("top", recorded(tmp_path / "a.jsonl"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "tcpconnect: no terminal for the live view: stdout is none; "
        "add --once for one frame on stdout\n"
    )
    there = "192.0.2.1 50000 192.0.2.2 22"
    ended = run("top", SSH_CONNECTION=there)
    assert ended.stderr.endswith(
        "; ssh gives one with -t: ssh -t HOST tcpconnect top\n"
    )
    ended = run("top", SSH_CONNECTION=there, SSH_TTY="/dev/pts/0")
    assert "; add --once" in ended.stderr
    words = [TOOL, "top", "--", "true"]
    ended = subprocess.run(
        words, check=False, capture_output=True, text=True, start_new_session=True
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("tcpconnect: no terminal for the live view: No ")


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


def test_the_plain_start_imports_nothing_of_it() -> None:
    """Neither verbs nor the live view cost a plain trace anything."""
    code = "import sys; from tcpconnect.cli import main; main(sys.argv[1:])"
    code += "; print(*[m for m in sys.modules if m.startswith('tcpconnect')])"
    words = [sys.executable, "-c", code, "--columns", "help"]
    ended = subprocess.run(words, check=True, capture_output=True, text=True)
    *_, modules = ended.stdout.splitlines()
    for name in ("commands", "live", "options.verbs", "options.top"):
        assert f"tcpconnect.{name}" not in modules


@pytest.mark.parametrize("wrong", ['{"daddr":"::1","latency_ms":1e300}', "nothing"])
def test_no_frame_of_what_is_no_recording(tmp_path: Path, wrong: str) -> None:
    """A line says what is wrong, and nothing looks like a measurement."""
    path = tmp_path / "wrong.jsonl"
    path.write_text(f"{wrong}\n")
    ended = run("top", "--once", str(path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"'{path}'" in ended.stderr


def test_nothing_is_piped() -> None:
    """A terminal has no lines of attempts: its keys would be taken for them."""
    leader, terminal = os.openpty()
    for words in (["--once"], []):
        ended = preloaded.run("top", *words, "-", stdin=terminal)
        assert ended.returncode == 2
        assert ended.stderr.startswith("tcpconnect: nothing to read: stdin is a term")
    os.close(terminal)
    os.close(leader)


def test_a_recording_of_no_host() -> None:
    """The header names the file instead, and the options that filter it."""
    line = '{"daddr":"192.0.2.9","dport":1}\n'
    words = [TOOL, "top", "--once", "-P", "1", "-"]
    shown = subprocess.run(words, check=True, input=line.encode(), capture_output=True)
    assert shown.stdout.startswith(b"tcpconnect top stdin | -P 1 ")


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
