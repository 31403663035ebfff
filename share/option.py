"""The options, as the man page and the completions need them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpconnect import filters
from tcpconnect.options import build_parser
from tcpconnect.parsing import Union
from tcpconnect.settings import NAME_SOURCES

if TYPE_CHECKING:
    from tcpconnect.fields import Column

# What the values of an option are, where a shell can tell: by how they are read, or
# else by the option's name.
BY_TYPE: dict[Any, str] = {
    filters.pids: "pids",
    filters.uids: "users",
    filters.netns: "netns",
    filters.whole: "cgroup",
}
BY_NAME = {
    "columns": "columns",
    "cgroupmap": "file",
    "mntnsmap": "file",
    "output": "file",
}
LISTS: dict[Any, tuple[str, ...]] = {filters.name_sources: tuple(sorted(NAME_SOURCES))}


class Option(NamedTuple):
    """An option: its names, and the name of its value, which is "" when it has none.

    ``kind`` is what its values are: "words" (one of ``words``), "list" (several of
    ``words``), "columns", "pids", "users" or "netns" (in lists, too), "cgroup", "file"
    or "". It ``repeats`` when it may be given again, and stands alone when it ``ends``
    the tool. ``rivals`` are the names of those that it excludes, its own among them.
    """

    names: tuple[str, ...]
    metavar: str
    help: str
    kind: str = ""
    words: tuple[str, ...] = ()
    repeats: bool = False
    ends: bool = False
    rivals: tuple[str, ...] = ()


def column_words(table: dict[str, Column]) -> dict[str, str]:
    """Return the values of --columns with their meanings."""
    meanings = {name: column.field.meaning for name, column in table.items()}
    return {**meanings, "help": "list all columns"}


def options() -> list[Option]:
    """Return the options that --help shows, in its order."""
    actions = build_parser()._actions  # noqa: SLF001 (argparse has no other way)
    return [
        _option(action, actions)
        for action in actions
        if action.help != argparse.SUPPRESS
    ]


def _option(action: argparse.Action, others: list[argparse.Action]) -> Option:
    takes_value = action.nargs is None
    kind, words = _values(action) if takes_value else ("", ())
    return Option(
        names=tuple(action.option_strings),
        metavar=_metavar(action) if takes_value else "",
        help=(action.help or "") % {"prog": "tcpconnect"},
        kind=kind,
        words=words,
        repeats=isinstance(action, Union),
        ends=isinstance(action, (argparse._HelpAction, argparse._VersionAction)),  # noqa: SLF001
        rivals=tuple(
            name
            for other in others
            if other.dest == action.dest
            for name in other.option_strings
        ),
    )


def _metavar(action: argparse.Action) -> str:
    if action.choices:
        return "{" + ",".join(action.choices) + "}"
    return str(action.metavar)


def _values(action: argparse.Action) -> tuple[str, tuple[str, ...]]:
    if action.choices:
        return "words", tuple(action.choices)
    if action.type in LISTS:
        return "list", LISTS[action.type]
    return BY_TYPE.get(action.type) or BY_NAME.get(action.dest, ""), ()
