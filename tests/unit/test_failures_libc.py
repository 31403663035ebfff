"""When getaddrinfo() has failed, and when it has not: by a clock of the test's own."""

from __future__ import annotations

import pytest

from tests.support.machine import (
    AGAIN,
    NODATA,
    NONAME,
    SEARCH,
    Machine,
    S,
    empty,
    search,
)


def test_a_name_of_the_search_list_that_exists(machine: Machine) -> None:
    """getaddrinfo() knows which name exists: not the one that was asked for last."""
    names = [*SEARCH, "svc"]
    for name in names:
        machine.ask(name, "A", call="svc")
        machine.answer(name, "NODATA" if name == SEARCH[0] else "NXDOMAIN", "A")
    machine.returns("svc", NODATA)
    assert machine.after(6) == [("svc", "NODATA")]


def test_that_name_of_the_other_version(machine: Machine) -> None:
    """A call for each IP version is one lookup: what the second finds is no failure."""
    for name in [*SEARCH, "svc"]:
        machine.ask(name, "A", call="svc")
        machine.answer(name, "NODATA" if name == SEARCH[0] else "NXDOMAIN", "A")
    machine.returns("svc", NODATA)
    machine.finds("svc")
    assert machine.after(100) == []


def test_libc_at_once(machine: Machine) -> None:
    """getaddrinfo() ends the lookup: the line has DNS's word, at once, once."""
    search(machine, [*SEARCH, "svc"], "NXDOMAIN", call="svc")
    machine.returns("svc", NONAME, 0.5)
    assert machine.after(0) == [("svc", "NXDOMAIN")]
    assert machine.after(100) == []
    assert empty(machine)


def test_libc_finds(machine: Machine) -> None:
    """It has found an address: what DNS answered is no failure."""
    search(machine, ["svc.test"], "NXDOMAIN", call="svc")
    machine.finds("svc")
    assert machine.after(100) == []
    assert empty(machine)


@pytest.mark.parametrize(
    ("code", "word"),
    [(-2, "EAI_NONAME"), (-3, "EAI_AGAIN"), (-11, "EAI_SYSTEM"), (12345, "EAI_FAIL")],
)
def test_libc_alone(machine: Machine, code: int, word: str) -> None:
    """Where DNS said nothing, getaddrinfo() has the word."""
    machine.returns("host", code)
    assert machine.after(0) == [("host", word)]


def test_libc_waits_for_the_other_version(machine: Machine) -> None:
    """A call for each IP version: one that is empty is no failure if another finds."""
    machine.returns("host", NODATA)
    assert machine.after(4) == []
    machine.finds("host")
    machine.returns("host", NODATA)
    assert machine.after(100) == []
    machine.returns("host", NODATA)
    machine.returns("host", NODATA)
    assert machine.after(5.1) == [("host", "EAI_NODATA")]


@pytest.mark.parametrize(
    ("waited_s", "word"), [(2, "EAI_AGAIN"), (10.02, "DNS_TIMEOUT")]
)
def test_libc_without_an_answer(machine: Machine, waited_s: float, word: str) -> None:
    """It gives up: after ten seconds that is a timeout."""
    machine.ask("a.test", call="a.test")
    machine.now_ns += int(waited_s * S)
    machine.returns("a.test", AGAIN, waited_s)
    assert machine.after(0) == [("a.test", word)]
    assert machine.after(100) == []


def test_libc_that_takes_longer(machine: Machine) -> None:
    """It is shown after ten seconds, and not again when it gives up."""
    machine.ask("a.test", call="a.test")
    assert machine.after(10.1) == [("a.test", "DNS_TIMEOUT")]
    machine.ask("a.test", call="a.test")
    machine.now_ns += 10 * S
    machine.returns("a.test", AGAIN, 20)
    assert machine.after(100) == []
    assert empty(machine)
