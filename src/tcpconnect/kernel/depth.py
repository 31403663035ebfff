"""How far a program looks into the kernel, by what it has to report and to filter."""

from __future__ import annotations

from enum import IntEnum

from tcpconnect.kernel.config import IMAGE, Detail
from tcpconnect.kernel.filters import TaskFilter

_IMAGE_DETAILS = IMAGE | Detail.PPID | Detail.MNTNS
_IMAGE_FILTERS = TaskFilter.CGROUP | TaskFilter.CONTAINER | TaskFilter.MNTNSMAP
_OWNER_DETAILS = Detail.NETNS | Detail.CGROUP_ID | Detail.START
_OWNER_FILTERS = TaskFilter.NETNS | TaskFilter.CGROUPMAP


class Depth(IntEnum):
    """Enum depth."""

    SOCKET = 0
    OWNER = 1
    IMAGE = 2

    @classmethod
    def of(cls, details: Detail, filters: TaskFilter) -> Depth:
        """Return the smallest that has all of these."""
        if details & _IMAGE_DETAILS or filters & _IMAGE_FILTERS:
            return cls.IMAGE
        if details & _OWNER_DETAILS or filters & _OWNER_FILTERS:
            return cls.OWNER
        return cls.SOCKET
