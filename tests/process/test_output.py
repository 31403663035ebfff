"""Standard descriptors that are closed, and terminals without UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.terminals import read_all

if TYPE_CHECKING:
    from pathlib import Path


def run(code: str, redirections: str, *arguments: object) -> tuple[int, str, str]:
    """Run Python code in a process that the shell starts with these redirections."""
    shell = f'exec "$0" -c "$@" {redirections}'
    command = ["sh", "-c", shell, sys.executable, code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_say_without_stderr(redirection: str) -> None:
    """Where stderr does not work, the tool works on without a word."""
    code = "from tcpconnect.output import *; say('x'); write(1, b'on')"
    assert run(code, redirection) == (0, "on", "")


# Says whether the next file opened has a number of its own, and whether stdout works.
KEEP = """
import os, sys
from tcpconnect.errors import OutputError
from tcpconnect.output import keep_standard_descriptors, write
keep_standard_descriptors()
free = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
try:
    write(1, b"line")
    works = True
except OutputError:
    works = False
os.write(free, f"{free > 2} {works}".encode())
"""


@pytest.mark.parametrize(
    ("redirections", "works"),
    [
        ("", True),
        ("<&-", True),
        ("2>&-", True),
        ("<&- 2>&-", True),
        (">&-", False),
        ("<&- >&-", False),
        (">&- 2>&-", False),
        ("<&- >&- 2>&-", False),
    ],
)
def test_closed_standard_descriptors(
    tmp_path: Path, redirections: str, *, works: bool
) -> None:
    """No file that is opened later becomes our stdout; writing to that fails."""
    report = tmp_path / "report"
    actual = run(KEEP, redirections, report)
    assert actual == (0, "line" if works else "", "")
    assert report.read_text() == f"True {works}"


WRITE = "from tcpconnect.output import say, write; write(1, 'Û2J'.encode()); say('Û')"


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("C.UTF-8", "Û2Jtcpconnect: Û\r\n".encode()),
        ("POSIX", b"\\u00db2Jtcpconnect: \\u00db\r\n"),
    ],
)
def test_terminal_without_utf_8(locale: str, expected: bytes) -> None:
    """It gets ASCII: in UTF-8 some letters have a byte that is a control of its own."""
    terminal, end = os.openpty()
    environment = {"LC_ALL": locale}
    command = [sys.executable, "-c", WRITE]
    subprocess.run(command, stdout=end, stderr=end, env=environment, check=True)
    os.close(end)
    assert read_all(terminal) == expected
    os.close(terminal)
    piped = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert piped.stdout == "Û2J".encode()


def test_json_on_terminal_without_utf_8() -> None:
    """There JSON is still JSON, of the same values."""
    value = "\xdb\u6f22\U0001f600\U0010ffff"
    code = f"from tcpconnect.output import write; write(1, {value!a}.encode())"
    terminal, end = os.openpty()
    command = [sys.executable, "-c", code]
    subprocess.run(command, stdout=end, env={"LC_ALL": "POSIX"}, check=True)
    os.close(end)
    written = read_all(terminal)
    os.close(terminal)
    assert written.isascii()
    assert json.loads(b'"%s"' % written) == value
