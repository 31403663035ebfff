"""What a report is about: plain data, gathered once, in the units of the history.

Times are seconds since the epoch, durations microseconds.
"""

from __future__ import annotations

import msgspec

LEAST, SHARE = 10, 0.5  # attempts, and how many of them failed: then a pair fails


class Pair(msgspec.Struct, kw_only=True):
    """A program and a destination, and what came of its attempts.

    ``failures`` has numbers by result and reason. Latency and DNS time are sums over
    the ``attempts`` that did not fail. ``failing_since``: the first failure
    since the last row without one; 0 if there was none since. ``last_ok`` is the last
    success, 0 where there is none.
    """

    program: str
    destination: str
    dport: int
    attempts: int = 0
    failed: int = 0
    failures: dict[str, int] = {}
    last_ok: int = 0
    last_failed: int = 0
    failing_since: int = 0
    tcp_us: int = 0
    tcp_max_us: int = 0
    dns_us: int = 0
    first_seen: int = 0
    is_new: bool = False

    @property
    def succeeded(self) -> int:
        """How many attempts did not fail."""
        return self.attempts - self.failed

    @property
    def fails(self) -> bool:
        """Whether it fails, as alerts and ``history --failing`` mean it."""
        return self.attempts >= LEAST and self.failed >= self.attempts * SHARE


class Gap(msgspec.Struct, frozen=True):
    """A time in which nobody was looking, and why."""

    begin: int
    end: int
    why: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert has said; a summary of several that were new has no program.

    ``since``: when the pair began to fail, if nothing has said later that it works.
    """

    time: int
    kind: str
    program: str
    destination: str
    dport: int
    text: str
    since: int = 0


class Bin(msgspec.Struct):
    """The attempts of one step of the timeline."""

    attempts: int = 0
    failed: int = 0


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a page shows.

    ``losses`` say why ``lost`` attempts were lost while somebody was looking, and
    ``details`` what is not known of others. ``watched_from`` is when somebody began to
    look, whatever was asked for; ``bins`` are those that are not empty, by when they
    begin.
    """

    host: str
    version: str
    made: int
    since: int
    until: int
    watched_from: int = 0
    running: bool = False
    filters: str = ""
    gaps: list[Gap] = []
    lost: int = 0
    losses: list[str] = []
    details: list[str] = []
    pairs: list[Pair] = []
    alerts: list[Said] = []
    step: int = 60
    bins: dict[int, Bin] = {}

    @property
    def attempts(self) -> int:
        """How many attempts there were."""
        return sum(pair.attempts for pair in self.pairs)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(pair.failed for pair in self.pairs)

    @property
    def unwatched(self) -> int:
        """For how many seconds nobody was looking."""
        return sum(gap.end - gap.begin for gap in self.gaps)
