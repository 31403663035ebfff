"""Command lines: understood, or refused in one line that is harmless."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import pytest

from tcpconnect import arguments, cli, command, settings
from tcpconnect.errors import UsageError
from tcpconnect.formats import FORMATS
from tcpconnect.kernel.config import Config
from tcpconnect.kernel.filters import Filters
from tcpconnect.options import OPTIONS
from tcpconnect.output import ReaderGoneError
from tcpconnect.outputs import text as output_text
from tcpconnect.places import EVERYWHERE
from tests.support.material import is_harmless, mutated, text

if TYPE_CHECKING:
    from functools import partial
    from random import Random

    from tcpconnect.kernel.attempts import Attempts
    from tests.support.fuzzing import Fuzz

PARSERS = [option.value.parse for option in OPTIONS if option.value]
VALUES = [
    *("1", "0", "-1", "65535", "65536", "4194304", "4294967295", "1e9", "nan", "inf"),
    *("80,443,8000-8100", "80-", "-", ",", "root,1000", "nobody", "curl,wget", "٣"),
    *("10.0.0.0/8,fd00::/8", "::ffff:1.2.3.4/100", "1.2.3.4/33", "fe80::1%eth0", "/"),
    *("self", "4026531840", "dns,libc", "help", "pid,comm,query", "system.slice"),
    *(
        *FORMATS,
        "9" * 40,
        "1_0",
        "0x10",
        "1.2.3",
        "::",
        "0.0.0.0/0,::/0",
        "",
        "..",
        "~",
    ),
]
FLAGS = sorted(flag for option in OPTIONS if option.help for flag in option.flags)
RARE = {
    "--check",
    "--help",
    "--help-all",
    "-h",
    "--version",
    "--schema",
}  # all ends in a page


# The trace goes on without what these name.
NOTICES = ("tcpconnect: no unit ", "tcpconnect: no pod ")


def value(random: Random) -> str:
    """Return a text as the command line may have it: any bytes but NUL."""
    raw = random.choice(
        [
            random.choice(VALUES).encode(),
            mutated(random, [each.encode() for each in VALUES]),
            text(random),
        ]
    )
    return os.fsdecode(raw.replace(b"\0", b""))


def test_values(fuzz: Fuzz) -> None:
    """A value is understood, or refused by the error that names the option."""

    def case(random: Random) -> None:
        given = value(random)
        for parse in PARSERS:
            with suppress(UsageError):
                parse(given)

    fuzz(case)


@pytest.fixture
def _no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go as far as the kernel's constants and maps, and no further."""

    def trace(given: settings.Settings, attach: partial[Attempts]) -> NoReturn:
        Filters(given, attach.args[1]).configure(Config())
        raise ReaderGoneError

    def start(argv: list[str], _output: int | None) -> NoReturn:
        assert argv
        raise ReaderGoneError

    monkeypatch.setattr("tcpconnect.api.Trace", trace)
    monkeypatch.setattr("tcpconnect.cli.goes_ahead", lambda *_: False)
    monkeypatch.setattr(command, "Command", start)
    monkeypatch.setattr(
        output_text, "open_file", lambda _: os.open(os.devnull, os.O_RDWR)
    )
    monkeypatch.setattr("tcpconnect.info.check", lambda **_: ("", 0))


def line(random: Random) -> list[str]:
    """Return arguments; where one begins like an option, it is one most often."""
    words = []
    for _ in range(random.randrange(6)):
        option = random.choice(FLAGS)
        if option in RARE and random.random() < 0.9:
            continue
        kind = random.randrange(4)
        if kind == 0:
            words += [f"{option}={value(random)}"]
        elif kind == 1:
            words += [option, value(random)]
        elif kind == 2:
            words += [option]
        else:
            words += [value(random)]
    if random.random() < 0.1:
        words += ["--", *[value(random) for _ in range(random.randrange(3))]]
    return words


def run(arguments: list[str]) -> int:
    """Return the exit code of the tool."""
    try:
        return cli.main(arguments)
    except SystemExit as page:  # argparse ends so when it has printed one
        return int(page.code or 0)


@pytest.mark.usefixtures("_no_tracing")
def test_command_lines(fuzz: Fuzz, capfd: pytest.CaptureFixture[str]) -> None:
    """The tool would trace, or shows a page, or says why not (-v: and where)."""

    def case(random: Random) -> None:
        code = run(line(random))
        said = capfd.readouterr().err
        *lines, rest = said.split("\n")
        assert rest == ""
        refused = [line for line in lines if not line.startswith(NOTICES)]
        assert code == (UsageError.exit_code if refused else 0), said
        assert all(map(is_harmless, lines))

    fuzz(case)


def test_who_called_sudo(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the environment name a user, or are refused."""

    def case(random: Random) -> None:
        for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER"):
            monkeypatch.setenv(name, value(random))
        with suppress(UsageError):
            user = command.invoking_user()
            assert user is None or max(user[:2]) <= arguments.MAX_UID

    fuzz(case)


def test_api(fuzz: Fuzz) -> None:
    """What a program asks for makes sense to the kernel, or is refused."""

    def numbers(random: Random) -> frozenset[int]:
        return frozenset(random.choices((-1, 0, 1, 80, 65535, 65536, 1 << 32), k=2))

    def case(random: Random) -> None:
        given = {name: numbers(random) for name in ("pids", "uids", "ports", "netns")}
        names = frozenset(value(random) for _ in range(2))
        try:
            wanted = settings.Settings(comms=names, **given)  # type: ignore[arg-type]
        except UsageError:
            return
        Filters(wanted, EVERYWHERE).configure(Config())

    fuzz(case)
