"""Lookups that fail: questions, answers and results, until it is known that they do.

A question for an address that no answer gives is a failed lookup, unless the process
gets the address in another way: by the other IP version, another server, or the next
name of a search list. So a failure waits for HOLD_NS. What getaddrinfo() returns is the
end of a lookup; the answers to its own questions say why.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from tcpconnect import lookup_words
from tcpconnect.enrich.allowance import LateWork
from tcpconnect.enrich.dns import HEADER, KIND, TRUNCATED
from tcpconnect.enrich.spelling import is_address, spelled
from tcpconnect.enrich.wire import MalformedError, Reader
from tcpconnect.kernel.records import (
    DNS_QUESTION,
    FAILED_LOOKUP,
    FRAMED_FAILURE,
    FRAMED_QUESTION,
    TIMES,
)
from tcpconnect.lookup import (
    Failed,
    Key,
    Lookup,
    Process,
    process_of,
    with_image_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcpconnect.bpf.ring import Run
    from tcpconnect.enrich.dns import Answer

HOLD_NS = 5_000_000_000  # how long a failure waits for an answer that makes it none
TIMEOUT_NS = 10_000_000_000  # no answer for so long is a failure
FORGET_NS = 60_000_000_000  # no C library waits longer between two questions
MAX_LOOKUPS = 16384  # that are open, or wait
MAX_DUE = 4 * MAX_LOOKUPS
MAX_NAMES = 64  # that are asked for in one lookup: those of a search list
MAX_LABELS = 32  # of names that others may extend


class Failures:
    """The lookups that may fail, by process and name.

    ``now_ns`` returns the time by the kernel's clock; ``slower_ns`` is how long a
    program must have waited.
    """

    kinds = (DNS_QUESTION, FAILED_LOOKUP)

    def __init__(self, now_ns: Callable[[], int], slower_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._slower_ns = slower_ns
        self._late = LateWork(now_ns)
        self._lookups: dict[Key, Lookup] = {}
        self._asked: dict[Key, Lookup] = {}  # by name of a question
        self._due: list[tuple[int, int, Lookup]] = []
        self._turn = 0
        self._failed: list[Failed] = []
        self._seen_ns = 0  # when the newest record was written
        self.ignored = 0  # questions and calls, because too many lookups were open

    @property
    def late(self) -> int:
        """How many records came too late to be read."""
        return self._late.skipped

    def learn(self, run: Run) -> None:
        """Learn from a run of questions, or of failures of the C library."""
        asked = run.length == DNS_QUESTION.length
        learn = self._learn_question if asked else self._learn_failure
        layout = FRAMED_QUESTION if asked else FRAMED_FAILURE
        for record, *members in layout.iter_unpack(run.framed):
            time_ns, waited_ns = TIMES.unpack_from(record)
            self._late.do(time_ns + waited_ns, learn, record, *members)

    def _learn_question(
        self, record: bytes, length: int, raw_call: bytes, message: bytes
    ) -> None:
        process, (time_ns, _) = process_of(record), TIMES.unpack_from(record)
        try:
            reader = Reader(message[:length])
            reader.unpack(HEADER)
            asked = reader.name().lower()
            kind, _ = reader.unpack(KIND)
        except MalformedError:
            return
        call = spelled(raw_call)
        lookup = self._lookup((*process, call or asked), record, time_ns)
        if lookup is None or len(lookup.answers) >= MAX_NAMES:
            self.ignored += 1
            return
        self._asked[(*process, asked)] = lookup
        lookup.last_ns = time_ns
        lookup.call = bool(call)
        lookup.answers.setdefault(asked, {})[kind] = None

    def _lookup(self, key: Key, record: bytes, time_ns: int) -> Lookup | None:
        """Return the lookup of a process and name, a new one if none is open."""
        self._seen_ns = max(self._seen_ns, time_ns)
        lookup = self._lookups.get(key)
        if lookup and not lookup.is_over(time_ns):
            return lookup
        if lookup:
            self._forget(lookup)
        if len(self._lookups) >= MAX_LOOKUPS or len(self._due) >= MAX_DUE:
            return None
        lookup = self._lookups[key] = Lookup(key, record, time_ns)
        self._wait(lookup, time_ns + TIMEOUT_NS)
        return lookup

    def _wait(self, lookup: Lookup, due_ns: int) -> None:
        """Look at it again then."""
        lookup.due_ns = due_ns
        if not lookup.queued_ns or due_ns < lookup.queued_ns:
            lookup.queued_ns = due_ns
            self._turn += 1
            heappush(self._due, (due_ns, self._turn, lookup))

    def _forget(self, lookup: Lookup) -> None:
        process = lookup.key[:2]
        for name in lookup.answers:
            if self._asked.get((*process, name)) is lookup:
                del self._asked[(*process, name)]
        if self._lookups.get(lookup.key) is lookup:
            del self._lookups[lookup.key]
        lookup.forget()

    def answered(
        self, process: Process, message: bytes, answer: Answer, time_ns: int
    ) -> None:
        """Learn from a DNS answer to a process."""
        name = answer.name.lower()
        lookup = self._asked.get((*process, name))
        if lookup is None:
            return
        self._seen_ns = max(self._seen_ns, time_ns)
        if answer.addresses:
            self._find(lookup, time_ns)
            return
        reader = Reader(message)
        _, flags, *_ = reader.unpack(HEADER)
        reader.skip_name()
        kind, _ = reader.unpack(KIND)
        kinds = lookup.answers[name]
        if flags & TRUNCATED or kind not in kinds:
            return  # it asks again over TCP
        kinds[kind] = lookup_words.of_answer(flags)
        if lookup.answered:
            self._fail(lookup, time_ns)

    def _fail(self, lookup: Lookup, time_ns: int) -> None:
        """All questions of a lookup were answered, and no address came."""
        if lookup.closed and not lookup.found:
            self._forget(lookup)  # it was shown when no answer came in time
        elif not (lookup.call or lookup.found or lookup.result):
            lookup.result = lookup.word()
            lookup.waited_ns = time_ns - lookup.began_ns
            self._wait(lookup, time_ns + HOLD_NS)

    def found(self, process: Process, name: str, time_ns: int) -> None:
        """A C library has returned addresses."""
        lookup = self._lookup((*process, name), b"", time_ns)
        if lookup:
            self._find(lookup, time_ns)

    def _find(self, lookup: Lookup, time_ns: int) -> None:
        """Mark a lookup as successful, and those for names that it extends."""
        for each in (lookup, *self._extended(lookup)):
            if each is lookup or not each.closed:
                each.found = each.closed = True
                each.result = ""
                self._wait(each, time_ns + HOLD_NS + 1)  # after those that extend it

    def _extended(self, lookup: Lookup) -> Iterator[Lookup]:
        """Yield the process's lookups for names that this one extends."""
        pid, start_ns, name = lookup.key
        labels = name.split(".", MAX_LABELS)
        for end in range(1, len(labels)):
            other = self._lookups.get((pid, start_ns, ".".join(labels[:end])))
            if other:
                yield other

    def _learn_failure(self, record: bytes, code: int, raw_name: bytes) -> None:
        name = spelled(raw_name)
        if not name or is_address(name):
            return
        _, waited_ns = TIMES.unpack_from(record)
        key = (*process_of(record), name)
        lookup = self._lookups.get(key)
        result, said = "", lookup_words.of_code(code)
        if lookup and lookup.call:
            record = with_image_of(lookup.record, record)
            if lookup.closed and not (lookup.found or lookup.answered):  # it was shown
                self._forget(lookup)
                return
            result = lookup.word()
            if said in lookup_words.EMPTY and lookup.exists:
                result = lookup_words.NODATA  # of another name of its search list
            if not result and lookup.answers and waited_ns >= TIMEOUT_NS:
                result = lookup_words.TIMEOUT
        result = result or said
        if result not in lookup_words.EMPTY:
            if lookup and not lookup.found:
                self._forget(lookup)
            self._show(record, name, result, "libc", waited_ns)
        elif not (lookup and (lookup.found or lookup.result)):
            self._hold(key, record, result, waited_ns)

    def _hold(self, key: Key, record: bytes, result: str, waited_ns: int) -> None:
        """Wait for the other IP version, for which there may be another call."""
        began_ns, _ = TIMES.unpack_from(record)
        lookup = self._lookup(key, record, began_ns)
        if lookup is None:
            self.ignored += 1
        else:
            lookup.record, lookup.result, lookup.waited_ns = record, result, waited_ns
            lookup.call = True
            self._wait(lookup, began_ns + waited_ns + HOLD_NS)

    def _show(
        self, record: bytes, name: str, result: str, source: str, waited_ns: int
    ) -> None:
        if waited_ns >= self._slower_ns:
            began_ns, _ = TIMES.unpack_from(record)
            record = TIMES.pack(began_ns, waited_ns) + record[TIMES.size :]
            self._failed.append(Failed(record, name, result, source))

    def take(self, *, behind: bool = False, last: bool = False) -> list[Failed]:
        """Return the lookups that have failed since the last time.

        ``behind``: not all records were read, and among the others may be answers.
        ``last``: nothing more will come, so that those that wait have failed, too.
        """
        now_ns = self._seen_ns if behind else self._now_ns()
        while self._due and (last or self._due[0][0] <= now_ns):
            due_ns, _, lookup = heappop(self._due)
            if due_ns != lookup.queued_ns:
                continue
            lookup.queued_ns = 0
            if lookup.due_ns > due_ns and not last:
                self._wait(lookup, lookup.due_ns)
            else:
                self._decide(lookup, now_ns, last=last)
        failed, self._failed = self._failed, []
        return failed

    def _decide(self, lookup: Lookup, now_ns: int, *, last: bool) -> None:
        """Decide on a lookup that is due."""
        waited_ns = now_ns - lookup.began_ns
        if lookup.closed or (last and not (lookup.result or waited_ns >= TIMEOUT_NS)):
            quiet_ns = now_ns - lookup.last_ns
            if last or lookup.found or lookup.answered or quiet_ns >= TIMEOUT_NS:
                self._forget(lookup)
            else:
                self._wait(lookup, lookup.last_ns + TIMEOUT_NS)
            return
        if lookup.result:
            self._close(lookup, lookup.result, lookup.waited_ns)
        elif lookup.unanswered:
            self._close(lookup, lookup_words.TIMEOUT, TIMEOUT_NS)
        elif not lookup.call:
            self._close(lookup, lookup.word() or lookup_words.TIMEOUT, TIMEOUT_NS)
        elif last or waited_ns >= FORGET_NS:  # it has not returned
            self._forget(lookup)
            return
        self._wait(lookup, now_ns + HOLD_NS)

    def _close(self, lookup: Lookup, result: str, waited_ns: int) -> None:
        """Show a lookup, unless its name extends another, which will be shown."""
        lookup.closed = True
        if not any(True for _ in self._extended(lookup)):
            source = "libc" if lookup.call else "dns"
            self._show(lookup.record, lookup.key[2], result, source, waited_ns)
