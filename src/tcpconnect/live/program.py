"""Who connects, by the name that people know: pod, container, unit or program."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tcpconnect.live.stream import MAX_TEXT, Program

if TYPE_CHECKING:
    from tcpconnect.connection import Connection
    from tcpconnect.image import Image

MAX_PROGRAMS = 4096
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


class Programs:
    """The programs of connections; that of an image is found once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str | None], tuple[Image, Program]] = {}

    def of(self, connection: Connection) -> Program:
        """Return the program that connects."""
        image = connection.image
        key = id(image), connection.comm  # the image is kept, so that its ID is, too
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_PROGRAMS:
                self._known.clear()
            known = self._known[key] = image, program_of(connection.comm, image)
        return known[1]


def program_of(comm: str | None, image: Image) -> Program:
    """Return the program of a thread's name and its process's image."""
    place = image.place
    comm = comm or UNKNOWN
    for name, kind in (
        (place.pod, "pod"),
        (place.container, "container"),
        (_service(place.unit), "unit"),
        (runs(image.exe, image.cmdline) or comm, "comm"),
    ):
        if name:
            return Program(name[:MAX_TEXT], kind, comm[:MAX_TEXT])
    raise AssertionError


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
