"""Options about the names of destinations."""

from __future__ import annotations

from tcpconnect.arguments import (
    HOSTS,
    MAX_NAMES,
    NAMES_TTL_S,
    NUMBER,
    SOURCES,
    TIME,
)
from tcpconnect.options.option import Option

NAMES = (
    Option(
        ("-d", "--dns"),
        "dns",
        "include likely DNS query associated with each connect",
    ),
    Option(
        ("--dns-latency",),
        "dns_latency",
        "include DNS(ms), how long the program waited for the name; implies -d and -r",
    ),
    Option(
        ("--to-name",),
        "to_names",
        "only destinations of this name, as QUERY has it: '*.corp.example'; "
        "comma-separated",
        HOSTS,
        repeats=True,
    ),
    Option(
        ("--names",),
        "name_sources",
        "with -d: the sources of names: dns (answers from port 53), libc "
        "(getaddrinfo), or both (default)",
        SOURCES,
    ),
    Option(
        ("--max-names",),
        "max_names",
        "with -d: store the names of N addresses, 4,800 bytes each on average "
        f"(default {MAX_NAMES})",
        NUMBER,
    ),
    Option(
        ("--names-ttl",),
        "names_ttl_s",
        f"with -d: names expire after TIME (in s, or 12h; default {NAMES_TTL_S:.0f})",
        TIME,
    ),
)
