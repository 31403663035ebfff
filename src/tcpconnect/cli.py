"""The command line: options to Settings, and the only place that prints errors."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from tcpconnect import __version__, filters
from tcpconnect.errors import PreflightError, TcpconnectError, UsageError
from tcpconnect.output import Closed, keep_standard_descriptors, say, write

from tcpconnect.settings import RING_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    ./tcpconnect -L        # include the source port
    ./tcpconnect -r        # did it work, and how long did it take
    ./tcpconnect --failed  # only the attempts that did not succeed
    ./tcpconnect --slower 100         # only those that took 100 ms or more
    ./tcpconnect -c -r --histogram    # latencies of each flow, and of all
    ./tcpconnect -j | jq .daddr       # JSON, one object a line
    ./tcpconnect --columns time,comm,daddr,dport --format csv
    ./tcpconnect --duration 60 --limit 1000  # stop by itself
"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises its errors."""

    def _print_message(self, message: str, file: object = None) -> None:
        write(1, message.encode())

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, "", f"{self.prog} -h shows the options")


def build_parser() -> Parser:
    """Return the parser of all options."""
    parser = Parser(
        prog="tcpconnect",
        description="Trace TCP connects",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-t", "--timestamp", action="store_true", help="include timestamp on output")
    add(
        "-p",
        "--pid",
        type=filters.pids,
        default=frozenset(),
        metavar="PID",
        help="trace this PID only (or a comma-separated list)",
    )
    add(
        "-P",
        "--port",
        type=filters.ports,
        default=frozenset(),
        metavar="PORT",
        help="comma-separated list of destination ports to trace.  Ranges too: 8000-8100",
    )
    add("-U", "--print-uid", action="store_true", help="include UID on output")
    add(
        "-u",
        "--uid",
        type=filters.uids,
        default=frozenset(),
        metavar="UID",
        help="trace this UID only (or a comma-separated list; user names too)",
    )
    add(
        "-c",
        "--count",
        action="store_true",
        help="count connects per src ip and dest ip/port",
    )
    add(
        "--cgroupmap",
        default="",
        metavar="CGROUPMAP",
        help="trace cgroups in this BPF map only",
    )
    add(
        "--mntnsmap",
        default="",
        metavar="MNTNSMAP",
        help="trace mount namespaces in this BPF map only",
    )
    version = parser.add_mutually_exclusive_group()
    for option, ip in (("--ipv4", 4), ("--ipv6", 6)):
        version.add_argument(
            f"-{ip}",
            option,
            dest="ip",
            action="store_const",
            const=ip,
            default=0,
            help=f"trace IPv{ip} only",
        )
    add(
        "-L",
        "--lport",
        action="store_true",
        help="include LPORT, the source port; a line then comes when its port is known, "
        "at the latest when the attempt ends",
    )
    add(
        "-r",
        "--result",
        action="store_true",
        help="include LAT(ms) and RESULT; a line then comes when its attempt has ended",
    )
    add(
        "--failed",
        action="store_true",
        help="only attempts that did not end OK (implies -r)",
    )
    add(
        "--slower",
        type=_milliseconds,
        default=0.0,
        metavar="MS",
        help="only attempts that took at least MS milliseconds (implies -r)",
    )
    add(
        "--histogram",
        action="store_true",
        help="with -c: draw a histogram of the latencies, too",
    )
    add(
        "--format",
        choices=("table", "json", "csv"),
        help="table (default), json (one object a line) or csv",
    )
    add("-j", "--json", action="store_true", help="short for --format json")
    add(
        "--columns",
        metavar="LIST",
        help="these columns in this order, comma-separated; help lists them all",
    )
    add("--schema", action="store_true", help="print the JSON Schema and exit")
    add(
        "--duration",
        type=_seconds,
        metavar="SECONDS",
        help="stop after so many seconds",
    )
    add("--limit", type=_lines, metavar="N", help="stop after N lines")
    add("--check", action="store_true", help="examine this machine and exit")
    add(
        "-v",
        "--verbose",
        action="store_true",
        help="show libbpf's log, and tracebacks of errors",
    )
    add("--version", action="version", version=f"tcpconnect {__version__}")
    add("--ring-bytes", type=_lines, default=RING_BYTES, help=argparse.SUPPRESS)  # for tests of losses
    return parser


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1e9:  # NaN fails, too
        raise argparse.ArgumentTypeError(f"{text!r} is no number of {what}")
    return number


def _seconds(text: str) -> float:
    return _number(text, "seconds")


def _milliseconds(text: str) -> float:
    return _number(text, "milliseconds")


def _lines(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:12])):
        raise argparse.ArgumentTypeError(f"{text!r} is no count, 1 or more")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit code: 0 fine, 1 failed, 2 wrong usage."""
    keep_standard_descriptors()
    verbose = False
    try:
        options = build_parser().parse_args(arguments)
        verbose = options.verbose
        return _run(options)
    except TcpconnectError as error:
        _show(error, verbose=verbose)
        return error.exit_code
    except Closed:
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  (a bug of ours: a line, not a traceback)
        kind = type(error).__name__
        remedy = "please report it with what -v prints"
        _show(TcpconnectError("internal error", f"{kind}: {error}", remedy), verbose=verbose)
        return 1


def _run(options: argparse.Namespace) -> int:
    from tcpconnect.connection import CONNECTION
    from tcpconnect.flow import FLOW

    table = FLOW if options.count else CONNECTION
    if options.check:
        from tcpconnect.info import check

        report, code = check()
        write(1, report.encode())
        return code
    if options.schema:
        from tcpconnect.info import schema

        write(1, schema(table, "flow" if options.count else "connection").encode())
        return 0
    if options.columns == "help":
        from tcpconnect.info import columns_help

        write(1, columns_help(table).encode())
        return 0
    from tcpconnect.pipeline import run
    from tcpconnect.view import View

    run(options, View(options))
    return 0


def _show(error: TcpconnectError, *, verbose: bool) -> None:
    if verbose:
        import traceback

        say(traceback.format_exc().rstrip())
    problems = error.problems if isinstance(error, PreflightError) else [error]
    for problem in problems:
        say(f"tcpconnect: {problem}")
