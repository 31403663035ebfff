"""Options that choose attempts by their addresses and ports."""

from __future__ import annotations

from tcpconnect.arguments import NETWORKS, PORTS
from tcpconnect.options.option import Option

WHERE = (
    Option(
        ("-P", "--port"),
        "ports",
        "comma-separated list of destination ports to trace. Also 8000-8100, https",
        PORTS,
        repeats=True,
    ),
    Option(
        ("--not-port",),
        "not_ports",
        "exclude destination ports in this list",
        PORTS,
        repeats=True,
    ),
    Option(
        ("--to",),
        "to",
        "trace this destination network or address only, or a comma-separated list",
        NETWORKS,
        repeats=True,
    ),
    Option(
        ("--not-to",),
        "not_to",
        "exclude destinations in these networks",
        NETWORKS,
        repeats=True,
    ),
    Option(
        ("--from",),
        "from_",
        "trace this source network or address only, or a comma-separated list",
        NETWORKS,
        repeats=True,
    ),
    Option(("-4", "--ipv4"), "ip", "trace IPv4 only", const=4, group="ip"),
    Option(("-6", "--ipv6"), "ip", "trace IPv6 only", const=6, group="ip"),
)
