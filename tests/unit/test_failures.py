"""When a lookup has failed, and when it has not: by a clock of the test's own."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tcpconnect.enrich import failures
from tcpconnect.loss_messages import TOO_MANY_LOOKUPS
from tests.support.machine import (
    NONAME,
    SEARCH,
    Machine,
    S,
    empty,
    search,
    who,
)


@pytest.mark.parametrize("word", ["NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED"])
def test_words(machine: Machine, word: str) -> None:
    """A and AAAA are one failure, after five seconds."""
    machine.ask("a.test")
    machine.answer("a.test", word)
    assert machine.after(4.9) == []
    assert machine.after(0.2) == [("a.test", word)]
    assert machine.after(100) == []
    assert empty(machine)


def test_wait(machine: Machine) -> None:
    """The program waited from the first question to the last answer."""
    machine.ask("a.test")
    machine.now_ns += S
    machine.answer("a.test", "NXDOMAIN", "A")
    machine.now_ns += S
    machine.answer("a.test", "NXDOMAIN", "AAAA")
    machine.now_ns += 6 * S
    (failed,) = machine.failures.take()
    assert (failed.waited_ms, failed.source) == (2000.0, "dns")
    assert failed.record == who(50 * S, 2 * S)


@pytest.mark.parametrize("order", [("A", "AAAA"), ("AAAA", "A")])
def test_one_version(machine: Machine, order: tuple[str, str]) -> None:
    """One IP version found and the other empty is no failure, whichever comes first."""
    machine.ask("a.test")
    for kind in order:
        machine.answer("a.test", "FOUND" if kind == "A" else "NODATA", kind)
    assert machine.after(100) == []
    assert empty(machine)


@pytest.mark.parametrize("order", [("A", "AAAA"), ("AAAA", "A")])
def test_one_after_the_other(machine: Machine, order: tuple[str, str]) -> None:
    """The same when the second question is sent after the first answer."""
    for kind in order:
        machine.ask("a.test", kind)
        machine.answer("a.test", "FOUND" if kind == "A" else "NODATA", kind)
        assert machine.after(4) == []
    assert machine.after(100) == []


def test_server_after_server(machine: Machine) -> None:
    """What the next server answers makes up for the first."""
    machine.ask("a.test", "A")
    machine.answer("a.test", "SERVFAIL", "A")
    machine.ask("a.test", "A")
    machine.answer("a.test", "FOUND", "A")
    assert machine.after(100) == []


def test_worst_word(machine: Machine) -> None:
    """A server's failure says more than that the other version is empty."""
    machine.ask("a.test")
    machine.answer("a.test", "NODATA", "A")
    machine.answer("a.test", "SERVFAIL", "AAAA")
    assert machine.after(6) == [("a.test", "SERVFAIL")]


def test_search_list(machine: Machine) -> None:
    """Names that extend one which is found are none; one that fails is a line."""
    search(machine, [*SEARCH, "svc"], "FOUND")
    assert machine.after(100) == []
    search(machine, [*SEARCH, "svc"], "NXDOMAIN")
    assert machine.after(100) == [("svc", "NXDOMAIN")]
    assert empty(machine)


def test_search_list_after_the_name(machine: Machine) -> None:
    """So it is when the name itself is asked for first."""
    search(machine, ["svc", *SEARCH], "FOUND")
    assert machine.after(100) == []
    search(machine, ["svc", *SEARCH], "NXDOMAIN")
    assert machine.after(100) == [("svc", "NXDOMAIN")]


def test_other_processes(machine: Machine) -> None:
    """What another process is answered makes up for nothing."""
    machine.ask("svc.test", pid=1)
    machine.answer("svc.test", "NXDOMAIN", pid=1)
    machine.ask("svc", pid=2)
    machine.answer("svc", "FOUND", pid=2)
    assert machine.after(6) == [("svc.test", "NXDOMAIN")]


def test_other_names(machine: Machine) -> None:
    """A name that only begins with the same characters is another."""
    search(machine, ["svcs.test", "svc"], "FOUND")
    assert machine.after(6) == [("svcs.test", "NXDOMAIN")]


def test_timeout(machine: Machine) -> None:
    """No answer for ten seconds; questions that are sent again are the same lookup."""
    for _ in range(3):
        machine.ask("a.test", "A")
        assert machine.after(4.9) in ([], [("a.test", "DNS_TIMEOUT")])
    assert machine.after(100) == []
    assert empty(machine)


def test_timeout_at_ten_seconds(machine: Machine) -> None:
    """Not before; what is asked much later is another lookup."""
    machine.ask("a.test")
    assert machine.after(9.9) == []
    assert machine.after(0.2) == [("a.test", "DNS_TIMEOUT")]
    machine.now_ns += 31 * S
    machine.ask("a.test")
    assert machine.after(10.1) == [("a.test", "DNS_TIMEOUT")]


def test_late_answer(machine: Machine) -> None:
    """An answer after the line is no second one."""
    machine.ask("a.test", "A")
    assert machine.after(10.1) == [("a.test", "DNS_TIMEOUT")]
    machine.answer("a.test", "NXDOMAIN", "A")
    assert machine.after(100) == []
    assert empty(machine)


def test_half_an_answer(machine: Machine) -> None:
    """If only one of two is answered, its word counts."""
    machine.ask("a.test")
    machine.answer("a.test", "NXDOMAIN", "A")
    assert machine.after(10.1) == [("a.test", "NXDOMAIN")]


def test_truncated(machine: Machine) -> None:
    """A truncated answer is none: the program asks again over TCP."""
    machine.ask("a.test", "A")
    machine.answer("a.test", "NODATA", "A", flags=dns.flags.TC)
    machine.ask("a.test", "A")
    machine.answer("a.test", "FOUND", "A")
    assert machine.after(100) == []


def test_asked_again(machine: Machine) -> None:
    """Each lookup after the five seconds is another line."""
    for _ in range(3):
        machine.ask("a.test")
        machine.answer("a.test", "NXDOMAIN")
        assert machine.after(5.1) == [("a.test", "NXDOMAIN")]


def test_end(machine: Machine) -> None:
    """At the end, what was answered has failed; what was not is unknown."""
    search(machine, [*SEARCH, "svc"], "NXDOMAIN")
    machine.ask("open.test")
    machine.ask("slow.test", call="slow.test")
    assert machine.end() == [("svc", "NXDOMAIN")]
    assert empty(machine)


def test_end_of_a_long_call(machine: Machine) -> None:
    """A call that has not returned after ten seconds is unknown, if DNS answered."""
    machine.ask("a.test", call="a.test")
    machine.answer("a.test", "NXDOMAIN")
    machine.now_ns += 11 * S
    assert machine.end() == []
    assert empty(machine)


def test_slower() -> None:
    """With --slower, only those for which the program waited that long."""
    machine = Machine(slower_ns=S)
    for waited_s in (0.9, 1.1):
        machine.returns(f"waited-{waited_s}", NONAME, waited_s)
    assert machine.after(0) == [("waited-1.1", "EAI_NONAME")]


def test_behind(machine: Machine) -> None:
    """While records wait to be read, among which the answer may be, time stands."""
    machine.ask("a.test", "A")
    machine.now_ns += 20 * S
    assert machine.failures.take(behind=True) == []
    machine.answer("a.test", "FOUND", "A")
    assert machine.after(0) == []


def test_room_is_told() -> None:
    """The line about lookups that found no room has the number that are kept."""
    assert f"more than {failures.MAX_LOOKUPS} were" in TOO_MANY_LOOKUPS.line(n=1)


def test_room(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is counted, and what is over makes room."""
    monkeypatch.setattr(failures, "MAX_LOOKUPS", 10)
    for number in range(12):
        machine.ask(f"{number}.test", "A")
    assert machine.failures.ignored == 2
    assert len(machine.after(10.1)) == 10
    assert empty(machine)
    machine.ask("a.test")
    assert machine.after(10.1) == [("a.test", "DNS_TIMEOUT")]
