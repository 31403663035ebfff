"""Times with units, ports by name, and values that begin with ``-``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tcpconnect import arguments, services
from tcpconnect.errors import UsageError
from tcpconnect.options import OPTIONS
from tcpconnect.parsing import parse
from tcpconnect.words import flags_of, joined

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = """\
# Network services
http\t\t80/tcp\t\twww www-http\t# WorldWideWeb HTTP
https\t\t443/tcp\t\t\t\t# http protocol over TLS/SSL
https\t\t443/udp
domain 53/tcp
tftp 69/udp
x11-1 6001/tcp
80x 7/tcp

broken
worse x/tcp
beyond 65536/tcp
"""


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("duration", "60", 60),
        ("duration", "0.5", 0.5),
        ("duration", "5m", 300),
        ("duration", "1.5h", 5400),
        ("duration", "90s", 90),
        ("duration", "1h30m", 5400),
        ("duration", "1m 30.5 s", 90.5),
        ("duration", "1d", 86_400),
        ("slower", "1s500ms", 1500),
        ("duration", "250ms", 0.25),
        ("slower", "100", 100),
        ("slower", "100ms", 100),
        ("slower", "1.5s", 1500),
        ("slower", "2m", 120_000),
        ("slower", "250us", 0.25),
        ("names-ttl", "12h", 43_200),
    ],
)
def test_times(option: str, text: str, expected: float) -> None:
    """A time has a unit, or that of its option."""
    (value,) = parse([f"--{option}", text]).changes.values()
    assert value == expected


@pytest.mark.parametrize(
    "text",
    ["5x", "m", "5 m m", "1h30", "1 2s", "5M", "-5m", "0s", "999999999h", "nans"],
)
def test_no_times(text: str) -> None:
    """What is wrong gets the number, its limits and the units."""
    expected = (
        f"invalid time {text!r}: expected more than 0 and less than 1000000000 s; "
        "write a number of s, or one with a unit (us, ms, s, m, h, d)"
    )
    with pytest.raises(UsageError, match=f"^{re.escape(expected)}$"):
        arguments.TIME.parse(text)


@pytest.fixture(autouse=True)
def named_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a file of services of our own."""
    (tmp_path / "services").write_text(SERVICES)
    places = str(tmp_path / "none"), str(tmp_path / "services")
    monkeypatch.setattr(services, "PLACES", places)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https", {443}),
        ("HTTPS", {443}),
        ("www-http", {80}),
        ("x11-1", {6001}),
        ("80x", {7}),
        ("8000-8002,https , 80", {80, 443, 8000, 8001, 8002}),
    ],
)
def test_services(text: str, expected: set[int]) -> None:
    """Ports have the names and aliases of TCP services."""
    assert arguments.ports(text) == expected
    line = parse(["--not-port", text])
    assert line.changes["not_ports"] == expected


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("htps", "; did you mean https or http?"),
        ("worse", ""),
        ("beyond", ""),
    ],
)
def test_no_service(name: str, near: str) -> None:
    """Others are refused; a name that is nearly right gets the right one."""
    expected = f"invalid port '{name}': neither a number nor a TCP service of "
    with pytest.raises(UsageError) as refused:
        arguments.ports(name)
    assert refused.value.line == f"{expected}{services.PLACES[0]}{near}"


def test_no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file there are no names, and numbers work."""
    monkeypatch.setattr(services, "PLACES", ("/nonexistent",))
    assert arguments.ports("80") == {80}
    with pytest.raises(UsageError, match="'https'"):
        arguments.ports("https")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--comm -bash -t", "--comm=-bash -t"),
        ("--comm bash -t", "--comm bash -t"),
        ("--comm=a -bash", "--comm=a -bash"),
        ("-p -5", "-p-5"),
        ("-tp -5 -U", "-tp-5 -U"),
        ("-p5 -x", "-p5 -x"),
        ("-t -x", "-t -x"),
        ("-cU --to -x", "-cU --to=-x"),
        ("--comm -t", "--comm -t"),
        ("--comm --to=x", "--comm --to=x"),
        ("--comm --to -x", "--comm --to=-x"),
        ("--comm --tox", "--comm=--tox"),
        ("-o -", "-o -"),
        ("--comm", "--comm"),
        ("", ""),
        ("--result", "--result"),
        ("-r", "-r"),
        ("--result -t", "--result -t"),
        ("--result ok -t", "--results ok -t"),
        ("--result=ok,eperm", "--results=ok,eperm"),
    ],
)
def test_joined(line: str, expected: str) -> None:
    """What follows an option is its value, unless it is an option itself."""
    assert " ".join(joined(line.split(), flags_of(OPTIONS))) == expected


def test_login_shells() -> None:
    """Login shells are named like ``-bash``."""
    line = parse(["--comm", "-bash,-zsh", "--comm", "-a b", "-t"])
    assert line.changes == {"comms": {"-bash", "-zsh", "-a b"}}
    assert line.timestamp
