"""A lookup of a process: what it asks, what is answered, and how it fails."""

from __future__ import annotations

import msgspec

from tcpconnect import lookup_words
from tcpconnect.kernel.records import ATTEMPT, ORIGIN, TIMES

Process = tuple[int, int]  # its PID, and when it began
Key = tuple[int, int, str]  # the same, and a name

RETRY_NS = 30_000_000_000  # how long a program may ask again: resolv.conf(5)


def process_of(record: bytes) -> Process:
    """Return the process of a struct connection."""
    _, _, _, _, _, pid, *_ = ATTEMPT.unpack_from(record)
    _, start_ns, *_ = ORIGIN.unpack_from(record, ATTEMPT.size)
    return pid, start_ns


def with_image_of(question: bytes, record: bytes) -> bytes:
    """Return a record with the image of its process, which the other may have."""
    start, end = ATTEMPT.size, ATTEMPT.size + 8  # the first member of ORIGIN
    return record[:start] + (question[start:end] or bytes(8)) + record[end:]


class Failed(msgspec.Struct, frozen=True):
    """A lookup that failed: the record of who asked, when, and for how long."""

    record: bytes  # struct connection
    name: str
    result: str
    source: str

    @property
    def waited_ms(self) -> float:
        """How long the program waited, in milliseconds."""
        _, waited_ns = TIMES.unpack_from(self.record)
        return int(waited_ns) // 1000 / 1000


class Lookup:
    """A lookup of a process, and what its questions were answered.

    ``answers`` has, for each name that was asked for and each type, the word of the
    answer, None before it came. ``call``: it is one of a C library.
    """

    __slots__ = (
        *("answers", "call", "closed", "due_ns", "found", "key", "last_ns"),
        *("queued_ns", "record", "result", "began_ns", "waited_ns"),
    )

    def __init__(self, key: Key, record: bytes, began_ns: int) -> None:
        self.key = key
        self.record = record
        self.began_ns = self.last_ns = began_ns
        self.due_ns = self.queued_ns = 0
        self.answers: dict[str, dict[int, str | None]] = {}
        self.call = False
        self.found = False
        self.closed = False  # shown, or no failure
        self.result = ""  # once it has failed
        self.waited_ns = 0

    def forget(self) -> None:
        """Take no memory; nothing is due."""
        self.queued_ns = -1
        self.record = b""
        self.answers = {}

    def word(self) -> str:
        """Return the word of the answers for the name itself, else the last one."""
        name = self.key[2]
        if not self.answers:
            return ""
        kinds = self.answers.get(name) or self.answers[next(reversed(self.answers))]
        return lookup_words.worst(kinds.values())

    @property
    def exists(self) -> bool:
        """Whether a name that was asked for has other records."""
        every = (kinds.values() for kinds in self.answers.values())
        return any(lookup_words.NODATA in kinds for kinds in every)

    def is_over(self, time_ns: int) -> bool:
        """Whether a question at that time begins another lookup."""
        if self.found or not self.closed:
            return False
        return self.answered or time_ns - self.began_ns >= RETRY_NS

    @property
    def answered(self) -> bool:
        """Whether all questions were answered."""
        return all(None not in kinds.values() for kinds in self.answers.values())

    @property
    def unanswered(self) -> bool:
        """Whether none was."""
        return not any(any(kinds.values()) for kinds in self.answers.values())
