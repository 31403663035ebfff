"""Completion for fish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from share.option import SHOWN, column_words, completion
from share.template import fill
from tcpconnect.connection import CONNECTION
from tcpconnect.flow import FLOW
from tcpconnect.options.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.fields import Column
    from tcpconnect.options.option import Option

# The value of an option: how complete(1) completes it.
KINDS = {
    "words": "-xa '{words}'",
    "list": "-xa '(__tcpconnect_list {words})'",
    "columns": "-xa '(__tcpconnect_columns)'",
    "pids": "-xa '(__tcpconnect_list (__fish_complete_pids))'",
    "users": "-xa '(__tcpconnect_list (__fish_complete_users))'",
    "netns": "-xa '(__tcpconnect_list (command ls /run/netns 2>/dev/null))'",
    "cgroup": "-xa '(__tcpconnect_cgroups)'",
    "file": "-rF",
    "": "-x",
}


def script() -> str:
    """Return what fish sources."""
    parts = {
        "OPTIONS": "\n".join([*map(_line, SHOWN), *_verbs()]),
        "COLUMNS": _columns(CONNECTION),
        "FLOWS": _columns(FLOW),
    }
    return fill("fish.in", parts)


def _columns(table: dict[str, Column]) -> str:
    meanings = column_words(table)
    return " \\\n".join(
        f"            {name}\\t{_quote(meaning)}" for name, meaning in meanings.items()
    )


def _verbs() -> Iterator[str]:
    """Yield lines for verbs, which are first words, and for options that they have."""
    for verb in VERBS:
        first = "-n 'test (count (commandline -opc)) -eq 1'"
        does = _quote(verb.help)
        yield f"complete -c tcpconnect {first} -xa {verb.name} -d {does}"
        given = f"-n 'contains -- {verb.name} (commandline -opc)[2]'"
        for option in verb.options:
            yield _line(option, given)


def _line(option: Option, condition: str = "") -> str:
    words = [f"complete -c tcpconnect {condition}".rstrip()]
    words += map(_name, option.flags)
    if option.value:
        words.append(completion(option, KINDS))
    return f"{' '.join(words)} -d {_quote(option.help)}"


def _name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _quote(text: str) -> str:
    r"""Quote for fish, where only ``\`` and ``'`` mean something between ``'``."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
