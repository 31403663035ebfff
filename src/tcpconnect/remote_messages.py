"""The messages about remote places of -o: their URLs, their spool, their outages."""

from __future__ import annotations

from tcpconnect.errors import Message

INVALID_REMOTE = Message("invalid place {place!r}", "{reason}", "{remedy}")
NO_SECRET = Message("can't read {path!r}, which {variable} names", "{reason}")
NEEDS_REMOTE = Message(
    "{option} needs {kind}",
    "",
    "add -o clickhouse://HOST/DATABASE, or another one",
)
SAME_PLACE = Message(
    "-o names {name!r} twice",
    "what waits for a place is in one directory",
    "write it once, with all that is to be behind ?",
)
INVALID_MODE = Message("invalid {name}: {value!r}", "{reason}")
UNREAD_VARIABLE = Message(
    "{name} is set, but postgresql:// does not follow it", "{reason}", "{remedy}"
)
NO_SPOOL = Message(
    "can't use the directory {path!r}",
    "{reason}",
    "name another one for what waits: --spool DIRECTORY",
)
SPOOL_TAKEN = Message(
    "can't use the directory {path!r}",
    "another tcpconnect writes to the same place",
    "stop that one, or name another directory: --spool DIRECTORY",
)
PLACE_AWAY = Message(
    "can't write to {place} now",
    "{reason}",
    "attempts wait in {path!r}, and are sent when it works again",
)
PLACE_BACK = Message("{place} can be written to again")
PLACE_REFUSES = Message(
    "{place} refuses what it is sent", "{reason}", "look there, and at its URL"
)
SPOOL_FAILS = Message(
    "can't write to the directory {path!r} now",
    "{reason}",
    "attempts wait in memory, and are written when it works again",
)
NO_PSYCOPG = Message(
    "postgresql:// needs the library psycopg",
    "it is not installed",
    "install it: {installer} 'psycopg[binary]'",
)
NO_PSYCOPG_PACKAGE = Message(
    "postgresql:// needs the library psycopg",
    "its package is not installed",
    "install python3-psycopg (python3-psycopg3 on Fedora)",
)
NOT_SENT = Message("{n} attempts not sent to {place}", "{reason}")
NOT_SENT_SINGLY = Message(
    "{n} attempts not sent one by one to {place}", "{reason}", "its windows have them"
)
ALERTS_NOT_SENT = Message("{n} alerts not sent to {place}", "{reason}")
LEFT_IN_SPOOL = Message(
    "{n} attempts for {place} wait in {path!r}",
    "{reason}",
    "the next start sends them",
)
