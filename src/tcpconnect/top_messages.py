"""The catalogue of what the verb top says."""

from __future__ import annotations

from tcpconnect.errors import Message

OF_TRACES = Message(
    "{name} was recorded", "{option} is for a trace", "omit it, or omit {name}"
)
NOTHING_PIPED = Message(
    "nothing to read",
    "stdin is a terminal",
    "pipe lines into it: ssh HOST tcpconnect -rdj | tcpconnect top -",
)
NOT_ONCE = Message(
    "{option} conflicts with --once",
    "a frame is plain text, without single attempts",
    "omit one of them",
)
QUIET_SCREEN = Message(
    "--quiet is for --once", "the screen prints no notices", "omit it"
)
NO_TEXTUAL = Message(
    "the live view needs Textual",
    "it is not installed",
    "install it: {installer} textual; or add --once",
)
NO_TERMINAL = Message(
    "no terminal for the live view", "{reason}", "add --once for one frame on stdout"
)
NO_TERMINAL_BY_SSH = Message(
    "no terminal for the live view",
    "{reason}",
    "ssh gives one with -t: ssh -t HOST tcpconnect top",
)
TRACER_KILLED = Message("the tracer was killed", "{signal}", "start it again")
SCREEN_KILLED = Message(
    "the screen was killed",
    "it ended without giving the terminal back, which the tracer has done",
    "start it again",
)
