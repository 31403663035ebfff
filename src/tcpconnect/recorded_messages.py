"""The catalogue of what is said about recordings that are read."""

from __future__ import annotations

from tcpconnect.errors import Message

NOT_OF_RECORDING = Message(
    "a recording can't be filtered by {option}", *("{reason}", "{remedy}")
)
NOT_A_RECORDING = Message("{name} is not a recording", "{reason}", "{remedy}")
NO_RECORDING = Message(
    "no recording to replay",
    "",
    "name a file of tcpconnect -o FILE.jsonl, or - (stdin)",
)
COMMAND_OF_RECORDING = Message(
    "replay takes no command", "what is recorded has been traced", "omit it"
)
READ_AND_WRITTEN = Message(
    "{name} would be read and written", "", "write to another file"
)
LEFT_OUT = Message(
    "{n} attempts without a SYN and failed lookups are left out",
    "as in a trace without results and names",
    "-rd shows them",
)
NO_ZSTD = Message(
    "FILE.jsonl.zst needs a library for zstd",
    "it is not installed",
    "install it: {installer} backports.zstd",
)
ONLY_RECORDINGS = Message(
    "can't compress {path!r}",
    "only recordings are",
    "name it FILE.jsonl.zst, without -c",
)
UNANSWERED = Message(
    "warning: {option} passes nothing",
    "no attempt of the recording has {column}",
    "results need -r when it is made, names -d",
)
METRICS_OF_RECORDING = Message(
    "a recording has no metrics",
    "Prometheus stores what it reads with the time of now",
    "write to sqlite:PATH, and ask tcpconnect history",
)
