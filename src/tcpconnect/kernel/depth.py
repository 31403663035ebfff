"""How far a program looks into the kernel, by what it has to report and to filter."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from tcpconnect.kernel import config, filters

if TYPE_CHECKING:
    from tcpconnect.kernel.config import Detail
    from tcpconnect.kernel.filters import TaskFilter


class Depth(IntEnum):
    """Enum depth: sockets; who has them and where; what the process looks like."""

    SOCKET = 0
    OWNER = 1
    IMAGE = 2

    @classmethod
    def of(cls, details: Detail, of_task: TaskFilter) -> Depth:
        """Return the smallest that has all of these."""
        if details & config.OF_IMAGE or of_task & filters.BY_IMAGE:
            return cls.IMAGE
        if details & config.OF_OWNER or of_task & filters.BY_OWNER:
            return cls.OWNER
        return cls.SOCKET
