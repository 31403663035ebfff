"""The values of -p, -u and -P: lists of numbers, names and ranges."""

from __future__ import annotations

import pwd
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect import arguments
from tcpconnect.errors import UsageError
from tests.support.properties import steady

if TYPE_CHECKING:
    from collections.abc import Callable

PARSERS = pytest.mark.parametrize(
    "parse", [arguments.pids, arguments.uids, arguments.ports]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", {1}),
        ("181", {181}),
        ("1,2,3", {1, 2, 3}),
        ("7,7", {7}),
        (" 1 , 2 ", {1, 2}),
        ("007", {7}),
        ("4194304", {4194304}),
    ],
)
def test_pids(text: str, expected: set[int]) -> None:
    """Process IDs are separated by commas, with spaces or without."""
    assert arguments.pids(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", {80}),
        ("80,81", {80, 81}),
        ("80-83", {80, 81, 82, 83}),
        ("80-80", {80}),
        ("443,8000-8002,80", {80, 443, 8000, 8001, 8002}),
        ("1-3,2-4", {1, 2, 3, 4}),
        ("0", {0}),
        ("65535", {65535}),
    ],
)
def test_ports(text: str, expected: set[int]) -> None:
    """Ports are single or ranges that include both ends; they may overlap."""
    assert arguments.ports(text) == expected


def test_all_ports() -> None:
    """The widest range has every port."""
    assert arguments.ports("0-65535") == frozenset(range(65536))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", {0}),
        ("1000,0", {0, 1000}),
        ("4294967295", {4294967295}),
        ("root", {0}),
        ("root,1000", {0, 1000}),
    ],
)
def test_uids(text: str, expected: set[int]) -> None:
    """Users are numbers, known here or not, and names of users."""
    assert arguments.uids(text) == expected


def test_every_user_by_name() -> None:
    """A name stands for the ID that the system's database has."""
    user = pwd.getpwall()[-1]
    assert arguments.uids(user.pw_name) == {pwd.getpwnam(user.pw_name).pw_uid}


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (arguments.pids, "", "missing PID in ''"),
        (arguments.pids, " ", "missing PID in ' '"),
        (arguments.pids, "1,", "missing PID in '1,'"),
        (arguments.pids, ",1", "missing PID in ',1'"),
        (arguments.pids, "1,,2", "missing PID in '1,,2'"),
        (arguments.pids, "0", "invalid PID '0': expected a number from 1 to 4194304"),
        (arguments.pids, "-1", "invalid PID '-1': expected a number from 1 to 4194304"),
        (arguments.pids, "+1", "invalid PID '+1': expected a number from 1 to 4194304"),
        (
            arguments.pids,
            "4194305",
            "invalid PID '4194305': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "1e3",
            "invalid PID '1e3': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "1_0",
            "invalid PID '1_0': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "0x10",
            "invalid PID '0x10': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "1.0",
            "invalid PID '1.0': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "1 2",
            "invalid PID '1 2': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "curl",
            "invalid PID 'curl': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "\u0663",
            "invalid PID '\u0663': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "\u00b2",
            "invalid PID '\u00b2': expected a number from 1 to 4194304",
        ),
        (
            arguments.pids,
            "1\n2",
            r"invalid PID '1\n2': expected a number from 1 to 4194304",
        ),
        (arguments.ports, "", "missing port in ''"),
        (arguments.ports, "80,", "missing port in '80,'"),
        (
            arguments.ports,
            "++",
            "invalid port '++': neither a number nor a TCP service of /etc/services",
        ),
        (
            arguments.ports,
            "65536",
            "invalid port '65536': expected a number from 0 to 65535",
        ),
        (arguments.ports, "-80", "invalid range '-80': expected two ports: 8000-8100"),
        (arguments.ports, "80-", "invalid range '80-': expected two ports: 8000-8100"),
        (arguments.ports, "-", "invalid range '-': expected two ports: 8000-8100"),
        (
            arguments.ports,
            "80-81-82",
            "invalid port '81-82': expected a number from 0 to 65535",
        ),
        (
            arguments.ports,
            "80-65536",
            "invalid port '65536': expected a number from 0 to 65535",
        ),
        (arguments.ports, "81-80", "invalid range '81-80': it ends before it begins"),
        (arguments.uids, "", "missing user in ''"),
        (arguments.uids, "0,", "missing user in '0,'"),
        (arguments.uids, "-1", "no user '-1' on this machine"),
        (arguments.uids, "no-such-user", "no user 'no-such-user' on this machine"),
        (arguments.uids, "\udcff", r"no user '\udcff' on this machine"),
        (
            arguments.uids,
            "4294967296",
            "invalid UID '4294967296': expected a number from 0 to 4294967295",
        ),
    ],
)
def test_refused(
    parse: Callable[[str], frozenset[int]], text: str, expected: str
) -> None:
    """What is no list is refused with the word that is wrong and what is right."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (arguments.pids, "0" * 11 + "1" + "0" * 8),
        (arguments.uids, "0" * 11 + "1" + "0" * 11),
        (arguments.ports, "0" * 11 + "1" + "0" * 6),
        (arguments.ports, "0-" + "0" * 11 + "1" + "0" * 6),
    ],
)
def test_zeros_before_a_number_hide_nothing(
    parse: Callable[[str], frozenset[int]], text: str
) -> None:
    """A number that is too large is refused however many zeros stand before it."""
    with pytest.raises(UsageError):
        parse(text)


@PARSERS
@pytest.mark.parametrize("word", ["9" * 5000, "0" * 5000 + "1"])
def test_number_of_many_digits(
    parse: Callable[[str], frozenset[int]], word: str
) -> None:
    """More digits than int() takes are read, or refused as anything else."""
    try:
        actual = parse(word)
    except UsageError:
        return
    assert actual == {1}


@PARSERS
@given(text=st.text(st.characters(exclude_characters="\0")))
@steady
def test_any_text(parse: Callable[[str], frozenset[int]], text: str) -> None:
    """Any argument (none has a NUL) is numbers, or an error of one line."""
    said = ""
    try:
        assert all(isinstance(value, int) for value in parse(text))
    except UsageError as error:
        said = str(error)
    assert len(said.splitlines()) <= 1


@given(ports=st.frozensets(st.integers(0, 65535), min_size=1))
@steady
def test_ports_come_back(ports: frozenset[int]) -> None:
    """Any set of ports can be written as a list."""
    assert arguments.ports(",".join(map(str, ports))) == ports
