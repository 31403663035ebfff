"""When a lookup has failed, and when it has not: by a clock of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tcpconnect.enrich import failures
from tcpconnect.enrich.dns import parse
from tcpconnect.enrich.failures import Failures
from tcpconnect.kernel.records import (
    ATTEMPT,
    CALL,
    DNS_QUESTION,
    FAILED_LOOKUP,
    ORIGIN,
)
from tests.support.records import run

if TYPE_CHECKING:
    from tcpconnect.enrich.lookup import Failed

S = 1_000_000_000
FOUND = {"A": "10.1.2.3", "AAAA": "fd00::1"}
NONAME, AGAIN, NODATA = -2, -3, -5


def who(time_ns: int, waited_ns: int = 0, pid: int = 7) -> bytes:
    """Return a struct connection of a process."""
    zeros = (0, b"", b"")
    attempt = (time_ns, waited_ns, *zeros, pid, pid, 0, 0, 0, 0, 0xFFFF, 0, b"dig")
    return (
        ATTEMPT.pack(*attempt)
        + ORIGIN.pack(0, 100 + pid, 0, 0, 0, 0)
        + CALL.pack(b"", 0, 0, 0)
    )


class Machine:
    """What programs ask and are answered, and the time."""

    def __init__(self, slower_ns: int = 0) -> None:
        self.now_ns = 50 * S
        self.failures = Failures(lambda: self.now_ns, slower_ns)

    def ask(self, name: str, *kinds: str, call: str = "", pid: int = 7) -> None:
        """Send questions."""
        for kind in kinds or ("A", "AAAA"):
            message = dns.message.make_query(name, kind).to_wire()
            record = who(self.now_ns, pid=pid) + len(message).to_bytes(8, "little")
            record += call.encode().ljust(256, b"\0") + message.ljust(272, b"\0")
            self.failures.learn(run(DNS_QUESTION.length, [record]))

    def answer(
        self, name: str, word: str, *kinds: str, flags: int = 0, pid: int = 7
    ) -> None:
        """Answer questions: FOUND, or an RCODE."""
        for kind in kinds or ("A", "AAAA"):
            response = dns.message.make_response(dns.message.make_query(name, kind))
            response.flags |= flags
            if word == "FOUND":
                rrset = dns.rrset.from_text(f"{name}.", 0, "IN", kind, FOUND[kind])
                response.answer.append(rrset)
            elif word != "NODATA":
                response.set_rcode(dns.rcode.from_text(word))
            wire, process = response.to_wire(), (pid, 100 + pid)
            self.failures.answered(process, wire, parse(wire), self.now_ns)

    def returns(self, name: str, code: int, waited_s: float = 0) -> None:
        """Have getaddrinfo() return an error after that time."""
        waited_ns = int(waited_s * S)
        record = who(self.now_ns - waited_ns, waited_ns)
        record += code.to_bytes(8, "little", signed=True)
        record += name.encode().ljust(256, b"\0")
        self.failures.learn(run(FAILED_LOOKUP.length, [record]))

    def finds(self, name: str) -> None:
        """Have getaddrinfo() return addresses."""
        self.failures.found((7, 107), name, self.now_ns)

    def after(self, seconds: float) -> list[tuple[str, str]]:
        """Return what has failed after that time: names and results."""
        self.now_ns += int(seconds * S)
        return shown(self.failures.take())

    def end(self) -> list[tuple[str, str]]:
        """Return what has failed when the trace ends now."""
        return shown(self.failures.take(last=True))


def shown(failed: list[Failed]) -> list[tuple[str, str]]:
    """Return names and results."""
    return [(each.name, each.result) for each in failed]


@pytest.fixture
def machine() -> Machine:
    """A machine on which nothing has been asked."""
    return Machine()


def empty(machine: Machine) -> bool:
    """Whether nothing is kept when all is over."""
    machine.now_ns += 1000 * S
    machine.failures.take()
    machine.now_ns += 1000 * S
    machine.failures.take()
    kept = machine.failures
    return not (kept._lookups or kept._asked or kept._due)  # noqa: SLF001


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


SEARCH = ["svc.ns.svc.cluster.local", "svc.svc.cluster.local", "svc.cluster.local"]


def search(machine: Machine, names: list[str], last: str, call: str = "") -> None:
    """Ask for names until the last one, which is answered so."""
    for name in names:
        machine.ask(name, call=call)
        machine.answer(name, "NXDOMAIN" if name != names[-1] else last)


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


def test_room(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is counted, and what is over makes room."""
    monkeypatch.setattr(failures, "MAX_LOOKUPS", 10)
    for number in range(12):
        machine.ask(f"{number}.test", "A")
    assert machine.failures.lost == 2
    assert len(machine.after(10.1)) == 10
    assert empty(machine)
    machine.ask("a.test")
    assert machine.after(10.1) == [("a.test", "DNS_TIMEOUT")]
