"""The page of a report: what it says, what it lets nobody do, how large it is."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from tcpconnect.report.anonymize import anonymized
from tcpconnect.report.findings import Bin, Gap, Said
from tcpconnect.report.page import MOST_BYTES, page
from tests.support.pages import DAY, NOW, Read, findings, pair

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</title></style></svg></text>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#60;",
    "' onmouseover=alert(1) x='",
    "javascript:alert(1)",
)


def read(*pairs: object, **members: object) -> Read:
    """Return the page of some pairs."""
    return Read(page(findings(*pairs, **members)))  # type: ignore[arg-type]


def test_sections() -> None:
    """It has its parts in their order: what is missing first."""
    shown = read(
        pair(attempts=12, failed=12),
        pair("curl", "api.example", 443, 3, is_new=True, first_seen=NOW - 600),
        gaps=[Gap(NOW - 7200, NOW - 3600, "the recorder was stopped")],
        alerts=[said("curl connected to api.example:443 for the first time")],
        lost=5,
        losses=["the ring buffer was full (5)"],
        details=["3 names lost"],
    )
    assert list(shown.sections)[1:] == [
        "How complete this is",
        "Alerts",
        "What fails",
        "What is new",
        "What is slow",
        "Who connects where",
        "When",
        "All pairs",
    ]
    complete = shown.sections["How complete this is"]
    assert "Nobody was looking for 1 h (4 % of the time)" in complete
    assert "(1 h): the recorder was stopped" in complete
    assert (
        "5 attempts lost while it was looking. They are not here: the ring" in complete
    )
    assert "Some attempts are shown incompletely: 3 names lost" in complete


def test_what_fails() -> None:
    """A failing pair has how much of it fails, why, since when, and what was before."""
    shown = read(
        pair(
            attempts=30,
            failed=20,
            failures={"ETIMEDOUT no answer": 18, "ECONNREFUSED RST": 2},
            failing_since=NOW - 3600,
            last_ok=NOW - 3660,
        )
    ).sections["What fails"]
    assert "/usr/sbin/nginx db.example:5432 20 of 30 ETIMEDOUT no answer (18) " in shown
    time = r"Nov \d\d \d\d:\d\d"
    assert re.search(rf"RST \(2\) since {time} last success {time}$", shown)


def said(text: str, **members: object) -> Said:
    """Return what an alert has said about curl."""
    given = {
        "time": NOW - 600,
        "kind": "new",
        "program": "curl",
        "destination": "api.example",
        "dport": 443,
    }
    return Said(text=text, **{**given, **members})  # type: ignore[arg-type]


def test_alerts() -> None:
    """Failures that last come first, with since when; then the latest alerts."""
    shown = read(
        pair(),
        alerts=[
            said("curl is failing", kind="failing", time=NOW - 7200, since=NOW - DAY),
            said("web is failing", kind="failing", time=NOW - 3600),
            said("web works again", kind="solved", time=NOW - 1800),
            said("curl connected"),
        ],
    ).sections["Alerts"]
    time = r"Nov \d\d \d\d:\d\d"
    assert re.search(
        f"^When Kind Alert since {time} failing curl is failing {time} new curl "
        f"connected {time} solved web works again {time} failing web is failing$",
        shown,
    )
    assert "Alerts" not in read(pair()).sections


def test_many_alerts() -> None:
    """Of many there are the latest, and how many more there are."""
    alerts = [said(f"{'<' * 300}{n}", time=NOW - n) for n in range(1_000)]
    text = page(findings(*many_pairs(100, 4_096), alerts=alerts))  # type: ignore[arg-type]
    assert len(text.encode()) <= MOST_BYTES
    assert Read(text).sections["Alerts"].endswith("<<39 960 more alerts")


def test_what_works_again() -> None:
    """A pair that failed, and does not any more, says until when."""
    solved = pair(attempts=30, failed=20, last_failed=NOW - 3600, last_ok=NOW)
    solved.failing_since = 0
    shown = read(solved).sections["What fails"]
    assert re.search(r"until Nov \d\d \d\d:\d\d works again$", shown)


def test_what_is_slow() -> None:
    """Averages are those of attempts that succeeded: the name, the connection."""
    slow = pair(attempts=5, failed=1, dns_us=40_000, tcp_us=800_000, tcp_max_us=700_000)
    shown = read(pair("fast", tcp_us=100), slow).sections["What is slow"]
    assert "nginx db.example:5432 10 ms 200 ms 700 ms 5 fast" in shown


def test_what_is_new_needs_a_time_before() -> None:
    """Where nobody was looking before, it says what that means."""
    new = pair(is_new=True, first_seen=NOW - 600)
    assert "everything" not in read(new).sections["What is new"]
    young = read(new, watched_from=NOW - DAY).sections["What is new"]
    assert "Nobody was looking before this time: everything is new." in young
    older = read(new, watched_from=NOW - DAY - 7200).sections["What is new"]
    assert "Recording began only 2 h before this time" in older


def test_nothing() -> None:
    """A history without attempts gives a page that says so."""
    shown = read(gaps=[Gap(NOW - DAY, NOW, "not recorded")], running=False)
    assert "Nobody was looking for 1 d (100 %" in shown.text
    assert "No recorder runs now." in shown.text
    assert "No attempt of this time is in the history" in shown.text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    """Names of programs, destinations and hosts add no tag and no attribute."""
    plain = read(pair(failed=1, is_new=True), pair(tcp_us=5))
    shown = read(
        pair(name, name, failed=1, is_new=True, failures={name: 1}),
        pair(name, name, 1, tcp_us=5),
        host=name,
        filters=name,
        gaps=[],
        losses=[name],
        details=[name],
        alerts=[said(name, kind=name)],
        bins={NOW - 60: Bin(2, 1)},
    )
    assert shown.tags - plain.tags <= {"ul", "li", "code", "g"}
    assert shown.attributes.keys() - plain.attributes.keys() == set()
    assert name in shown.sections["Alerts"]
    assert name in shown.sections["What fails"]
    assert name in shown.sections["What is slow"]


def test_policy() -> None:
    """Nothing may be loaded or run; only the style of the page applies."""
    text = page(findings(pair()))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    shown = Read(text)
    assert shown.policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    assert shown.tags.isdisjoint({"script", "img", "link", "iframe", "a", "form"})
    assert shown.attributes.keys().isdisjoint({"src", "href", "style", "onload"})
    assert "http:" not in text


def many_pairs(count: int, length: int = 0) -> list[object]:
    """Return pairs of 90 programs; some fail, some are new, names may be long."""
    return [
        pair(
            f"/opt/services/unit-{n % 90}/bin/server{'<' * length}",
            f"host-{n * 7 % 400}.region-{n % 4}.example.com{'&' * length}",
            443 + n % 3,
            n + 1,
            failed=(n + 1) // (n % 5 + 1) if n % 3 == 0 else 0,
            is_new=n % 4 == 0,
            first_seen=NOW - n,
            tcp_us=n * 1000,
            dns_us=n * 100,
        )
        for n in range(count)
    ]


def test_a_thousand_pairs() -> None:
    """1,000 pairs of a day take 200 KB at most, and all of them are there."""
    bins = {at: Bin(900, 10) for at in range(NOW - DAY, NOW, 600)}
    text = page(findings(*many_pairs(1_000), bins=bins, step=600))  # type: ignore[arg-type]
    assert len(text.encode()) <= MOST_BYTES == 200_000
    assert text.count(".example.com:") >= 1_000
    assert "more pairs" not in Read(text).sections["All pairs"]


def test_long_names_and_many_pairs() -> None:
    """Whatever names are and how many: the page stays small, and says what it omits."""
    text = page(findings(*many_pairs(2_000, 4_096)))  # type: ignore[arg-type]
    assert len(text.encode()) <= MOST_BYTES
    left = re.search(r"([\d,]+) more pairs: ", Read(text).sections["All pairs"])
    assert left
    assert int(left[1].replace(",", "")) >= 1_500


def test_anonymized() -> None:
    """No name and no address is left; what was the same stays the same."""
    hidden = "hidden"
    text = page(
        anonymized(
            findings(
                pair(f"/opt/{hidden}", f"{hidden}.example", 443, 12, failed=12),
                pair(f"/opt/{hidden}", "10.9.8.7", 5432),
                pair(hidden, "10.9.8.0/24", 80),
                pair(hidden, "fd00::9", 81),
                pair(hidden, "*", 0),
                host=hidden,
                alerts=[
                    said(hidden, program=hidden, destination=f"{hidden}.example"),
                    said(f"{hidden} and 9 more", program="", destination="*"),
                ],
                filters=f"--program {hidden}",
            )
        )
    )
    assert hidden not in text
    assert not re.search(r"10\.9\.8|fd00", text)
    alerts = Read(text).sections["Alerts"]
    assert "program-2 to name-1:443" in alerts
    assert "several destinations were new" in alerts
    every = Read(text).sections["All pairs"]
    for word in ("program-1", "name-1:443", "address-1:5432", "program-2", "*"):
        assert word in every
    assert "network-1:80" in every
    assert "address-2:81" in every
    assert "program-1 name-1:443 12 of 12 ECONNREFUSED" in Read(text).text
