"""Who connects, as the live view names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.live.stream import MAX_TEXT, Program
from tcpconnect.program import UNKNOWN, name_of

if TYPE_CHECKING:
    from tcpconnect.connection import Connection
    from tcpconnect.image import Image

MAX_PROGRAMS = 4096


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
    name, kind = name_of(comm, image)
    return Program(name[:MAX_TEXT], kind, (comm or UNKNOWN)[:MAX_TEXT])
