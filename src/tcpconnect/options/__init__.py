"""The table of options, for parser, Settings, help, man page and completions."""

from __future__ import annotations

from tcpconnect.options.counts import COUNTS
from tcpconnect.options.metrics import METRICS
from tcpconnect.options.names import NAMES
from tcpconnect.options.option import Section
from tcpconnect.options.outcome import OUTCOME
from tcpconnect.options.run import RUN
from tcpconnect.options.show import SHOW
from tcpconnect.options.where import WHERE
from tcpconnect.options.whose import WHOSE

COMMAND = (
    "-- COMMAND [ARGUMENT ...]",
    "start this command when all is attached, and trace it and all its descendants",
)
FILE = ("@FILE", "take options from FILE: words as in a shell; # begins a comment")

NO_FILTERS = {"follow", "result", "why"} | {
    *("dns", "dns_latency", "name_sources", "max_names", "names_ttl_s"),
}

# By what one wants.
SECTIONS = (
    Section("whose", "Whose attempts", WHOSE, (COMMAND,)),
    Section("where", "From where, to where", WHERE),
    Section("outcome", "How they end", OUTCOME),
    Section("names", "Names of destinations", NAMES),
    Section("counts", "Counts", COUNTS),
    Section("output", "What to show, and where", (*SHOW, *METRICS)),
    Section("run", "The run", RUN, (FILE,)),
)
OPTIONS = tuple(option for section in SECTIONS for option in section.options)
# Those that decide which attempts are shown: not what is traced or shown of them.
FILTERS = tuple(
    option
    for option in (*WHOSE, *WHERE, *OUTCOME, *NAMES)
    if option.member not in NO_FILTERS
)
