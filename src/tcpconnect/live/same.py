"""The tcpconnect command that shows what the screen shows."""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.errors import UsageError
from tcpconnect.formats.fitting import cells
from tcpconnect.options import OPTIONS
from tcpconnect.results import result
from tcpconnect.words import COMMAND_MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tcpconnect.live.state import Exact, State
    from tcpconnect.options.option import Option

    Filter = tuple[str, str]  # a member of Settings, and what its option gets

FLAGS = {option.member: option.flags[-1] for option in OPTIONS}
GOES_ON = " \\"
# By which option a program is filtered; without one, by the names of its threads.
PROGRAMS = {"pod": "pods", "container": "containers", "unit": "units"}
UNKNOWN = "?"  # name of a thread
ALWAYS = ("-r", "-d", "--why")
ALWAYS_SET = {"result", "dns", "why"}
GREP = ("|", "grep", "--line-buffered", "-iF", "-e")
_ADDRESS = re.compile(r"[\d.]+|.*:.*")


class Source(NamedTuple):
    """What the screen was asked for: options and their words, a command or a file."""

    options: Sequence[tuple[Option, list[str]]] = ()
    command: Sequence[str] = ()
    file: str | None = None


def command(source: Source, state: State) -> list[str]:
    """Return the words of the command, as a shell takes them.

    Filters of rows stand for those of the same option, which pass more. Words of ``/``
    that no option finds are left to grep(1).
    """
    filters = [*_of_rows(state.exact_parts())]
    rest = []
    for word in state.words.split():
        if any(word.lower() in value.lower() for _, value in filters):
            continue
        if known := _result(word):
            filters.append(("results", known))
        else:
            rest.append(word)
    left_out = {*dict(filters), *ALWAYS_SET}
    words = ["tcpconnect", *(ALWAYS if source.file is None else ["top"])]
    if source.file is not None and rest:
        words.append("--once")
    for option, each in source.options:
        words += each if option.member not in left_out else []
    for member, value in filters:
        words += [FLAGS[member], value]
    words += [source.file] if source.file is not None else []
    words += [COMMAND_MARK, *source.command] if source.command else []
    found = [quote(word) for word in words]
    for word in rest:
        found += [*GREP, quote(word)]
    return found


def wrapped(command: Sequence[str], room: int) -> Iterator[str]:
    """Yield the lines of a command, as a shell takes them; a word is never cut."""
    line, indent = "", ""
    for word in command:
        longer = f"{line} {word}" if line.strip() else f"{indent}{word}"
        if line.strip() and cells(longer) > room - len(GOES_ON):
            yield line + GOES_ON
            indent = "    "
            longer = indent + word
        line = longer
    yield line


def _of_rows(parts: Iterable[Exact]) -> list[Filter]:
    """Return what filters rows that have all of these parts."""
    found: dict[Filter, None] = {}
    for part in parts:
        if part.program:
            name, kind = part.program
            if member := PROGRAMS.get(kind):
                found[member, name] = None
            else:
                found.update({("comms", c): None for c in part.comms if c != UNKNOWN})
        if part.destination:
            place, port = part.destination
            if place:
                is_address = _ADDRESS.fullmatch(place)
                found["to" if is_address else "to_names", place] = None
            if port:
                found["ports", str(port)] = None
    return [*found]


def _result(word: str) -> str:
    """Return the result of this name, "" for none."""
    try:
        return result(word)
    except UsageError:
        return ""
