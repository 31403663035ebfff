"""The messages of the verb report."""

from __future__ import annotations

from tcpconnect.errors import Message

NO_JINJA = Message(
    "a report needs Jinja2",
    "it is not installed",
    "install it: {installer} jinja2",
)
NO_FILE_NAMED = Message(
    "a report is a page of HTML",
    "stdout is a terminal",
    "name a file: -o report.html",
)
OVER_HISTORY = Message("-o {path!r} is the history itself", "", "name another file")
NO_ATTEMPTS = Message(
    "the report is empty", "the history has no such attempt, {span}", "{remedy}"
)
WROTE = Message("wrote {path!r}", "{what}")
