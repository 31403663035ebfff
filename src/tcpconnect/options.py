"""The table of options, for parser, Settings, man page and completions."""

from __future__ import annotations

from typing import Any

import msgspec

from tcpconnect.arguments import (
    CGROUPMAP,
    CGROUPS,
    COLUMNS,
    COMMS,
    CONTAINERS,
    MAX_NAMES,
    MNTNSMAP,
    NAMES_TTL_S,
    NETNS,
    NETWORKS,
    NUMBER,
    PIDS,
    PORTS,
    RING,
    SHORT_TIME,
    SOURCES,
    TIME,
    UIDS,
)
from tcpconnect.formats import FORMATS
from tcpconnect.values import Value

EXAMPLES = """\
examples:
    ./tcpconnect           # trace all TCP connect()s
    ./tcpconnect -t        # include timestamps
    ./tcpconnect -p 181    # only trace PID 181
    ./tcpconnect -P 80     # only trace port 80
    ./tcpconnect -P 80,81  # only trace port 80 and 81
    ./tcpconnect -U        # include UID
    ./tcpconnect -u 1000   # only trace UID 1000
    ./tcpconnect -c        # count connects per src ip and dest ip/port
    ./tcpconnect --cgroupmap mappath  # only trace cgroups in this BPF map
    ./tcpconnect --mntnsmap mappath   # only trace mount namespaces in the map
    ./tcpconnect -P 443,8000-8100     # a port and a range of ports
    ./tcpconnect -u alice,1000        # users by name or number
    ./tcpconnect -6L       # IPv6 only, include the source port
    ./tcpconnect -r        # did it work, and how long did it take
    ./tcpconnect -d        # the names of the destinations
    ./tcpconnect --dns-latency        # DNS and TCP: the whole cost of a connect
    ./tcpconnect --failed  # only the attempts that did not succeed
    ./tcpconnect --why     # why attempts fail
    ./tcpconnect --slower 100         # only those that took 100 ms or more
    ./tcpconnect -c -r --histogram    # latencies of each flow, and of all
    ./tcpconnect -j | jq .daddr       # JSON, one object a line
    ./tcpconnect --columns time,comm,daddr,dport --format csv
    ./tcpconnect --duration 60 --limit 1000  # stop by itself
    ./tcpconnect -- curl example.com  # a command and all its children
    ./tcpconnect -fp 181   # PID 181 and all its children
    ./tcpconnect --to 10.0.0.0/8 --not-port 443
    ./tcpconnect --container web --container db
    ./tcpconnect --cgroup system.slice/nginx.service
"""

COLORS = ("auto", "always", "never")


class Option(msgspec.Struct, frozen=True):
    """An option of the command line.

    ``member`` of Settings, or else of CommandLine, is set to its parsed ``value``, or
    to ``const`` if it takes none. Without ``help`` it is hidden. Options of one
    ``group`` exclude each other. When it ``repeats``, each occurrence adds values.
    """

    flags: tuple[str, ...]
    member: str
    help: str
    value: Value | None = None
    const: Any = True
    group: str = ""
    repeats: bool = False


# These end the tool at once: each is an action of argparse.
HELP, VERSION = "help", "version"

OPTIONS = (
    Option(("-h", "--help"), HELP, "show this help message and exit"),
    # The options of bcc's tcpconnect, in its order.
    Option(("-t", "--timestamp"), "timestamp", "include timestamp on output"),
    Option(
        ("-p", "--pid"),
        "pids",
        "trace this PID only, or a comma-separated list",
        PIDS,
        repeats=True,
    ),
    Option(
        ("-P", "--port"),
        "ports",
        "comma-separated list of destination ports to trace. Ranges too: 8000-8100",
        PORTS,
        repeats=True,
    ),
    Option(("-U", "--print-uid"), "print_uid", "include UID on output"),
    Option(
        ("-u", "--uid"),
        "uids",
        "trace this UID only, or a comma-separated list; user names, too",
        UIDS,
        repeats=True,
    ),
    Option(("-c", "--count"), "count", "count connects per src ip and dest ip/port"),
    Option(
        ("--cgroupmap",),
        "cgroupmap",
        "trace cgroups in this BPF map only (docs/special_filtering.md)",
        CGROUPMAP,
    ),
    Option(
        ("--mntnsmap",),
        "mntnsmap",
        "trace mount namespaces in this BPF map only (docs/special_filtering.md)",
        MNTNSMAP,
    ),
    # More filters than bcc's tool has.
    Option(
        ("--not-port",),
        "not_ports",
        "exclude destination ports in this list",
        PORTS,
        repeats=True,
    ),
    Option(
        ("--to",),
        "to",
        "trace this destination network or address only, or a comma-separated list",
        NETWORKS,
        repeats=True,
    ),
    Option(
        ("--not-to",),
        "not_to",
        "exclude destinations in these networks",
        NETWORKS,
        repeats=True,
    ),
    Option(
        ("--from",),
        "from_",
        "trace this source network or address only, or a comma-separated list",
        NETWORKS,
        repeats=True,
    ),
    Option(
        ("--comm",),
        "comms",
        "trace threads of this name only, or a comma-separated list",
        COMMS,
        repeats=True,
    ),
    Option(
        ("--netns",),
        "netns",
        "trace this network namespace only: a name of ip-netns, a PID, or an inode",
        NETNS,
        repeats=True,
    ),
    Option(
        ("--cgroup",),
        "cgroups",
        "trace this cgroup and all below it only; PATH is below the cgroup v2 mount",
        CGROUPS,
        COLUMNS,
        repeats=True,
    ),
    Option(
        ("--container",),
        "containers",
        "trace this running container only: its name, or a prefix of its ID",
        CONTAINERS,
        repeats=True,
    ),
    Option(
        ("-f", "--follow"),
        "follow",
        "with -p: trace all descendants of these processes, too; "
        "stop when all have ended",
    ),
    # The attempt itself.
    Option(("-4", "--ipv4"), "ip", "trace IPv4 only", const=4, group="ip"),
    Option(("-6", "--ipv6"), "ip", "trace IPv6 only", const=6, group="ip"),
    Option(
        ("-L", "--lport"),
        "lport",
        "include LPORT, the source port; a line then comes when its port is "
        "known, at the latest when the attempt ends",
    ),
    Option(
        ("-r", "--result"),
        "result",
        "include LAT(ms) and RESULT; a line then comes when its attempt ends",
    ),
    Option(("--failed",), "failed", "only attempts that did not end OK; implies -r"),
    Option(
        ("--why",),
        "why",
        "include WHY, why an attempt failed, and SYNS, how many it sent; implies -r",
    ),
    Option(
        ("--slower",),
        "slower_ms",
        "only attempts that took at least MS milliseconds; implies -r",
        SHORT_TIME,
    ),
    # Names of destinations.
    Option(
        ("-d", "--dns"),
        "dns",
        "include likely DNS query associated with each connect",
    ),
    Option(
        ("--dns-latency",),
        "dns_latency",
        "include DNS(ms), how long the program waited for the name; implies -d and -r",
    ),
    Option(
        ("--names",),
        "name_sources",
        "with -d: the sources of names: dns (answers from port 53), libc "
        "(getaddrinfo), or both (default)",
        SOURCES,
    ),
    Option(
        ("--max-names",),
        "max_names",
        "with -d: store the names of N addresses, 4,800 bytes each on average "
        f"(default {MAX_NAMES})",
        NUMBER,
    ),
    Option(
        ("--names-ttl",),
        "names_ttl_s",
        f"with -d: names expire after SECONDS (default {NAMES_TTL_S:.0f})",
        TIME,
    ),
    # The output.
    Option(
        ("--histogram",),
        "histogram",
        "with -c: draw a histogram of all latencies below the table",
    ),
    Option(
        ("--format",),
        "format",
        "table (default), json (one object per line) or csv",
        Value("", completion="words", words=tuple(FORMATS)),
    ),
    Option(("-j", "--json"), "json", "the same as --format json"),
    Option(
        ("--color",),
        "color",
        "color the table: auto (default: on a terminal, unless NO_COLOR is set), "
        "always or never",
        Value("", completion="words", words=COLORS),
    ),
    Option(
        ("--columns",),
        "columns",
        "show these columns, comma-separated; --columns help lists them all",
        COLUMNS,
    ),
    Option(
        ("-o", "--output"),
        "outputs",
        "write to FILE instead of stdout (or, with a command, stderr); - is stdout. "
        "May be given again; FILE.csv is CSV, FILE.jsonl a recording of all columns",
        Value("FILE", lambda path: {path}, completion="file"),
        repeats=True,
    ),
    Option(
        ("--summary",),
        "summary",
        "summarize attempts and failures at the end, on stderr (default: if that is "
        "a terminal)",
    ),
    Option(("--schema",), "schema", "print the JSON Schema and exit"),
    # The run.
    Option(("--duration",), "duration", "stop after SECONDS", TIME),
    Option(("--limit",), "limit", "stop after N lines", NUMBER),
    Option(("--check",), "check", "check whether this machine can trace, and exit"),
    Option(
        ("-v", "--verbose"),
        "verbose",
        "show libbpf's log, and tracebacks of errors",
    ),
    Option(("--version",), VERSION, "show program's version number and exit"),
    Option(("--ring-bytes",), "ring_bytes", "", RING),  # for tests of losses
)
