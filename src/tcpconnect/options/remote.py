"""Options about remote places: where their blocks wait."""

from __future__ import annotations

from tcpconnect.options.option import Option
from tcpconnect.values import Size, Value

MAX_SPOOL = Size(1 << 20)

REMOTE = (
    Option(
        ("--spool",),
        "spool",
        "keep what a remote place was not sent yet in DIRECTORY (default: spool in "
        "/var/lib/tcpconnect, of other users in ~/.local/state/tcpconnect)",
        Value("DIRECTORY", completion="file"),
    ),
    Option(
        ("--max-spool",),
        "max_spool",
        "let that take SIZE for each place (default 500M); then single attempts are "
        "dropped, their counts stay",
        Value("SIZE", MAX_SPOOL.parse, MAX_SPOOL.check),
    ),
    Option(
        ("--create",),
        "create",
        "make the tables of clickhouse:// and postgresql:// that are not there",
    ),
)
