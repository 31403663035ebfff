"""Options about what is shown, and where."""

from __future__ import annotations

from tcpconnect.arguments import COLUMNS, NUMBER
from tcpconnect.formats import FORMATS
from tcpconnect.options.option import Option
from tcpconnect.options.remote import REMOTE
from tcpconnect.values import Size, Value, choice

KEEP_FILES = 10
LIMIT = Size(64 << 10)
COLORS = ("auto", "always", "never")


def _place(text: str) -> set[str]:
    from tcpconnect.schemes import checked

    return {checked(text)}


SHOW = (
    Option(
        ("-t", "--timestamp"),
        "timestamp",
        "include timestamp on output: seconds since the first attempt",
    ),
    Option(
        ("-T", "--time"),
        "clock",
        "include the local time, HH:MM:SS.mmm. With -r, too, this and -t are when the "
        "attempt began; lines come in the order in which attempts end",
    ),
    Option(("-U", "--print-uid"), "print_uid", "include UID on output"),
    Option(
        ("-L", "--lport"),
        "lport",
        "include LPORT, the source port; a line then comes when its port is "
        "known, at the latest when the attempt ends",
    ),
    Option(
        ("--columns",),
        "columns",
        "show these columns, comma-separated; --columns help lists them all",
        COLUMNS,
    ),
    Option(
        ("--format",),
        "format",
        "table (default), json (one object per line), csv, or JSON in the shape of "
        "ecs (Elastic Common Schema) or ocsf, with results as -r",
        choice(*FORMATS),
    ),
    Option(("-j", "--json"), "json", "the same as --format json"),
    Option(
        ("--color",),
        "color",
        "color the table: auto (default: on a terminal, unless NO_COLOR is set), "
        "always or never",
        choice(*COLORS),
    ),
    Option(
        ("--wide",),
        "wide",
        "on a terminal: do not fit the table to its width, but show all columns in "
        "the widths that a pipe gets",
    ),
    Option(
        ("-o", "--output"),
        "outputs",
        "write to FILE instead of stdout (or, with a command, stderr); - is stdout. "
        "May be given again; FILE.csv is CSV, FILE.jsonl a recording of all columns, "
        "FILE.jsonl.zst one that is compressed, sqlite:PATH a history, "
        "prometheus://[ADDRESS:]PORT serves metrics, otlp+http://HOST:4318 is a "
        "collector of OpenTelemetry, clickhouse://HOST/DATABASE or "
        "postgresql://HOST/DATABASE a database",
        Value("FILE", _place, completion="file"),
        repeats=True,
    ),
    Option(
        ("--rotate",),
        "rotate",
        "with -o FILE: at SIZE (100M), move FILE.jsonl to FILE.1.jsonl, that to "
        "FILE.2.jsonl, and begin another one",
        Value("SIZE", LIMIT.parse, LIMIT.check),
    ),
    Option(
        ("--keep-files",),
        "keep_files",
        f"with --rotate: keep N older files (default {KEEP_FILES})",
        NUMBER,
    ),
    *REMOTE,
    Option(
        ("--quiet",),
        "quiet",
        "no ready line, notices and summary on stderr; warnings and losses stay",
    ),
    Option(
        ("--summary",),
        "summary",
        "summarize attempts and failures at the end, on stderr (default: if that is "
        "a terminal, without --quiet)",
    ),
)
