"""The verbs, by name: what the tool does instead of tracing to outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Verb = Callable[[Sequence[str]], int]


def _top(words: Sequence[str]) -> int:
    from tcpconnect.commands.top import run

    return run(words)


def _report(words: Sequence[str]) -> int:
    from tcpconnect.commands.report import run

    return run(words)


def _replay(words: Sequence[str]) -> int:
    from tcpconnect.commands.replay import run

    return run(words)


def _history(words: Sequence[str]) -> int:
    from tcpconnect.commands.history import run

    return run(words)


def _record(words: Sequence[str]) -> int:
    from tcpconnect.commands.record import run

    return run(words)


# Each takes the words behind it, and returns the exit code; it raises as all do.
# options/verbs.py describes them.
COMMANDS: Mapping[str, Verb] = {
    "top": _top,
    "record": _record,
    "history": _history,
    "report": _report,
    "replay": _replay,
}
