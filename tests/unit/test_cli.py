"""main(): how each end of a run becomes an exit code and, at most, a line."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NoReturn

import pytest

from tcpconnect import cli
from tcpconnect.errors import (
    KernelError,
    Message,
    OutputError,
    PreflightError,
    TcpconnectError,
    UsageError,
)
from tcpconnect.output import ReaderGoneError
from tcpconnect.parsing import parse

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let the next run end with an exception."""

    def set_end(error: BaseException) -> None:
        def run(*_: object) -> NoReturn:
            raise error

        monkeypatch.setattr("tcpconnect.pipeline.run", run)
        monkeypatch.setattr("tcpconnect.cli.goes_ahead", lambda *_: False)

    return set_end


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (TcpconnectError(Message("it failed")), 1, "it failed"),
        (TcpconnectError(Message("it failed", "no luck")), 1, "it failed: no luck"),
        (TcpconnectError(Message("it failed", "", "try on")), 1, "it failed; try on"),
        (
            KernelError(Message("can't load", "no memory", "buy some")),
            1,
            "can't load: no memory; buy some",
        ),
        (OutputError(Message("can't write", "full")), 1, "can't write: full"),
        (
            UsageError(Message("no such thing", "", "try -h")),
            2,
            "no such thing; try -h",
        ),
        (
            OSError(errno.EMFILE, "", "/proc"),
            1,
            "out of file descriptors: Too many open files; raise the limit: ulimit -n",
        ),
        (
            ValueError("a bug"),
            1,
            "internal error: ValueError: a bug; please report it with the output of -v",
        ),
    ],
)
def test_error_is_a_line(
    capfd: pytest.CaptureFixture[str],
    end: Callable[[BaseException], None],
    error: Exception,
    code: int,
    expected: str,
) -> None:
    """An error is one line on stderr: a sentence, the reason and the remedy."""
    end(error)
    assert cli.main([]) == code
    assert capfd.readouterr() == ("", f"tcpconnect: {expected}\n")


def test_preflight_tells_all(
    capfd: pytest.CaptureFixture[str], end: Callable[[BaseException], None]
) -> None:
    """Each problem has a line of its own."""
    end(
        PreflightError(
            [
                TcpconnectError(Message("no BTF", "", "boot")),
                TcpconnectError(Message("no x")),
            ]
        )
    )
    assert cli.main([]) == 1
    assert capfd.readouterr() == ("", "tcpconnect: no BTF; boot\ntcpconnect: no x\n")


def test_quiet_end(
    capfd: pytest.CaptureFixture[str], end: Callable[[BaseException], None]
) -> None:
    """A reader that has gone needs no words."""
    end(ReaderGoneError())
    assert cli.main([]) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "error", [KernelError(Message("can't load")), ValueError("a bug")]
)
def test_verbose_shows_where(
    capfd: pytest.CaptureFixture[str],
    end: Callable[[BaseException], None],
    error: Exception,
) -> None:
    """With -v the traceback stands above the line."""
    end(error)
    assert cli.main(["-v"]) == 1
    _, err = capfd.readouterr()
    first, *_, last = err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last.startswith("tcpconnect: ")


def test_error_that_holds_another_line(
    capfd: pytest.CaptureFixture[str], end: Callable[[BaseException], None]
) -> None:
    """What a user typed can't make two lines of one, nor reach a terminal raw."""
    end(UsageError(Message("--cgroupmap /sys/\x1b[2J\n/x", "no such file")))
    assert cli.main([]) == 2
    _, err = capfd.readouterr()
    assert err.removesuffix("\n").isprintable()


def test_verbose_shows_what_it_came_from(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -v each error of a chain is there, the first one first."""

    def run(*_: object) -> None:
        try:
            os.rmdir("")
        except OSError as error:
            raise KernelError(Message("can't load", "not here")) from error

    monkeypatch.setattr("tcpconnect.pipeline.run", run)
    assert cli.main(["-v"]) == 1
    _, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if not line.startswith("  File ")]
    assert lines == [
        "Traceback (most recent call last):",
        "FileNotFoundError: [Errno 2] No such file or directory: ''",
        "Traceback (most recent call last):",
        "KernelError: can't load: not here",
        "tcpconnect: can't load: not here",
    ]
    assert err.count(f'  File "{__file__}", line ') == 2


@pytest.mark.parametrize(
    ("words", "known", "unknown"),
    [
        ("--columns help", "comm", "connects"),
        ("-c --columns help", "connects", "comm"),
        ("-c --by help", "comm", "connects"),
        ("--by help", "comm", "connects"),
        ("-c --sort help", "failed", "comm"),
    ],
)
def test_columns_are_listed(
    capfd: pytest.CaptureFixture[str], words: str, known: str, unknown: str
) -> None:
    """Each option that takes columns lists those that it takes."""
    assert cli.main(words.split()) == 0
    out, err = capfd.readouterr()
    names = [line.split()[0] for line in out.splitlines()]
    assert (known in names, unknown in names, err) == (True, False, "")


@pytest.mark.parametrize(
    ("words", "ahead"),
    [
        *((words, True) for words in ("", "-rdj", "-c -i 1", "-o -", "-p 1 -P 443")),
        *((words, False) for words in ("-o x", "-o - -o sqlite:x", "-v", "-- true")),
        *((words, False) for words in ("--cgroup a", "--not-container b")),
    ],
)
def test_goes_ahead(words: str, *, ahead: bool) -> None:
    """Nothing is attached beside what does more than import."""
    assert cli.goes_ahead(parse(words.split())) is ahead


@pytest.mark.parametrize(
    ("most", "ahead"), [(cli.ENOUGH - 1, False), (cli.ENOUGH, True)]
)
def test_few_descriptors(
    monkeypatch: pytest.MonkeyPatch, most: int, *, ahead: bool
) -> None:
    """Modules are not imported beside what may use the last descriptor."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (most, most))
    assert cli.goes_ahead(parse([])) is ahead
