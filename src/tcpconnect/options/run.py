"""Options about the run, and those that only report."""

from __future__ import annotations

from tcpconnect.arguments import NUMBER, RING, TIME
from tcpconnect.options.option import HELP, HELP_ALL, VERSION, Option

RUN = (
    Option(("--duration",), "duration", "stop after TIME (in s, or 5m)", TIME),
    Option(
        ("--limit",),
        "limit",
        "stop after N lines; with -c: show N rows of each table",
        NUMBER,
    ),
    Option(
        ("-v", "--verbose"),
        "verbose",
        "show libbpf's log, and tracebacks of errors",
    ),
    Option(("--ring-bytes",), "ring_bytes", "", RING),  # for tests of losses
    Option(("--check",), "check", "check whether this machine can trace, and exit"),
    Option(("--schema",), "schema", "print the JSON Schema and exit"),
    Option(("-h", "--help"), HELP, "show this help message and exit"),
    Option(("--help-all",), HELP_ALL, "show all options, by purpose, and exit"),
    Option(("--version",), VERSION, "show program's version number and exit"),
)
