"""Completion for zsh."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from share.option import SHOWN, column_words, completion, rivals, shown
from share.template import fill
from tcpconnect.connection import CONNECTION
from tcpconnect.flow import FLOW
from tcpconnect.options.option import ENDING
from tcpconnect.options.verbs import VERBS

if TYPE_CHECKING:
    from tcpconnect.fields import Column
    from tcpconnect.options.option import Option
    from tcpconnect.options.verbs import Verb

# The action of _arguments(1) for values of each kind.
KINDS = {
    "words": "({words})",
    "list": "_values -s , value {words}",
    "columns": "_tcpconnect_columns",
    "pids": "_sequence -s , _pids",
    "users": "_sequence -s , _users",
    "netns": "_sequence -s , _tcpconnect_netns",
    "cgroup": "_path_files -/ -W /sys/fs/cgroup",
    "file": "_files",
    "": " ",
}


def script() -> str:
    """Return the function that zsh loads."""
    verbs = [f"{verb.name}\\:{shlex.quote(_escape(verb.help))}" for verb in VERBS]
    first = shlex.quote(f"1:verb:(({' '.join(verbs)}))") if verbs else ""
    parts = {
        "OPTIONS": _specs(SHOWN),
        "VERBS": first,
        "OWN": "\n".join(map(_own, VERBS)),
        "COLUMNS": _columns(CONNECTION),
        "FLOWS": _columns(FLOW),
    }
    return fill("zsh.in", parts)


def _columns(table: dict[str, Column]) -> str:
    meanings = column_words(table)
    return " \\\n".join(
        f"\t\t\t{shlex.quote(f'{name}[{_escape(meaning)}]')}"
        for name, meaning in meanings.items()
    )


def _own(verb: Verb) -> str:
    files = "\n\t\trest='*:file:_tcpconnect_file_or_options'" if verb.files else ""
    return f"\t{verb.name})\n\t\tknown=(\n{_specs(shown(verb))}\n\t\t){files}\n\t\t;;"


def _specs(options: list[Option]) -> str:
    return "\n".join(
        f"\t\t{_spec(option, name, options)}"
        for option in options
        for name in option.flags
    )


def _spec(option: Option, name: str, options: list[Option]) -> str:
    """Return what _arguments wants to know of one name of an option."""
    excluded = "*" if option.repeats else f"({' '.join(rivals(option, options))})"
    if option.member in ENDING:
        excluded = "(- *)"
    value = ""
    if option.value:
        name += "=" if name.startswith("--") else "+"
        value = f":{_escape(option.metavar)}:{completion(option, KINDS)}"
    return shlex.quote(f"{excluded}{name}[{_escape(option.help)}]{value}")


def _escape(text: str) -> str:
    for special in "\\[]:":
        text = text.replace(special, f"\\{special}")
    return text
