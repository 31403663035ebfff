"""The messages about a history: its file, who writes it, and what it says."""

from __future__ import annotations

from tcpconnect.errors import Message

NO_HISTORY = Message(
    "there is no history at {path!r}",
    "",
    "start tcpconnect record, or name the file that it writes",
)
CANT_READ_HISTORY = Message("can't read the history {path!r}", "{reason}", "{remedy}")
NOT_A_HISTORY = Message(
    "{path!r} is no history",
    "it is not a database of tcpconnect",
    "name another file",
)
NEWER_HISTORY = Message(
    "can't use the history {path!r}",
    "a newer tcpconnect wrote it (format {theirs}; this one knows {ours})",
    "install that version",
)
OLDER_HISTORY = Message(
    "can't read the history {path!r}",
    "an older tcpconnect wrote it (format {theirs}; this one reads {ours})",
    "start tcpconnect record once, which brings it up to date",
)
RECORDED_BY_OTHER = Message(
    "can't write the history {path!r}",
    "{who} writes it already",
    "stop that one, or name another file",
)
HISTORY_WAITS = Message(
    "can't write the history {path!r} now",
    "{reason}",
    "attempts wait in memory, and are written when it works again",
)
HISTORY_HELD = Message(
    "can't write the history {path!r} now",
    "another process holds it in one long transaction",
)
HISTORY_CUT = Message(
    "the history {path!r} was truncated or damaged by another program",
    "",
    "a new one begins; what is left is {left!r}",
)
NOT_KEPT = Message(
    "{n} attempts were not kept in the history {path!r}",
    "{reason}",
    "free some space, or name another file, before the next start",
)
CLOCK_AHEAD = Message(
    "the clock was set ahead, from {before} to {after}",
    "",
    "the history has a gap there; rows go by that time when it has gone on for a while",
)
CLOCK_BACK = Message(
    "the clock was set back, from {before} to {after}",
    "",
    "attempts count at the times that it shows",
)
HISTORY_FULL = Message(
    "the history {path!r} has reached --max-size, {size}",
    "",
    "its finest and oldest rows are folded, then deleted: a greater one keeps more",
)
