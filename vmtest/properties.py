"""What a kernel of Debian's can't do: the only reasons for which a test may skip."""

from __future__ import annotations

from typing import NamedTuple


class Property(NamedTuple):
    """On these kernels a test may skip when it says ``skip``, because of ``why``."""

    kernels: tuple[str, ...]
    skip: str
    why: str


EVERY = ("5.10", "6.1", "6.12", "7.x", "arm64-6.12")
PROPERTIES = (
    Property(
        EVERY,
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
        ("5.10",),
        "before Linux 5.18 the kernel has no reasons for drops",
        "--why says so in a notice; docs/output.md names what it can't tell",
    ),
    Property(
        ("5.10", "6.1"),
        "this kernel has no bpf_rdonly_cast()",
        "what calls it is for 7.0 and later only; 6.2 and later can be made to take it",
    ),
    Property(
        ("5.10", "6.1"),
        "there is no other way here: that is the other case",
        "before Linux 6.6 all probes are perf's: to force them is the same test again",
    ),
    Property(
        ("5.10", "6.1"),
        "this kernel has no Landlock for TCP",
        "Linux 6.7 and later have it; other LSMs take the same way",
    ),
    Property(
        ("5.10",),
        "this kernel has no BPF LSM",
        "Debian's 5.10 has it, but not among those of CONFIG_LSM",
    ),
    Property(
        EVERY,
        "this kernel has BPF trampolines",
        "what is done without them is tested on the host, which refuses them",
    ),
    Property(
        EVERY,
        "there is no compiler here",
        "the machines have what users have; the filter is added on the host",
    ),
    Property(
        EVERY,
        "there is no library for zstd",
        "compressed recordings are written on the host",
    ),
    Property(
        EVERY,
        "needs chdb-core-lite",
        "the engine takes 300 MB; what is sent to it is the same on every kernel",
    ),
    Property(
        EVERY,
        "needs PostgreSQL",
        "what is sent to a server is the same on every kernel",
    ),
    Property(
        EVERY,
        "psycopg is not here",
        "the machines have the tool without its extras; the host has them",
    ),
    Property(
        EVERY,
        "Prometheus is not in these machines",
        "it reads on the host what is the same page on every kernel",
    ),
    Property(
        EVERY,
        "systemd-analyze is not here",
        "it asks no kernel; the host has it, and the machines of make test-systemd",
    ),
    Property(
        EVERY,
        "so many connects take minutes in emulation",
        "131,072 flows take 2 s on the host",
    ),
)


def explains(kernel: str, skip: str) -> bool:
    """Say whether a test's reason to skip is a property of the kernel."""
    return any(kernel in p.kernels and p.skip in skip for p in PROPERTIES)
