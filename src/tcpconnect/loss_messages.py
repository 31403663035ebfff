"""The catalogue of what users read when something was lost: ``n`` is how many."""

from __future__ import annotations

from tcpconnect.errors import Message

NEW = Message("warning: {loss}")
TOTAL = Message("in total, {loss}")

RECORDED = Message("{text}")
CUT_RECORDING = Message("{name} ends within a line", "it was truncated")
UNENDED_RECORDING = Message("{name} has no end", "it is being written, or that failed")
RECORDED_DROPS = Message("{n} attempts are not in {name}", "it was written too slowly")
UNKNOWN_LOSS = Message("{n} lost", "{name}")

FEWER = "trace less with -p, -u or -P"

RING_FULL = Message(
    "{n} attempts lost", "the ring buffer was full", f"write to a file, or {FEWER}"
)
UNFINISHED = Message("{n} attempts lost", "another CPU had not finished their records")
PROGRAMS_SKIPPED = Message(
    "{n} attempts of this machine lost", "the kernel skipped all programs for them"
)
TOO_MANY_FLOWS = Message(
    "{n} attempts not counted", "there were more than {limit} flows", FEWER
)
TOO_MANY_ROWS = Message(
    "{n} attempts not counted", "the table had too many rows", FEWER
)
TOO_MANY_OPEN = Message(
    "{n} attempts without a result", "more than {limit} were open", FEWER
)
END_SKIPPED = Message(
    "{n} attempts without a result", "the kernel skipped all programs for their end"
)
NO_DETAILS = Message(
    "{n} attempts without their exe, cmdline and cgroup",
    "half of the ring buffer was full, or reading them would have delayed lines",
    f"name fewer of these columns, or {FEWER}",
)
DETAILS_UNFINISHED = Message(
    "{n} names or processes lost", "another CPU had not finished their records"
)
NAMES_LOST = Message(
    "{n} names lost",
    "half of the ring buffer was full, or reading them would have delayed lines",
    "use one source, --names dns or --names libc",
)
TOO_MANY_LOOKUPS = Message(
    "{n} lookups not followed",
    "more than 16384 were open",
    "some that failed may not be shown",
)
QUESTIONS_DROPPED = Message(
    "{n} DNS questions dropped",
    "a socket had more than 112 open",
    "names or DNS(ms) may be missing",
)
ANSWERS_UNREAD = Message("{n} DNS answers not read", "they were malformed or truncated")
PROGRAMS_UNPROBED = Message(
    "{n} programs of this machine ended before their new C library could be probed",
    "",
    "their names come from DNS only",
)
NOT_WRITTEN = Message("{n} attempts not written to {output}", "it is too slow")
NOT_CHECKED = Message(
    "{n} attempts not checked for {output}", "that is too slow", FEWER
)
NOT_FOLLOWED = Message("{n} processes not followed", "more than {limit} were traced")
