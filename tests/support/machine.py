"""A machine whose programs look names up, by a clock of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tcpconnect.enrich.dns import parse
from tcpconnect.enrich.failures import Failures
from tests.support.records import asker, failure, question, questions

if TYPE_CHECKING:
    from tcpconnect.lookup import Failed


S = 1_000_000_000
FOUND = {"A": "10.1.2.3", "AAAA": "fd00::1"}


def who(time_ns: int, waited_ns: int = 0, pid: int = 7) -> bytes:
    """Return a struct connection of a process."""
    return asker(time_ns, waited_ns, pid=pid, start_ns=100 + pid)


class Machine:
    """What programs ask and are answered, and the time."""

    def __init__(self, slower_ns: int = 0) -> None:
        self.now_ns = 50 * S
        self.failures = Failures(lambda: self.now_ns, slower_ns)

    def ask(self, name: str, *kinds: str, call: str = "", pid: int = 7) -> None:
        """Send questions."""
        for kind in kinds or ("A", "AAAA"):
            message = dns.message.make_query(name, kind).to_wire()
            record = question(who(self.now_ns, pid=pid), message, call.encode())
            self.failures.learn(questions(record))

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
        asked = who(self.now_ns - waited_ns, waited_ns)
        self.failures.learn(failure(asked, code, name.encode()))

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


def empty(machine: Machine) -> bool:
    """Whether nothing is kept when all is over."""
    machine.now_ns += 1000 * S
    machine.failures.take()
    machine.now_ns += 1000 * S
    machine.failures.take()
    kept = machine.failures
    return not (kept._lookups or kept._asked or kept._due)  # noqa: SLF001


SEARCH = ["svc.ns.svc.cluster.local", "svc.svc.cluster.local", "svc.cluster.local"]


def search(machine: Machine, names: list[str], last: str, call: str = "") -> None:
    """Ask for names until the last one, which is answered so."""
    for name in names:
        machine.ask(name, call=call)
        machine.answer(name, "NXDOMAIN" if name != names[-1] else last)


NONAME, AGAIN, NODATA = -2, -3, -5
