"""A connection attempt and its field table."""

from typing import Annotated

import msgspec

from tcpconnect import fit, tones
from tcpconnect.fields import Column, Field, columns_of
from tcpconnect.image import UNKNOWN, Image
from tcpconnect.query import query_text
from tcpconnect.times import LOCAL_TIME, WHEN, local_time

CONNECT, LOOKUP = "connect", "lookup"


class Connection(msgspec.Struct, gc=False):
    """One attempt to open a TCP connection, as the outputs show it."""

    elapsed_s: Annotated[
        float,
        Field(
            "TIME", 8, "seconds since the first event", ".3f", unit="s", fit=fit.ASKED
        ),
    ]
    time: Annotated[int, WHEN]
    uid: Annotated[int, Field("UID", 5, "user ID of the process", "d", reads="uid")]
    # Not known of a subflow whose MPTCP socket is older than the trace.
    pid: Annotated[
        int | None, Field("PID", 6, "process ID (thread group)", "d", fit=fit.PROCESS)
    ]
    tid: Annotated[int | None, Field("TID", 6, "thread ID", "d")]
    comm: Annotated[
        str | None,
        Field("COMM", 12, "name of the thread", ".12s", reads="comm", fit=fit.THREAD),
    ]
    ip: Annotated[
        int | None,
        Field("IP", 2, "IP version on the wire, 4 or 6", "d", fit=fit.VERSION),
    ]
    saddr: Annotated[str | None, Field("SADDR", 16, "source address", fit=fit.SOURCE)]
    lport: Annotated[
        int | None,
        Field("LPORT", 5, "source port, once it is known", "d", needs="lport"),
    ]
    # Not of a lookup that failed, as the three above.
    daddr: Annotated[
        str | None, Field("DADDR", 16, "destination address", fit=fit.DESTINATION)
    ]
    dport: Annotated[
        int | None, Field("DPORT", 5, "destination port", "d", fit=fit.ALWAYS)
    ]
    netns: Annotated[
        int, Field("NETNS", 10, "inode of the network namespace", "d", reads="netns")
    ]
    cgroup_id: Annotated[
        int,
        Field(
            "CGROUPID",
            10,
            "ID of the process's cgroup in cgroup v2",
            "d",
            reads="cgroup_id",
        ),
    ]
    monotonic_ns: int  # when it began, by the kernel's clock (clock.py); no column
    latency_ms: Annotated[
        float | None,
        Field(
            "LAT",
            9,
            "milliseconds from SYN_SENT to the end",
            ".3f",
            tone=tones.of_latency,
            unit="ms",
            needs="result",
            fit=fit.LATENCY,
        ),
    ] = None
    result: Annotated[
        str | None,
        Field(
            "RESULT",
            12,
            "OK, the name of the errno, ABORTED (the program gave up first) or "
            "PENDING (not ended when tracing stopped); of a lookup, why it failed",
            tone=tones.of_result,
            needs="result",
            fit=fit.ALWAYS,
        ),
    ] = None
    why: Annotated[
        str | None,
        Field(
            "WHY",
            14,
            "why it failed, a word of docs/output.md",
            tone=tones.of_why,
            needs="why",
            fit=fit.WORD,
        ),
    ] = None
    why_from: Annotated[
        str | None,
        Field(
            "WHYFROM",
            16,
            "who sent the ICMP error that rejects it",
            needs="why",
            fit=fit.ADDRESS,
        ),
    ] = None
    syns: Annotated[
        int | None,
        Field(
            "SYNS",
            4,
            "how many SYNs were sent",
            "d",
            tone=tones.of_syns,
            needs="why",
            fit=fit.EXTRA,
        ),
    ] = None
    dns_ms: Annotated[
        float | None,
        Field(
            "DNS",
            9,
            "milliseconds that the process waited for the name; its first connect to "
            "the address has them, or the lookup that failed",
            ".3f",
            tone=tones.of_latency,
            unit="ms",
            needs="dns",
            fit=fit.ASKED,
        ),
    ] = None
    query: Annotated[
        str | None,
        Field(
            "QUERY",
            32,
            "name of the destination",
            cell="query_text",
            needs="dns",
            fit=fit.TEXT,
        ),
    ] = None
    query_source: Annotated[
        str | None,
        Field(
            "NAMEFROM", 8, "where the name was seen: dns (port 53) or libc", needs="dns"
        ),
    ] = None
    query_scope: Annotated[
        str | None,
        Field(
            "NAMEOF",
            7,
            "whose the name is, the first of: process (it asked itself), cgroup, netns "
            "or host (another asked there)",
            needs="dns",
        ),
    ] = None
    query_age_ms: Annotated[
        float | None,
        Field(
            "AGE",
            9,
            "milliseconds from the name to the connect",
            ".3f",
            unit="ms",
            needs="dns",
        ),
    ] = None
    ppid: Annotated[
        int | None,
        Field(
            "PPID",
            6,
            "process ID of the process's parent",
            "d",
            needs="process",
            reads="ppid",
        ),
    ] = None
    image: Image = UNKNOWN
    mntns: Annotated[
        int | None,
        Field(
            "MNTNS",
            10,
            "inode of the mount namespace",
            "d",
            needs="process",
            reads="mntns",
        ),
    ] = None
    event: Annotated[
        str, Field("EVENT", 7, "connect, or lookup: one that gave no address")
    ] = CONNECT

    asked: Annotated[
        str | None,
        Field(
            "ASKED",
            16,
            "destination address that the program gave, where a BPF program of its "
            "cgroup may have put another one in its place",
            needs="asked",
            fit=fit.ADDRESS,
        ),
    ] = None
    asked_port: Annotated[
        int | None,
        Field("APORT", 5, "destination port that it gave", "d", needs="asked"),
    ] = None
    refused_by: int = 0  # enum refused_by: who, before it was SYN_SENT; no column

    @property
    def query_text(self) -> str:
        """The name as bcc's tcpconnect shows it."""
        return query_text(self.query, self.query_scope, self.daddr, self.query_age_ms)

    @property
    def local_time(self) -> str:
        """When it began, as people write it."""
        return local_time(self.time)

    @property
    def exe(self) -> str | None:
        """Path of the file that the process executes."""
        return self.image.exe

    @property
    def cmdline(self) -> str | None:
        """Arguments of the process."""
        return self.image.cmdline

    @property
    def cgroup(self) -> str | None:
        """Path of the process's cgroup."""
        return self.image.place.cgroup

    @property
    def container(self) -> str | None:
        """Name of the container, else the beginning of its ID."""
        return self.image.place.container

    @property
    def container_id(self) -> str | None:
        """Whole ID of the container."""
        return self.image.place.container_id

    @property
    def runtime(self) -> str | None:
        """What made the container."""
        return self.image.place.runtime

    @property
    def unit(self) -> str | None:
        """Innermost systemd unit of the process."""
        return self.image.place.unit

    @property
    def pod(self) -> str | None:
        """Name of the pod, else its UID."""
        return self.image.place.pod

    @property
    def pod_uid(self) -> str | None:
        """UID of the pod."""
        return self.image.place.pod_uid

    @property
    def workload(self) -> str | None:
        """Name of what made the pod."""
        return self.image.place.workload


MEMBERS = columns_of(Connection)
CONNECTION = MEMBERS | {
    "local_time": Column("local_time", LOCAL_TIME, str, "local_time")
}
