"""What the tool says of its command line: errors, help, and reports of no trace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tcpconnect import __version__, cli, info
from tcpconnect import help as helps
from tcpconnect.flow import FLOW

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no option that should have been refused start a trace."""
    monkeypatch.setattr("tcpconnect.api.Trace", pytest.fail)
    monkeypatch.setattr("tcpconnect.cli.goes_ahead", lambda *_: False)


def run(
    capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> tuple[int, str, str]:
    """Run the tool; return exit code, stdout and stderr."""
    code = cli.main(arguments)
    said = capfd.readouterr()
    return code, said.out, said.err


HINT = "; tcpconnect -h shows the options"
RANGE = ": expected more than 0 and less than 1000000000 {0}; write a number of {0}, "
RANGE += "or one with a unit (us, ms, s, m, h, d)"
COUNTED = ": -c counts attempts by address and port"
LISTED = ": --columns names all columns; add its column there"
ONE_LINE = [
    (
        "-p 1x",
        "argument -p/--pid: invalid PID '1x': expected a number from 1 to 4194304"
        + HINT,
    ),
    (
        "-P 80-",
        "argument -P/--port: invalid range '80-': expected two ports: 8000-8100" + HINT,
    ),
    (
        "-P ++",
        "argument -P/--port: invalid port '++': neither a number nor a TCP service "
        "of /etc/services" + HINT,
    ),
    ("-u no-such", "argument -u/--uid: no user 'no-such' on this machine" + HINT),
    ("-p", "argument -p/--pid: expected one argument" + HINT),
    ("-p--", "argument -p/--pid: expected one argument" + HINT),
    ("--duration=--", "argument --duration: expected one argument" + HINT),
    (
        "-p -1",
        "argument -p/--pid: invalid PID '-1': expected a number from 1 to 4194304"
        + HINT,
    ),
    ("-p -t", "argument -p/--pid: expected one argument" + HINT),
    ("-tp -U", "argument -p/--pid: expected one argument" + HINT),
    ("--comm --json", "argument --comm: expected one argument" + HINT),
    (
        "--to -x",
        "argument --to: invalid address or network '-x': expected for example "
        "10.0.0.0/8, fd00::/8 or 192.0.2.1" + HINT,
    ),
    ("-4 -6", "argument -6/--ipv6: not allowed with argument -4/--ipv4" + HINT),
    ("-x", "unknown option -x" + HINT),
    ("--zzz", "unknown option --zzz" + HINT),
    (
        "--slower 0",
        "argument --slower: invalid time '0'" + RANGE.format("ms"),
    ),
    (
        "--slower -5",
        "argument --slower: invalid time '-5'" + RANGE.format("ms"),
    ),
    (
        "--slower=-5",
        "argument --slower: invalid time '-5'" + RANGE.format("ms"),
    ),
    (
        "--slower nan",
        "argument --slower: invalid time 'nan'" + RANGE.format("ms"),
    ),
    (
        "--duration soon",
        "argument --duration: invalid time 'soon'" + RANGE.format("s"),
    ),
    (
        "--limit 0",
        "argument --limit: invalid count '0': expected a number from 1 to 1000000000"
        + HINT,
    ),
    (
        "--limit 1.5",
        "argument --limit: invalid count '1.5': expected a number from 1 to 1000000000"
        + HINT,
    ),
    (
        "--ring-bytes 5000",
        "argument --ring-bytes: invalid ring size 5000: "
        "expected a power of two, at least 4096" + HINT,
    ),
    ("-j --format csv", "-j conflicts with --format csv; omit one"),
    (
        "--histogram",
        "--histogram needs the table of -c; add -c",
    ),
    (
        "--columns pid,dprot",
        "unknown column 'dprot'; did you mean dport? --columns help lists all columns",
    ),
    ("--columns pid,", "unknown column ''; --columns help lists all columns"),
    (
        "-c --columns pid",
        f"unknown column 'pid': expected one of {', '.join(FLOW)}",
    ),
    ("-tc", f"-t conflicts with -c{COUNTED}; omit -t"),
    ("-Uc", f"-U conflicts with -c{COUNTED}; omit -U"),
    ("-Lc", f"-L conflicts with -c{COUNTED}; omit -L"),
    ("-t --columns pid", f"-t conflicts with --columns{LISTED}"),
    ("-U --columns uid", f"-U conflicts with --columns{LISTED}"),
]


@pytest.mark.parametrize(("line", "expected"), ONE_LINE)
def test_refused(capfd: pytest.CaptureFixture[str], line: str, expected: str) -> None:
    """Wrong options end the tool with one line and exit code 2."""
    actual = run(capfd, line.split())
    assert actual == (2, "", f"tcpconnect: {expected}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-P", ""],
        ["-p", "1\n2"],
        ["-u", "\x1b[2J"],
        ["-u", "\udcff"],
        ["-u", "0" * 5000 + "1"],
        ["-P", "0" * 5000 + "1"],
        ["--limit", "9" * 5000],
        ["--format", "a\nb"],
        ["--columns", ""],
        ["--columns", "\x1b[2J"],
        ["--columns", "pid\ncomm"],
        ["two\nlines"],
        ["\x1b[2J"],
        ["--limit", "\u0663"],
        ["--duration", "inf"],
        ["--duration", "1e400"],
        ["--cgroupmap", ""],
        ["--mntnsmap", ""],
    ],
    ids=lambda arguments: ascii(arguments)[:30],
)
def test_hostile_arguments(
    capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Whatever is wrong, it is one printable line, and speaks of no function."""
    code, out, err = run(capfd, arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"tcpconnect: .+\n", err)
    assert err[:-1].isprintable()
    assert not re.search(r"invalid \w+ value|internal", err)


@pytest.mark.parametrize("line", ["-c --histogram -j", "-c --histogram --format csv"])
def test_remedy_is_one(capfd: pytest.CaptureFixture[str], line: str) -> None:
    """The remedy is not to do what was done."""
    code, _, err = run(capfd, line.split())
    assert code == 2
    assert "add -c" not in err


@pytest.mark.parametrize("seconds", ["1e9", "inf"])
def test_too_long(capfd: pytest.CaptureFixture[str], seconds: str) -> None:
    """What is too large is not said to be below 0."""
    code, _, err = run(capfd, ["--duration", seconds])
    assert code == 2
    assert "above 0" not in err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        *((line, helps.short) for line in ("-h", "--help", "-h -t", "-p 1 -h")),
        ("-r --help-all", helps.everything),
    ],
)
def test_help(
    capfd: pytest.CaptureFixture[str], line: str, expected: Callable[[], str]
) -> None:
    """The help is on stdout, exit code 0."""
    with pytest.raises(SystemExit) as caught:
        cli.main(line.split())
    said = capfd.readouterr()
    assert (caught.value.code, said.err) == (0, "")
    assert said.out == expected()


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    """The version is on stdout, exit code 0."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capfd.readouterr() == (f"tcpconnect {__version__}\n", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--schema", info.schema(count=False)),
        ("--schema -c", info.schema(count=True)),
        ("--schema -j", info.schema(count=False)),
        ("--columns help", info.columns_help(count=False)),
        ("--columns help -c", info.columns_help(count=True)),
    ],
)
def test_tells_and_exits(
    capfd: pytest.CaptureFixture[str], line: str, expected: str
) -> None:
    """Reports without tracing go to stdout, exit code 0."""
    assert run(capfd, line.split()) == (0, expected, "")
