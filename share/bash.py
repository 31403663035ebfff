"""Completion for bash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from share.option import SHOWN, completion, shown
from share.template import fill
from tcpconnect.connection import CONNECTION
from tcpconnect.flow import FLOW
from tcpconnect.options.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.options.option import Option
    from tcpconnect.options.verbs import Verb

# What completes values of each kind; nothing is known of the others.
KINDS = {
    "words": "mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$cur\")",
    "list": "_tcpconnect_list '{words}'",
    "columns": '_tcpconnect_list "$(_tcpconnect_columns)"',
    "pids": '_tcpconnect_list "$(cd /proc && echo [1-9]*)"',
    "users": '_tcpconnect_list "$(compgen -u)"',
    "netns": '_tcpconnect_list "$(ls /run/netns 2>/dev/null)"',
    "cgroup": (
        "compopt -o nospace; mapfile -t COMPREPLY "
        '< <(cd /sys/fs/cgroup && compgen -S / -d -- "$cur")'
    ),
    "file": 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
    "": "",
}


def script() -> str:
    """Return what bash sources."""
    cases = [_case(option, verb.name) for verb in VERBS for option in verb.options]
    parts = {
        "CASES": "\n".join(filter(None, [*cases, *map(_case, SHOWN)])),
        "NAMES": _names(SHOWN),
        "VERBS": " ".join(verb.name for verb in VERBS),
        "OWN": "\n".join(map(_own, VERBS)),
        "COLUMNS": " ".join([*CONNECTION, "help"]),
        "FLOWS": " ".join([*FLOW, "help"]),
    }
    return fill("bash.in", parts)


def _names(options: Iterable[Option]) -> str:
    return " ".join(flag for option in options for flag in option.flags)


def _own(verb: Verb) -> str:
    files = " files=1" if verb.files else ""
    return f"\t{verb.name}) verb={verb.name} names='{_names(shown(verb))}'{files} ;;"


def _case(option: Option, verb: str = "*") -> str:
    """Return what completes an option's value, behind a verb or anywhere."""
    if not option.value:
        return ""
    flags = " | ".join(f"{verb}' {flag}'" for flag in option.flags)
    command = completion(option, KINDS)
    return f"\t{flags}) {command} ;;".replace("  ;;", " ;;")
