"""Attempts folded into rows: none is lost, whatever comes, and memory is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from tcpconnect.history import spread as spreads
from tcpconnect.history import window as windows
from tcpconnect.history.rows import Key, Program, Row, Rows, merge
from tcpconnect.history.schema import DAY
from tcpconnect.history.spread import EVERYWHERE, OTHERS, Spread, network_of
from tcpconnect.history.window import Window
from tcpconnect.image import Image, Place
from tests.support.histories import NOON
from tests.support.samples import connection

NGINX = Program("nginx.service", "", "nginx.service", "", 33)
IMAGE = Image(exe="/usr/sbin/nginx", place=Place(unit="nginx.service"))


def event(**changes: Any) -> Any:
    """Return an attempt of nginx."""
    given = {"uid": 33, "result": "OK", "latency_ms": 1.5, "syns": 1} | changes
    made = connection(**given)
    made.image = changes.get("image", IMAGE)
    return made


def folded(*events: Any, spread: Spread | None = None) -> Rows:
    """Return the rows of events."""
    window = Window(spread or Spread())
    window.add(events, NOON)
    return window.take()


def test_attempts_of_a_key_are_a_row() -> None:
    """With sums of what each has; a missing latency is none."""
    rows = folded(
        event(daddr="192.0.2.1", query="a.example", dport=443, dns_ms=3.0),
        event(daddr="192.0.2.2", query="a.example", dport=443, latency_ms=4.0),
        event(daddr="192.0.2.2", query="a.example", dport=443, latency_ms=None),
        event(daddr="192.0.2.1", dport=443, result="ETIMEDOUT", why="no answer"),
    )
    assert rows == {
        Key(NGINX, "a.example", 443, "OK"): Row(
            attempts=3,
            latency_us=5500,
            latency_max_us=4000,
            latencies={10: 1, 11: 1},
            dns_us=3000,
            syns=3,
            query="a.example",
            address="192.0.2.2",
            first=NOON,
            last=NOON,
        ),
        Key(NGINX, "192.0.2.1", 443, "ETIMEDOUT", "no answer"): Row(
            attempts=1,
            latency_us=1500,
            latency_max_us=1500,
            latencies={10: 1},
            syns=1,
            address="192.0.2.1",
            first=NOON,
            last=NOON,
        ),
    }


def test_a_lookup_that_failed_has_its_name() -> None:
    """It has no address, and no port."""
    lost = {"daddr": None, "dport": None, "latency_ms": None}
    rows = folded(event(query="gone.example", result="NXDOMAIN", why="lookup", **lost))
    assert [*rows] == [Key(NGINX, "gone.example", 0, "NXDOMAIN", "lookup")]


def test_what_a_program_is_called() -> None:
    """By pod, container, unit, or what runs, with the script of an interpreter."""
    images = [
        Image(exe="/usr/bin/curl"),
        Image(exe="/usr/bin/python3.11", cmdline="python3 /opt/crawl.py --all"),
        Image(exe="/app", place=Place(container="web")),
        Image(exe="/app", place=Place(container="c1", pod="shop/cart-7")),
    ]
    rows = folded(*(event(image=image, uid=0) for image in images))
    assert {key.program.program for key in rows} == {
        *("curl", "crawl.py", "web", "shop/cart-7")
    }


def test_a_rollout_is_no_new_program() -> None:
    """Pods that one workload made are the same program; each keeps its own column."""
    pods = "shop/web-7d4b9c6f5-x2x4z", "shop/web-59fd66b8c4-k9vwt"
    places = [Place(pod=pod, workload="shop/web") for pod in pods]
    rows = folded(*(event(image=Image(exe="/app", place=place)) for place in places))
    assert {(key.program.program, key.program.pod) for key in rows} == {
        ("shop/web", pod) for pod in pods
    }


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is folded early counts as well."""
    monkeypatch.setattr(windows, "MAX_SEEN", 4)
    some = [event(daddr=f"192.0.2.{n % 10}") for n in range(100)]
    rows = folded(*some)
    assert sorted(row.attempts for row in rows.values()) == [10] * 10


def test_a_scan_is_folded_into_networks_then_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first destinations of a day stay what they are; no attempt is lost."""
    monkeypatch.setattr(spreads, "MOST", 3)
    spread = Spread()
    scan = [event(daddr=f"10.0.{n}.{m}") for n in range(9) for m in range(5)]
    rows = folded(*scan, spread=spread)
    destinations = {key.destination: row.attempts for key, row in rows.items()}
    assert destinations == {
        **dict.fromkeys(("10.0.0.0", "10.0.0.1", "10.0.0.2"), 1),
        "10.0.0.0/24": 2,
        "10.0.1.0/24": 5,
        "10.0.2.0/24": 5,
        "*": 30,
    }
    assert {row.query for row in rows.values()} == {""}
    assert folded(event(daddr="10.0.0.1"), spread=spread).keys() == {
        Key(NGINX, "10.0.0.1", 80, "OK")
    }
    spread.begin(NOON + DAY)
    assert folded(event(daddr="10.0.8.1"), spread=spread).keys() == {
        Key(NGINX, "10.0.8.1", 80, "OK")
    }


def test_programs_share_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine full of scanners takes bounded memory, and so do many programs."""
    monkeypatch.setattr(spreads, "MOST", 3)
    monkeypatch.setattr(spreads, "MOST_OF_ALL", 4)
    images = [Image(exe=f"/bin/p{n}") for n in range(5)]
    some = [event(daddr=f"10.{n}.0.1", image=images[n], uid=0) for n in range(5)]
    places = {(k.program.program, k.destination) for k in folded(*some)}
    assert places == {
        *(("p0", "10.0.0.1"), ("p1", "10.1.0.1"), ("p2", "10.2.0.1")),
        *(("*", "10.3.0.1"), ("*", "*")),
    }


def test_what_a_history_knows_of_today_counts() -> None:
    """A restart does not begin anew."""
    known = [(NGINX, (f"10.0.{n >> 8}.{n & 255}", 80)) for n in range(spreads.MOST)]
    spread = Spread(NOON // DAY, known)
    spread.begin(NOON)
    assert spread.of(NGINX, "10.0.0.7", 80, "10.0.0.7") == ("10.0.0.7", 80)
    assert spread.of(NGINX, "b.example", 80, "10.9.9.9") == ("10.9.9.0/24", 80)
    assert spread.of(NGINX, "gone.example", 80, "") == EVERYWHERE
    assert spread.program(NGINX) == NGINX
    assert OTHERS.program == "*"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.2.3.4", "10.2.3.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8::1", "2001:db8::/48"),
        ("::1", "::/48"),
        ("fe80::1", "fe80::/48"),
        ("1:2:3:4:5:6:7:8", "1:2:3::/48"),
        ("2001:0:0:1::", "2001::/48"),
        ("", ""),
    ],
)
def test_networks(address: str, network: str) -> None:
    """As people write them."""
    assert network_of(address) == network


def test_rows_of_two_windows_merge() -> None:
    """Counts are added; what is last is that of the later one."""
    one = folded(event(query="a.example", daddr="192.0.2.1"))
    merge(one, folded(event(query="a.example", daddr="192.0.2.2", latency_ms=9.0)))
    (row,) = one.values()
    assert (row.attempts, row.latency_max_us, row.address) == (2, 9000, "192.0.2.2")
    assert row.latencies == {10: 1, 13: 1}
