"""The tcpconnect command that shows what a row shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tcpconnect.live.cells import width
from tcpconnect.live.model import Edge
from tcpconnect.options import OPTIONS
from tcpconnect.words import COMMAND_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcpconnect.live.state import Item

FLAGS = {option.member: option.flags[-1] for option in OPTIONS}
# By which option a program is filtered; without one, by the name of its threads.
GOES_ON = " \\"
PROGRAMS = {"pod": "pods", "container": "containers", "unit": "units"}


def command(words: Sequence[str], item: Item | None) -> list[str]:
    """Return the command: these options, and those that filter a row."""
    at = words.index(COMMAND_MARK) if COMMAND_MARK in words else len(words)
    filters = [] if item is None else _filters(item)
    return ["tcpconnect", "-r", "-d", "--why", *words[:at], *filters, *words[at:]]


def wrapped(command: Sequence[str], cells: int) -> Iterator[str]:
    """Yield the lines of a command, as a shell takes them; a word is never cut."""
    line, indent = "", ""
    for word in map(shlex.quote, command):
        longer = f"{line} {word}" if line.strip() else f"{indent}{word}"
        if line.strip() and width(longer) > cells - len(GOES_ON):
            yield line + GOES_ON
            indent = "    "
            longer = indent + word
        line = longer
    yield line


def _filters(item: Item) -> Iterator[str]:
    program = item.program
    if program.name:
        if member := PROGRAMS.get(program.kind):
            yield from (FLAGS[member], program.name)
        elif program.comm:
            yield from (FLAGS["comms"], program.comm)
    if item.destination or not isinstance(item, Edge):
        if item.destination != item.address:
            yield from (FLAGS["to_names"], item.destination)
        elif item.address:
            yield from (FLAGS["to"], item.address)
        if item.port:
            yield from (FLAGS["ports"], str(item.port))
