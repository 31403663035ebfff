"""Arguments of processes as one line: hostile, cut, written over."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.enrich.cmdline import text
from tests.support.properties import steady

BASH = shutil.which("bash")


def line(*arguments: bytes, cut: bool = False, title: bool = False) -> str | None:
    """Return the text of arguments as they lie in memory."""
    return text(b"".join(a + b"\0" for a in arguments), cut=cut, title=title)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([b"curl", b"-s", b"http://x/"], "curl -s http://x/"),
        ([b"sh", b"-c", b"a b"], "sh -c 'a b'"),
        ([b"a", b""], "a ''"),
        ([b"a", b"", b"b"], "a '' b"),
        ([b""], ""),
        ([b"a", b"it's"], "a 'it'\"'\"'s'"),
        ([b"a", b"\x1b[2J"], r"a $'\x1b[2J'"),
        ([b"a", b"\xff'\\\n"], r"a $'\xff\'\\\x0a'"),
        ([b"a", "\u202e".encode()], r"a $'\u202e'"),
        ([b"a", "\U000e0001".encode()], r"a $'\U000e0001'"),
        ([b"a", "\x85".encode()], r"a $'\u0085'"),
        ([b"a", "grün".encode()], "a 'grün'"),
        ([b"a", b"*", b"~", b"$x"], "a '*' '~' '$x'"),
    ],
)
def test_quoted(arguments: list[bytes], expected: str) -> None:
    """What a shell would take apart is quoted; what can't be printed is escaped."""
    assert line(*arguments) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"nginx: worker process\0", "nginx: worker process"),
        (b"nginx: worker process\0\0\0\0\0", "nginx: worker process"),
        (b"\x1b[2J\0", r"\x1b[2J"),
        (b"\xff\0", r"\xff"),
        (b"a b", "a b"),
    ],
)
def test_single_string(raw: bytes, expected: str) -> None:
    """A title that a daemon has set is not quoted, but escaped."""
    assert text(raw, cut=False, title=False) == expected


def test_title_that_goes_on() -> None:
    """A title ends with its first NUL, whatever comes then."""
    assert line(b"postgres: idle", b"HOME=/", title=True) == "postgres: idle"


def test_no_arguments() -> None:
    """Memory that could not be read is unknown."""
    assert text(b"", cut=False, title=False) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a\0bc", "a bc…"),
        (b"a\0b\0", "a b…"),
        ("a\0bä".encode()[:-1], "a b…"),
        (b"a\0b c", "a 'b c'…"),
        (b"a", "a…"),
    ],
)
def test_cut(raw: bytes, expected: str) -> None:
    """What is missing is shown; half a character is not."""
    assert text(raw, cut=True, title=False) == expected


WORDS = st.lists(st.binary(min_size=1).filter(lambda b: b"\0" not in b), min_size=2)


@steady
@given(WORDS)
def test_never_harmful(words: list[bytes]) -> None:
    """Whatever the arguments are, the line can be printed."""
    shown = line(b"program", *words)
    assert shown
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a\u3164", r"$'a\u3164'"),
        ("\ufe0f", r"$'\ufe0f'"),
        ("\u0338a", r"$'\u0338a'"),  # it would change the quote
        ("é", "'é'"),
    ],
)
def test_unseen(word: str, expected: str) -> None:
    """What can't be seen is written out in arguments, too."""
    assert line(b"program", word.encode()) == f"program {expected}"


@pytest.mark.skipif(not BASH, reason="there is no bash")
def test_shell_reads_what_the_program_got() -> None:
    """The line means the same arguments to bash, byte by byte."""
    words = [bytes([n]) for n in range(1, 256)]
    words += [b"a b", b"'", b"\\", b"\\x41", b"$'x'", "\u202e\u00e9".encode(), b"!"]
    words += [b"\x1b1", b"\xe2\x80", b"-n", b"\n\n", b"`id`"]
    shown = line(b"printf", rb"%s\0", *words)
    assert shown
    environment = {"LC_ALL": "C.UTF-8"}
    run = subprocess.run(
        ["bash", "-c", shown], check=True, capture_output=True, env=environment
    )
    assert run.stdout.split(b"\0")[:-1] == words
