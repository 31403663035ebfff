"""The filters of a trace, on what was recorded."""

from __future__ import annotations

from typing import Any

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.options import FILTERS
from tcpconnect.parsing import parse
from tcpconnect.recorded_filters import (
    ANSWERED,
    REFUSED,
    RecordedFilters,
    is_container,
    within,
)
from tcpconnect.settings import Settings
from tests.support.samples import connection

LOOKUP = {"event": "lookup", "ip": None, "saddr": None, "daddr": None, "dport": None}
MANY: list[dict[str, Any]] = [
    {},  # curl, PID 1469, user 1000, 10.201.219.236 -> 54.245.105.25:80
    {"pid": 7, "uid": 0, "comm": "a\\x1bb", "daddr": "10.1.2.3", "dport": 443},
    {"ip": 6, "saddr": "fd00::1", "daddr": "2001:db8::9", "dport": 8080},
    {"ip": None, "saddr": None, "daddr": "2001:db8::a", "dport": 80},
    {"daddr": "10.9.9.9", "dport": 81, "asked": "192.0.2.1", "asked_port": 80},
    {"pid": None, "comm": None, "result": "OK", "latency_ms": 1.5, "netns": 4026532999},
    {"result": "ECONNREFUSED", "latency_ms": 0.003, "unit": "nginx.service"},
    {"result": "PENDING", "latency_ms": 900.0, "query": "db.corp.example"},
    {**LOOKUP, "result": "NXDOMAIN", "dns_ms": 12.0, "query": "no.example"},
    {"container": "web", "container_id": "0123456789ab" + "c" * 52, "pod": "shop/web"},
]


def passed(line: str) -> str:
    """Return the indexes of the events that pass these options."""
    events = [connection(**{"tid": n, **each}) for n, each in enumerate(MANY)]
    filters = RecordedFilters(Settings(**parse(line.split()).changes))
    return "".join(str(event.tid) for event in filters(events))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "0123456789"),
        ("-p 7", "1"),
        ("-p 7,1469", "012346789"),
        ("-u 0", "1"),
        ("--comm curl", "02346789"),
        ("--comm a\x1bb", "1"),
        ("--not-comm curl", "15"),
        ("--netns 4026532999", "5"),
        ("-P 80", "03456789"),
        ("-P 443,8080", "128"),
        ("-P 80 --not-port 80", "8"),
        ("--not-port 80", "128"),
        ("--to 10.0.0.0/8", "148"),
        ("--to 192.0.2.1", "48"),
        ("--not-to 192.0.2.0/24,54.0.0.0/8", "1238"),
        ("--to 2001:db8::/64", "238"),
        ("--to ::/0", "238"),
        ("--from 10.0.0.0/8", "01456789"),
        ("--from fd00::/8", "28"),
        ("--from ::", "38"),
        ("-4", "01456789"),
        ("-6", "238"),
        ("--failed", "678"),
        ("--slower 1.5", "578"),
        ("--slower 3us", "5678"),
        ("--result OK,PENDING", "57"),
        ("--result nxdomain --slower 12", "8"),
        ("--to-name *.example", "78"),
        ("--unit nginx", "6"),
        ("--pod web", "9"),
        ("--container web", "9"),
        ("--container 0123", "9"),
        ("--container 012", ""),
        ("--not-container 0123456789ab", "012345678"),
        ("--failed --to 0.0.0.0/0 -P 80 --comm curl", "678"),
    ],
)
def test_passes(line: str, expected: str) -> None:
    """They pass what the kernel passes; addresses and ports, failed lookups, too."""
    assert passed(line) == expected


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pids": [1], "follow": True}, "by -f: who began whom was not recorded; omit"),
        (
            {"cgroups": ["a"]},
            "by --cgroup: it is about what runs now; --columns cgroup",
        ),
        ({"cgroupmap": "/a"}, "by --cgroupmap: it is about what runs now; "),
        ({"mntnsmap": "/a"}, "by --mntnsmap: it is about what runs now; "),
        (
            {"netns": ["/run/netns/blue"]},
            "by the name of a network namespace, or a PID",
        ),
    ],
)
def test_refused(settings: dict[str, Any], said: str) -> None:
    """What no recording answers is refused, with what does."""
    with pytest.raises(UsageError) as refused:
        RecordedFilters(Settings(**settings))
    assert refused.value.line.startswith(f"a recording can't be filtered {said}")


def test_all_have_an_answer() -> None:
    """A recording is filtered by all that a trace is, or what can't be says why."""
    assert {option.member for option in FILTERS} - ANSWERED - {*REFUSED} == set()


@pytest.mark.parametrize("address", ["", "x", "10.0.0", "10.0.0.1 ", "::g", "\0", None])
def test_what_is_no_address(address: str | None) -> None:
    """Anyone may have made a recording: what is no address is in no network."""
    inside = within(Settings(to=["0.0.0.0/0", "::/0"]).to)
    assert not inside(address)


def test_networks() -> None:
    """Each end of a network is inside, its neighbours are not."""
    inside = within(Settings(to=["10.0.0.4/30", "fd00::8/125"]).to)
    addresses = "10.0.0.3 10.0.0.4 10.0.0.7 10.0.0.8 fd00::7 fd00::8 fd00::f fd00::10"
    assert [inside(each) for each in addresses.split()] == [
        False,
        True,
        True,
        False,
    ] * 2


def test_containers() -> None:
    """By name, ID, or a prefix of the ID, of four characters at least."""
    inside = is_container({"web", "abcd", "abc"})
    assert inside("web", None)
    assert inside("other", "abcdef")
    assert not inside("other", "abc0")
    assert not inside(None, None)
