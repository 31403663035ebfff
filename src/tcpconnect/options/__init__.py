"""The table of options, for parser, Settings, help, man page and completions."""

from __future__ import annotations

from tcpconnect.options.counts import COUNTS
from tcpconnect.options.names import NAMES
from tcpconnect.options.option import Section
from tcpconnect.options.outcome import OUTCOME
from tcpconnect.options.run import RUN
from tcpconnect.options.show import SHOW
from tcpconnect.options.where import WHERE
from tcpconnect.options.whose import WHOSE

# By what one wants.
SECTIONS = (
    Section("Whose attempts", WHOSE),
    Section("From where, to where", WHERE),
    Section("How they end", OUTCOME),
    Section("Names of destinations", NAMES),
    Section("Counts", COUNTS),
    Section("What to show, and where", SHOW),
    Section("The run", RUN),
)
# Those of bcc's tool come first, in its order.
PAGE = "-h -t -p -P -U -u -c --cgroupmap --mntnsmap -d".split()
OPTIONS = tuple(
    sorted(
        (option for section in SECTIONS for option in section.options),
        key=lambda option: [*PAGE, option.flags[0]].index(option.flags[0]),
    )
)
