"""``tcpconnect top`` as users run it: a frame of a recording, or why there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import preloaded
from tests.support.folding import recorded

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
