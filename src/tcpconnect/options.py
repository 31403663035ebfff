"""The options of the command line; the man page and completions are made from them."""

from __future__ import annotations

import argparse

from tcpconnect import __version__, filters
from tcpconnect.parsing import (
    IpVersion,
    Parser,
    Union,
    count,
    milliseconds,
    seconds,
)
from tcpconnect.settings import NAME_SOURCES, RING_BYTES

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

FORMATS = ("table", "json", "csv")
COLORS = ("auto", "always", "never")


def build_parser() -> Parser:
    """Return the parser of all options."""
    parser = Parser(
        prog="tcpconnect",
        description="Trace TCP connects",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    _add_classic(parser)
    _add_selection(parser)
    _add_attempt(parser)
    _add_names(parser)
    _add_output(parser)
    _add_running(parser)
    return parser


def _add_classic(parser: Parser) -> None:
    """Add the options of bcc's tcpconnect, in its order."""
    add = parser.add_argument
    add("-t", "--timestamp", action="store_true", help="include timestamp on output")
    add(
        *("-p", "--pid"),
        type=filters.pids,
        action=Union,
        metavar="PID",
        help="trace this PID only, or a comma-separated list",
    )
    add(
        *("-P", "--port"),
        type=filters.ports,
        action=Union,
        metavar="PORT",
        help="comma-separated list of destination ports to trace. "
        "Ranges too: 8000-8100",
    )
    add("-U", "--print-uid", action="store_true", help="include UID on output")
    add(
        *("-u", "--uid"),
        type=filters.uids,
        action=Union,
        metavar="UID",
        help="trace this UID only, or a comma-separated list; user names, too",
    )
    add(
        *("-c", "--count"),
        action="store_true",
        help="count connects per src ip and dest ip/port",
    )
    add(
        "--cgroupmap",
        metavar="CGROUPMAP",
        help="trace cgroups in this BPF map only (docs/special_filtering.md)",
    )
    add(
        "--mntnsmap",
        metavar="MNTNSMAP",
        help="trace mount namespaces in this BPF map only (docs/special_filtering.md)",
    )


# Filters beyond those of bcc's tool: name, how its value is read, what it is called.
# Each may be given again, for more values.
SELECTION = (
    ("--not-port", filters.ports, "PORT", "no destination ports of this list"),
    (
        "--to",
        filters.networks,
        "CIDR",
        "trace this destination network or address only, or a comma-separated list",
    ),
    ("--not-to", filters.networks, "CIDR", "no destinations in these networks"),
    (
        "--from",
        filters.networks,
        "CIDR",
        "trace this source network or address only, or a comma-separated list",
    ),
    (
        "--comm",
        filters.comms,
        "NAME",
        "trace threads of this name only, or a comma-separated list",
    ),
    (
        "--netns",
        filters.netns,
        "NETNS",
        "trace this network namespace only: a name of ip-netns, a PID, or an inode",
    ),
    (
        "--cgroup",
        filters.whole,
        "PATH",
        "trace this cgroup and all below it only; PATH is below the cgroup v2 mount",
    ),
    (
        "--container",
        filters.names,
        "CONTAINER",
        "trace this running container only: its name, or the beginning of its ID",
    ),
)


def _add_selection(parser: Parser) -> None:
    for name, parse, metavar, text in SELECTION:
        parser.add_argument(name, type=parse, action=Union, metavar=metavar, help=text)
    parser.add_argument(
        *("-f", "--follow"),
        action="store_true",
        help="with -p: trace the children of these processes, too, and so on; "
        "stop when all have ended",
    )


def _add_attempt(parser: Parser) -> None:
    """Add what concerns the attempt itself: IP version, port, outcome."""
    version = parser.add_mutually_exclusive_group()
    for ip in (4, 6):
        version.add_argument(
            *(f"-{ip}", f"--ipv{ip}"),
            dest="ip",
            action=IpVersion,
            const=ip,
            default=0,
            help=f"trace IPv{ip} only",
        )
    add = parser.add_argument
    add(
        *("-L", "--lport"),
        action="store_true",
        help="include LPORT, the source port; a line then comes when its port is "
        "known, at the latest when the attempt ends",
    )
    add(
        *("-r", "--result"),
        action="store_true",
        help="include LAT(ms) and RESULT; a line then comes when its attempt ends",
    )
    add(
        "--failed",
        action="store_true",
        help="only attempts that did not end OK; implies -r",
    )
    add(
        "--slower",
        type=milliseconds,
        default=0.0,
        metavar="MS",
        help="only attempts that took at least MS milliseconds; implies -r",
    )


def _add_names(parser: Parser) -> None:
    add = parser.add_argument
    add(
        *("-d", "--dns"),
        action="store_true",
        help="include likely DNS query associated with each connect",
    )
    add(
        "--dns-latency",
        action="store_true",
        help="include DNS(ms), how long the program waited for the name; "
        "implies -d and -r",
    )
    add(
        "--names",
        type=filters.name_sources,
        default=NAME_SOURCES,
        metavar="SOURCES",
        help="with -d: where names are seen: dns (answers from port 53), libc "
        "(getaddrinfo), or both (default)",
    )
    add(
        "--max-names",
        type=count,
        default=10_240,
        metavar="N",
        help="with -d: keep the names of so many addresses, in 4,800 bytes each on "
        "average (default 10240)",
    )
    add(
        "--names-ttl",
        type=seconds,
        default=24 * 3600.0,
        metavar="SECONDS",
        help="with -d: forget a name after so many seconds (default 86400)",
    )


def _add_output(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--histogram",
        action="store_true",
        help="with -c: draw a histogram of all latencies below the table",
    )
    add(
        "--format",
        choices=FORMATS,
        help="table (default), json (an object a line) or csv",
    )
    add("-j", "--json", action="store_true", help="the same as --format json")
    add(
        "--color",
        choices=COLORS,
        default="auto",
        help="color the table: auto (default: on a terminal, unless NO_COLOR is set), "
        "always or never",
    )
    add(
        "--columns",
        metavar="LIST",
        help="show these columns, comma-separated; --columns help lists them all",
    )
    add(
        *("-o", "--output"),
        metavar="FILE",
        help="write to FILE instead of stdout (or, with a command, stderr)",
    )
    add("--schema", action="store_true", help="print the JSON Schema and exit")


def _add_running(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--duration",
        type=seconds,
        metavar="SECONDS",
        help="stop after so many seconds",
    )
    add("--limit", type=count, metavar="N", help="stop after N lines")
    add(
        "--check",
        action="store_true",
        help="examine whether this machine can trace, and exit",
    )
    add(
        *("-v", "--verbose"),
        action="store_true",
        help="show libbpf's log, and tracebacks of errors",
    )
    add("--version", action="version", version=f"tcpconnect {__version__}")
    # For tests of losses.
    add("--ring-bytes", type=count, default=RING_BYTES, help=argparse.SUPPRESS)
