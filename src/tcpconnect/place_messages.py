"""The messages about places of -o, and who writes to them."""

from __future__ import annotations

from tcpconnect.errors import Message

UNKNOWN_PLACE = Message("unknown place {place!r}", "", "{remedy}, or ./FILE for a file")
COUNTS_TO_HISTORY = Message(
    "-c conflicts with {place!r}", "that place counts attempts itself", "omit -c"
)
RUNNING_AS = Message("recording as user {name!r}")
INVALID_AGE = Message(
    "invalid time {value!r}",
    "expected from {low} to {high}",
    "write a number with a unit ({units})",
)
NOT_KEPT_AS_LONG = Message(
    "--keep-days is shorter than --keep",
    "rows of a day are what is left of rows of an hour",
    "write more days",
)
KEEPS_NOTHING = Message(
    "{option} needs a history",
    "no place of -o is one",
    "add -o sqlite:PATH, or omit it",
)
RECORDS_NO_COMMAND = Message(
    "record starts no command", "", "trace it: tcpconnect -o FILE.jsonl -- COMMAND"
)
NO_DIRECTORY = Message(
    "can't make the directory {path!r}",
    "{reason}",
    "start it as root once, or name a file: -o sqlite:PATH",
)
CMDLINES_NOWHERE = Message(
    "--cmdlines needs a recording", "a history has none", "add -o FILE.jsonl"
)
