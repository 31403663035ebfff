"""What a kernel of Debian's can't do: the only reasons for which a test may skip."""

from __future__ import annotations

from typing import NamedTuple


class Property(NamedTuple):
    """On these kernels a test may skip when it says ``skip``, because of ``why``."""

    kernels: tuple[str, ...]
    skip: str
    why: str


PROPERTIES = (
    Property(
        ("5.10", "6.1", "6.12", "7.x", "arm64-6.12"),
        "this machine has no cgroup v1",
        "these machines mount cgroup v2 only, as systemd does today",
    ),
    Property(
        ("5.10",),
        "this kernel has no MPTCP",
        "Debian's 5.10 is built without CONFIG_MPTCP; 6.1 and later have it",
    ),
    Property(
        ("5.10",),
        "before Linux 5.12 namespaces have no number of their own",
        "names of local addresses go by the inode there, as how-it-works.md says",
    ),
    Property(
        ("5.10", "6.1"),
        "this kernel has no bpf_rdonly_cast()",
        "what calls it is for 7.0 and later only; 6.2 and later can be made to take it",
    ),
)


def explains(kernel: str, skip: str) -> bool:
    """Say whether a test's reason to skip is a property of the kernel."""
    return any(kernel in p.kernels and p.skip in skip for p in PROPERTIES)
