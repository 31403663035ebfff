"""Names of containers and pods, from the links that kubelet makes to their logs.

Who may list that directory learns names only: the runtimes' files have the environment
of each container, too.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from tcpconnect.enrich import files

# kubelet: <pod>_<namespace>_<container>-<ID>.log; none of the names has a _.
LINKS = "var/log/containers"
_LINK = re.compile(
    r"(?P<pod>[a-z0-9.-]{1,253})_(?P<namespace>[a-z0-9-]{1,63})"
    r"_(?P<container>[a-z0-9-]{1,63})-(?P<id>[0-9a-f]{64})\.log"
)


class Names(NamedTuple):
    """What Kubernetes calls a container, and where it is."""

    pod: str
    namespace: str
    container: str


def names_of(container_id: str, root: str = "/") -> Names | None:
    """Return the names of a container by its ID; None if kubelet has made no link."""
    end = f"-{container_id}.log"
    try:
        fd = os.open(os.path.join(root, LINKS), os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        if os.fstat(fd).st_uid != files.MACHINE:
            return None
        for name in os.listdir(fd):
            if name.endswith(end) and (found := _LINK.fullmatch(name)):
                return Names(found["pod"], found["namespace"], found["container"])
    except OSError:
        return None
    finally:
        os.close(fd)
    return None
