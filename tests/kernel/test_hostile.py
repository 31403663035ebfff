"""Process names are chosen by processes: shown harmless, and a line stays a line."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt, comm, rename
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns", "own_name")

# Names as bytes, and as they are shown. The kernel keeps 15 bytes.
NAMES = {
    "escape": (b"\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
    "title": (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
    "newline": (b"a\nb\r\nc", r"a\nb\r\nc"),
    "tab and backspace": (b"a\tb\x08\x7f", r"a\tb\x08\x7f"),
    "invalid UTF-8": (b"\xff\xfe\xc3(", r"\xff\xfe\xc3("),
    "surrogate": (b"\xed\xa0\x80", r"\xed\xa0\x80"),
    "overlong": (b"\xc0\x9b[2J", r"\xc0\x9b[2J"),
    "C1 control, raw": (b"\x9b31m", r"\x9b31m"),
    "C1 control, encoded": ("\x9b31m".encode(), r"\x9b31m"),
    "bidi override": ("\u202egnp.exe".encode(), r"\u202egnp.exe"),
    "zero width": ("a\u200bb\ufeff".encode(), r"a\u200bb\ufeff"),
    "line separator": ("a\u2028b".encode(), r"a\u2028b"),
    "tag character": ("a\U000e0041".encode(), r"a\U000e0041"),
    "cut character": (14 * b"a" + "é".encode(), 14 * "a" + r"\xc3"),
    "format": (b"%s%n%d%(pid)s%", "%s%n%d%(pid)s%"),
    "braces": (b"{0}{pid}${HOME}", "{0}{pid}${HOME}"),
    "quotes": (b"\"a\",'b',`c`", "\"a\",'b',`c`"),
    "commas": (b",,a,b;c", ",,a,b;c"),
    "backslashes": (rb"\n\x41\"", r"\n\x41\""),
    "spaces": (b"  a  b  ", "  a  b  "),
    "empty": (b"", ""),
    "letters of the world": ("né漢字".encode(), "né漢字"),
}
SHOWN = [shown for _, shown in NAMES.values()]


@pytest.fixture
def own_name() -> Iterator[None]:
    """Give the thread its name back."""
    before = comm()
    yield
    rename(before.encode())


def traced(*options: str) -> str:
    """Attempt under each name, from port 1 on; return the output."""
    with Tool("-p", os.getpid(), *options) as tool:
        for port, (name, _) in enumerate(NAMES.values(), 1):
            rename(name)
            attempt("127.0.0.1", port)
        assert tool.stop() == 0
        return tool.stdout.decode()


def lines(output: str, end: str = "\n") -> list[str]:
    """Return the lines of an output in which nothing is harmful."""
    *whole, rest = output.split(end)
    assert rest == ""
    assert [line for line in whole if not line.isprintable()] == []
    return whole


def test_table() -> None:
    """A name is cut to 12 characters and padded, however it is spelled."""
    pid, address = os.getpid(), "127.0.0.1       "
    expected = [
        f"{pid:<6} {shown:<12.12} 4  {address} {address} {port}"
        for port, shown in enumerate(SHOWN, 1)
    ]
    assert lines(traced())[1:] == expected


def test_json() -> None:
    """Each line is an object; a name is whole, and harmless when it is decoded."""
    names = [json.loads(line)["comm"] for line in lines(traced("-j"))]
    assert names == SHOWN


def test_csv() -> None:
    """Each line is a row of as many cells; a name is whole."""
    output = traced("--format", "csv", "--columns", "dport,comm,ip")
    lines(output, "\r\n")
    rows = list(csv.reader(io.StringIO(output, newline=""), strict=True))
    expected = [[str(port), shown, "4"] for port, shown in enumerate(SHOWN, 1)]
    assert rows == [["dport", "comm", "ip"], *expected]


def test_results() -> None:
    """With -r the name is that of the beginning, and as harmless."""
    names = [line.rstrip() for line in lines(traced("-r", "--columns", "comm,ip"))]
    expected = [f"{shown:<12.12} 4" for shown in SHOWN]
    assert names == ["COMM         IP", *expected]


def test_ascii_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output is UTF-8, whatever the locale."""
    for variable in ("LC_ALL", "LANG"):
        monkeypatch.setenv(variable, "POSIX")
    for variable in ("PYTHONCOERCECLOCALE", "PYTHONUTF8"):
        monkeypatch.setenv(variable, "0")
    names = [json.loads(line)["comm"] for line in lines(traced("-j"))]
    assert names == SHOWN
