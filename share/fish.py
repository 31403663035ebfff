"""Completion for fish."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

from share.option import column_words, completion, shown
from share.template import fill
from tcpconnect.connection import CONNECTION
from tcpconnect.flow import FLOW
from tcpconnect.options.verbs import VERBS

if TYPE_CHECKING:
    from tcpconnect.fields import Column
    from tcpconnect.options.option import Option
    from tcpconnect.options.verbs import Verb

NO_VERB = "-"
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
        "VERBS": " ".join(verb.name for verb in VERBS),
        "OPTIONS": "\n".join([*starmap(_line, _takers().items()), *map(_verb, VERBS)]),
        "COLUMNS": _columns(CONNECTION),
        "FLOWS": _columns(FLOW),
    }
    return fill("fish.in", parts)


def _columns(table: dict[str, Column]) -> str:
    meanings = column_words(table)
    return " \\\n".join(
        f"            {name}\\t{_quote(meaning)}" for name, meaning in meanings.items()
    )


def _takers() -> dict[Option, list[str]]:
    """Return all options, with the verbs that take them; - is no verb."""
    takers: dict[Option, list[str]] = {option: [NO_VERB] for option in shown()}
    for verb in VERBS:
        for option in shown(verb):
            takers.setdefault(option, []).append(verb.name)
    return takers


def _verb(verb: Verb) -> str:
    """Return lines for a verb, which is a first word, and for files behind it."""
    first = "-n 'test (count (commandline -opc)) -eq 1'"
    line = f"complete -c tcpconnect {first} -xa {verb.name} -d {_quote(verb.help)}"
    files = f"complete -c tcpconnect -n '__tcpconnect_of {verb.name}' -F"
    return f"{line}\n{files}" if verb.files else line


def _line(option: Option, takers: list[str]) -> str:
    words = [f"complete -c tcpconnect -n '__tcpconnect_of {' '.join(takers)}'"]
    words += map(_name, option.flags)
    if option.value:
        words.append(completion(option, KINDS))
    return f"{' '.join(words)} -d {_quote(option.help)}"


def _name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _quote(text: str) -> str:
    r"""Quote for fish, where only ``\`` and ``'`` mean something between ``'``."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
