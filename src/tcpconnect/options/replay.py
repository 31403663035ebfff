"""The options of the verb replay."""

from __future__ import annotations

from msgspec.structs import replace

from tcpconnect.arguments import INODE, listed
from tcpconnect.options.counts import COUNTS
from tcpconnect.options.names import NAMES
from tcpconnect.options.outcome import OUTCOME
from tcpconnect.options.run import RUN
from tcpconnect.options.show import SHOW
from tcpconnect.options.where import WHERE
from tcpconnect.options.whose import WHOSE
from tcpconnect.values import Value

# What no recording answers: the parser takes them, so that they are refused with why.
LIVE = {"follow", "cgroups", "cgroupmap", "mntnsmap"}
# How names are found; whether they are shown, and which, can be chosen.
FINDING = {"name_sources", "max_names", "names_ttl_s"}


def _inodes(text: str) -> frozenset[int]:
    return frozenset(INODE.parse(word) for word in listed(text))


_OWN_NETNS = {
    option.member: replace(
        option,
        help="only attempts of the network namespace with this inode",
        value=Value("INODE", _inodes),
    )
    for option in WHOSE
    if option.member == "netns"
}
_WHOSE = {option.member: option for option in WHOSE}
REPLAY = (
    *_OWN_NETNS.values(),
    *(replace(_WHOSE[member], help="") for member in sorted(LIVE)),
)
# Those that mean the same for what was recorded.
SHOWN = (
    *(option for option in WHOSE if option.member not in {*LIVE, *_OWN_NETNS}),
    *WHERE,
    *OUTCOME,
    *(option for option in NAMES if option.member not in FINDING),
    *COUNTS,
    *SHOW,
    *(option for option in RUN if option.member == "limit"),
)
