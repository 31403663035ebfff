"""What a report finds in a history."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from tcpconnect.alerts.alert import Alert, Notice
from tcpconnect.alerts.rows import add_alert
from tcpconnect.history.file import open_for_reading
from tcpconnect.history.rows import Program
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.report.findings import Bin, Findings, Gap, Pair
from tcpconnect.report.gather import Asked, gather
from tests.support.histories import NOON, attempts, history

if TYPE_CHECKING:
    from pathlib import Path

    from tcpconnect.history.rows import Windows

REFUSED: dict[str, Any] = {"result": "ECONNREFUSED", "why": "RST"}


def found(
    path: Path, *some: Windows, since: int = NOON - HOUR, **members: object
) -> Findings:
    """Return what is found in an hour of a history that is made for it."""
    file = history(path / "h.db", *some, **members)  # type: ignore[arg-type]
    with closing(open_for_reading(file)) as connection:
        return gather(connection, Asked(since, NOON + HOUR))


def failing(findings: Findings) -> tuple[int, int, int]:
    """Return when the one pair failed and did not."""
    (pair,) = findings.pairs
    return pair.failing_since, pair.last_failed, pair.last_ok


def test_pairs(tmp_path: Path) -> None:
    """A pair has all its rows, of all users and results."""
    findings = found(
        tmp_path,
        attempts("curl", "a.example", 443, count=3, latency_ms=2.0, dns_us=900),
        attempts(Program("curl", uid=5), "a.example", 443, count=2, latency_ms=5.0),
        attempts("curl", "a.example", 443, time=NOON + 60, **REFUSED),
        attempts("curl", "a.example", 80),
    )
    assert findings.pairs[0] == Pair(
        program="curl",
        destination="a.example",
        dport=443,
        attempts=6,
        failed=1,
        failures={"ECONNREFUSED RST": 1},
        last_ok=NOON,
        last_failed=NOON + 60,
        failing_since=NOON + 60,
        tcp_us=16_000,
        tcp_max_us=5_000,
        dns_us=900,
        first_seen=NOON,
        is_new=True,
    )
    assert (findings.attempts, findings.failed, len(findings.pairs)) == (7, 1, 2)
    assert findings.bins == {NOON: Bin(6), NOON + 60: Bin(1, 1)}
    assert (findings.host, findings.watched_from) == ("here", NOON - HOUR)


def test_since_when_it_fails(tmp_path: Path) -> None:
    """It fails since the first failure after the last minute without one."""
    times = {0: "OK", 1: "bad", 2: "OK", 3: "bad", 4: "bad"}
    rows = [
        attempts("a", "b", time=NOON + at * 60, **({} if how == "OK" else REFUSED))
        for at, how in times.items()
    ]
    rows.append(attempts("a", "b", time=NOON + 240))  # it half works
    findings = found(tmp_path, *rows)
    assert failing(findings) == (NOON + 180, NOON + 240, NOON + 240)


def test_it_works_again(tmp_path: Path) -> None:
    """What has not failed in its last minutes fails no more."""
    bad, good = attempts("a", "b", **REFUSED), attempts("a", "b", time=NOON + 60)
    assert failing(found(tmp_path, bad, good)) == (0, NOON, NOON + 60)


def test_it_never_worked(tmp_path: Path) -> None:
    """Without a success it fails since its first failure."""
    rows = (attempts("a", "b", time=NOON + at, **REFUSED) for at in (0, 60))
    assert failing(found(tmp_path, *rows)) == (NOON, NOON + 60, 0)


def test_new_is_what_no_user_has_reached(tmp_path: Path) -> None:
    """A pair is new when its program, whoever ran it, had never reached for it."""
    before: dict[str, Any] = {
        "time": NOON - 3 * DAY,
        "first": NOON - 3 * DAY,
        "last": NOON - 3 * DAY,
    }
    findings = found(
        tmp_path,
        attempts(Program("old", uid=1), "a", **before),
        attempts(Program("old", uid=2), "a"),
        attempts("new", "a"),
        runs=[(NOON - 4 * DAY, NOON + HOUR)],
    )
    assert {p.program: p.is_new for p in findings.pairs} == {"old": False, "new": True}


def test_coarse_rows(tmp_path: Path) -> None:
    """Rows of an hour count where they overlap, and bins are no finer."""
    findings = found(
        tmp_path,
        attempts("a", "b", span=HOUR, time=NOON, count=8),
        attempts("a", "b", span=HOUR, time=NOON - HOUR, count=4),
        attempts("a", "b", span=MINUTE, time=NOON - HOUR, count=16),
        since=NOON - 60,
    )
    assert findings.attempts == 12
    assert findings.step == HOUR
    assert findings.bins == {NOON - HOUR: Bin(4), NOON: Bin(8)}


def test_coverage(tmp_path: Path) -> None:
    """Gaps and losses are found, with their reasons in words."""
    findings = found(
        tmp_path,
        runs=[(NOON - HOUR, NOON - 600), (NOON, NOON + HOUR)],
        lost={(NOON - 900, "ring"): 5, (NOON, "waiting"): 2, (NOON, "later"): 1},
    )
    assert findings.gaps == [Gap(NOON - 600, NOON, "recorder stopped")]
    assert findings.lost == 7
    assert findings.losses == [
        "the ring buffer was full (5)",
        "the history could not be written (2)",
    ]
    assert findings.details == ["1 of later"]
    assert not findings.running


def test_names_of_a_file_that_others_made(tmp_path: Path) -> None:
    """What would change how a page reads is escaped."""
    findings = found(tmp_path, attempts("a\u202eb", "x\x1b[2J\u2066y", **REFUSED))
    (pair,) = findings.pairs
    assert pair.program == r"a\u202eb"
    assert pair.destination == r"x\x1b[2J\u2066y"


def test_alerts(tmp_path: Path) -> None:
    """A failure lasts from its first alert on, also an earlier one, until it works."""
    path = tmp_path / "h.db"
    history(path, attempts("a", "x.example"))
    for ago, kind, program, text in (
        (9000, "failing", "c", "c fails"),
        (8000, "solved", "c", "c works"),
        (7000, "new", "b", "too early"),
        (6000, "failing", "b", "b fails"),
        (5000, "failing", "b", "b is quiet"),
        (3000, "failing", "a", "a fails"),
        (2000, "solved", "a", "a works"),
        (1000, "failing", "a", "a fails again\x1b"),
    ):
        about = {"program": program, "destination": "x.example", "dport": 443}
        alert = Alert(kind=kind, time=NOON - ago, text=text, **about)  # type: ignore[arg-type]
        add_alert(str(path), Notice("id", alert))
    every = [
        ("b is quiet", NOON - 6000),
        ("a fails", 0),
        ("a works", 0),
        (r"a fails again\x1b", NOON - 1000),
    ]
    for condition, expected in (("", every), ("\n    AND 1 = 1", every[1:])):
        with closing(open_for_reading(str(path))) as connection:
            asked = Asked(NOON - HOUR, NOON + HOUR, condition=condition)
            found = gather(connection, asked)
        assert [(said.text, said.since) for said in found.alerts] == expected
