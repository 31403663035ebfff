"""The catalogue of what is wrong with words of the command line."""

from __future__ import annotations

from tcpconnect.errors import Message

SEE_HELP_OF = "tcpconnect {verb} -h shows what it takes"
NOT_OF_VERB = "{verb} does not take it"
OF_VERBS = "it belongs to {verbs}"
NO_SOURCE_PORTS = "no option filters by source port"
NO_LOOKUPS = "addresses are never looked up"
VERB_FIRST = "write it first: tcpconnect {verb}"
REPLAY_FIRST = "make a history of it: tcpconnect replay {word} -rd -o sqlite:FILE.db"
COMMAND_AFTER = "a command stands after --"

UNKNOWN_OPTION = Message("unknown option {name}", "{reason}", "{remedy}")
NOT_TAKEN = Message("{verb} does not take {name}", "{reason}", "{remedy}")
UNEXPECTED_WORD = Message("unexpected argument {word!r}", "{reason}", "{remedy}")
NO_VALUE = Message("{option} takes no value", "", "{remedy}")
CANT_READ_OPTIONS = Message("can't read options from {path!r}", "{reason}")
