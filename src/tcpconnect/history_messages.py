"""The messages of the verb history."""

from __future__ import annotations

from tcpconnect.errors import Message

NOT_OF_HISTORY = Message("history takes no {option}", "{reason}", "{remedy}")
OTHER_DATABASE = Message(
    "can't read a history in {scheme}://",
    "a report reads files, history also clickhouse:// and postgresql://",
    "name a file: --db FILE",
)
NOT_OF_FLEET = Message(
    "{option} needs a file of SQLite",
    "{place!r} is a server",
    "{remedy}",
)
TOO_SLOW = Message(
    "{place!r} had no answer within {limit}",
    "that is the limit of a question",
    "ask for less: a later --since, or --program NAME",
)
FLEET_ONLY = Message(
    "can't group by 'host'", "a file has the attempts of one host", "omit it"
)
FLEET_GAPS = Message("{n} of {all} did not watch all the time", "{hosts}")
NO_FILE_OF_DB = Message("--db names no file", "", "name one: --db FILE")
ONE_QUESTION = Message(
    "{one} conflicts with {other}", "each is a question of its own", "omit one of them"
)
NOT_WITH = Message("{option} conflicts with {question}", "{reason}", "omit one of them")
NO_STATUS_AS = Message(
    "--status conflicts with --format {format}",
    "it is no table",
    "write -j, or omit it",
)
NO_GROUP = Message("can't group by {name!r}", "a history counts by {known}", "{near}")
GROUP_TWICE = Message("{name!r} is twice in --by", "", "omit one")
COLUMN_OF_GROUP = Message(
    "there is no column {name!r}",
    "attempts are counted by {by}",
    "add it to --by",
)
INVALID_MOMENT = Message(
    "invalid time {value!r}",
    "expected for example -2h, 22:00, 'yesterday 22:00', 2026-11-27 or now",
)
ENDS_BEFORE = Message(
    "--since is not before --until", "{since}, and {until}", "name an earlier --since"
)
NOTHING = Message("no {what} {span}", "{reason}", "{remedy}")
NOBODY_LOOKED = Message("nobody was looking for {away} in all", "{gaps}", "{remedy}")
MISSED = Message("{n} attempts were lost", "{reasons}")
INCOMPLETE = Message("some attempts are shown incompletely", "{losses}")
COARSE = Message(
    "attempts since {begin} are counted", "the history has only its whole {span} left"
)
LOOKED_LATE = Message(
    "what ran before {since} may look new",
    "nobody was looking {missing}",
)
FORGOT = Message("forgot {name!r}", "{n} deleted")
NOTHING_TO_FORGET = Message(
    "the history has neither a program nor a destination {name!r}", "", "{near}"
)
CANT_CHANGE = Message("can't change the history {path!r}", "{reason}", "{remedy}")
ACCEPTED = Message("accepted {n}", "", "no alert will report them as new")
ACCEPT_WITHOUT_NEW = Message(
    "--accept needs --new", "it accepts what that shows", "add --new"
)
ACCEPT_PAIRS = Message(
    "--accept needs program, destination and dport",
    "alerts are about these",
    "omit --by",
)
