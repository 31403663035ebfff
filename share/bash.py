"""Completion for bash."""

from __future__ import annotations

from share.option import Option, options
from share.template import fill
from tcpconnect.connection import CONNECTION
from tcpconnect.flow import FLOW

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
    every = options()
    parts = {
        "CASES": "\n".join(_case(option) for option in every if option.metavar),
        "NAMES": " ".join(name for option in every for name in option.names),
        "COLUMNS": " ".join([*CONNECTION, "help"]),
        "FLOWS": " ".join([*FLOW, "help"]),
    }
    return fill("bash.in", parts)


def _case(option: Option) -> str:
    command = KINDS[option.kind].format(words=" ".join(option.words))
    return f"\t{' | '.join(option.names)}) {command} ;;".replace("  ;;", " ;;")
