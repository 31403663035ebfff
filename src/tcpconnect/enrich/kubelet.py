"""Names of containers and pods, from the links that kubelet makes to their logs.

Who may list that directory learns names only: the runtimes' files have the environment
of each container, too.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.enrich import files
from tcpconnect.enrich.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def links(root: str = "/") -> Mapping[str, Names]:
    """Return the names of containers by ID; the same object where none has changed.

    kubelet makes a link when its container runs already.
    """
    try:
        # With a dot: some machines have a link in the place of the directory.
        return _listings.get(os.path.join(root, LINKS, "."))
    except OSError:
        return _NONE


def _read(path: str) -> Mapping[str, Names]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.fstat(fd).st_uid != files.MACHINE:
            return _NONE
        found = filter(None, map(_LINK.fullmatch, os.listdir(fd)))
        return {f["id"]: Names(f["pod"], f["namespace"], f["container"]) for f in found}
    finally:
        os.close(fd)


_NONE: Mapping[str, Names] = {}
_listings = Kept(_read)
