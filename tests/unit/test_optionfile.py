"""Options from files: @FILE."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect import cli
from tcpconnect.errors import UsageError
from tcpconnect.optionfile import MAX_BYTES
from tcpconnect.parsing import parse

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# what we look at
-rd -P 443,80   # the web
--comm 'a thread' "--to" 10.0.0.0/8
"""
WORDS = ["-rd", "-P", "443,80", "--comm", "a thread", "--to", "10.0.0.0/8"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that may be filled."""
    return tmp_path / "options"


def test_words(file: Path) -> None:
    """They stand where the file is named, as if they were typed."""
    file.write_text(TEXT)
    line = parse(["-4", f"@{file}", "-t"])
    assert line.words == ["-4", *WORDS, "-t"]
    assert (line.timestamp, line.changes["comms"]) == (True, {"a thread"})


def test_value_with_mark() -> None:
    """A value that is joined to its option names no file."""
    assert parse(["--comm=@x"]).changes["comms"] == {"@x"}


def test_a_command_keeps_its_words(file: Path) -> None:
    """What follows -- is the command's."""
    assert parse(["--", "curl", f"@{file}"]).command == ["curl", f"@{file}"]


def test_command_in_a_file(file: Path) -> None:
    """A file may have a command, to which the command line adds words."""
    file.write_text("-P 443 -- curl\n-s")
    assert parse([f"@{file}", "-o", "x"]).command == ["curl", "-s", "-o", "x"]


def test_any_bytes(file: Path) -> None:
    """Words need not be UTF-8."""
    file.write_bytes(b"--comm \xff\n")
    assert parse([f"@{file}"]).changes["comms"] == {"\udcff"}


def test_not_again(file: Path) -> None:
    """A file that names itself is not read again."""
    file.write_text(f"@{file}")
    with pytest.raises(UsageError, match="@"):
        parse([f"@{file}"])


def put_fifo(file: Path) -> str:
    """Put a pipe there, which nobody writes."""
    os.mkfifo(file)
    return "not a regular file"


def put_folder(file: Path) -> str:
    """Put a folder there."""
    file.mkdir()
    return "not a regular file"


def put_nothing(_file: Path) -> str:
    """Leave it away."""
    return "No such file or directory"


def put_much(file: Path) -> str:
    """Put more there than is read."""
    with file.open("wb") as made:
        made.truncate(MAX_BYTES + 1)
    return "larger than 64 KiB"


def put_nul(file: Path) -> str:
    """Put a byte there that no argument can have."""
    file.write_bytes(b"-o a\0b")
    return "it has a NUL byte"


def put_open_quotes(file: Path) -> str:
    """Leave quotes open."""
    file.write_text("--comm 'x")
    return "No closing quotation"


def put_escape(file: Path) -> str:
    """End with what escapes nothing."""
    file.write_text("--comm \\")
    return "No escaped character"


HOSTILE = [put_fifo, put_folder, put_nothing, put_much, put_nul]
HOSTILE += [put_open_quotes, put_escape]


@pytest.mark.parametrize("put", HOSTILE, ids=lambda put: put.__name__)
def test_refused(capfd: pytest.CaptureFixture[str], file: Path, put: object) -> None:
    """What can't be read is one line, and exit code 2."""
    assert callable(put)
    reason = put(file)
    assert cli.main([f"@{file}"]) == 2
    expected = f"tcpconnect: can't read options from {str(file)!r}: {reason}\n"
    assert capfd.readouterr() == ("", expected)


def test_many_words(file: Path) -> None:
    """The largest file takes no longer than a command line of that length."""
    file.write_text("-r " * (MAX_BYTES // 3))
    assert len(parse([f"@{file}"]).words) == MAX_BYTES // 3
