"""What a program is called: pod, container, unit, or what runs."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcpconnect.image import Image

UNKNOWN = "?"
DELETED = " (deleted)"
# Of these the script says more.
_INTERPRETER = re.compile(
    r"(?:python|pypy|perl|ruby|node|nodejs|php|lua|luajit|java|bash|dash|ash|sh|zsh|"
    r"ksh|fish|busybox)[\d.]*"
)
# What follows them is no script, but its text.
_TEXT = {"-c", "-e", "-E", "-r", "--eval", "-p", "--print"}
_NAMED = {"-m", "-jar"}  # what follows them is what runs
_USER = re.compile(r"user@\d+\.service")


def name_of(comm: str | None, image: Image) -> tuple[str, str]:
    """Return the name, and of what it is: the first of these that there is.

    ``comm`` is the name of the thread.
    """
    place = image.place
    for name, kind in (
        (place.pod, "pod"),
        (place.container, "container"),
        (_service(place.unit), "unit"),
        (runs(image.exe, image.cmdline), "comm"),
    ):
        if name:
            return name, kind
    return comm or UNKNOWN, "comm"


def _service(unit: str | None) -> str | None:
    """Return a unit that says what runs: scopes and user managers have all sorts."""
    if unit is None or unit.endswith(".scope") or _USER.fullmatch(unit):
        return None
    return unit


def runs(exe: str | None, cmdline: str | None) -> str:
    """Return the name of what runs: a file, or the script of an interpreter."""
    name = os.path.basename((exe or "").removesuffix(DELETED))
    if not (cmdline and _INTERPRETER.fullmatch(name)):
        return name
    _, *words = cmdline.split(" ")
    for at, word in enumerate(words):
        if word in _NAMED:
            return os.path.basename(" ".join(words[at + 1 : at + 2])) or name
        if word in _TEXT:
            return name
        if not word.startswith("-"):
            return os.path.basename(word.strip("'\"").rstrip("/")) or name
    return name
