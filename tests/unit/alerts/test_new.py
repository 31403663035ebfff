"""What is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.alerts import learning
from tcpconnect.alerts.engine import Engine
from tcpconnect.alerts.hourly import LIMIT
from tests.support.windows import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    WINDOW_S,
    Watch,
    row,
    steady,
)

if TYPE_CHECKING:
    import pytest


def learnt(learn_s: int = MINUTE_S) -> Watch:
    """Return a watch that has learnt a program with one pair."""
    watch = Watch(Engine({"new"}, learn_s))
    watch.window(row())
    watch.quiet(learn_s)
    assert watch.alerts == []
    return watch


def test_a_new_pair_is_reported_once() -> None:
    """All of its rows in a window are one alert; later ones are none."""
    watch = learnt()
    refused = row("web", "evil.example", 443, attempts=1, failed=1)
    (alert,) = watch.window(row(), refused, row("web", "evil.example", 443, attempts=3))
    assert (alert.kind, alert.attempts, alert.failed) == ("new", 4, 1)
    assert alert.text == "web connected to evil.example:443 for the first time"
    assert watch.window(refused) == []


def test_a_new_pair_that_failed() -> None:
    """The sentence says so."""
    (alert,) = learnt().window(row("web", "2001:db8::1", 22, attempts=1, failed=1))
    assert alert.text == (
        "web connected to [2001:db8::1]:22 for the first time, "
        "and failed: ECONNREFUSED RST"
    )


def test_another_port_is_new() -> None:
    """A pair has a port."""
    assert learnt().window(row(dport=22))


def test_names_that_differ_in_digits_are_one() -> None:
    """A shard more is nothing new."""
    watch = learnt()
    assert watch.window(row("web", "shard-9f3c", 6379))
    assert watch.window(row("web", "shard-0a1b", 6379)) == []


def test_words_that_may_be_hex() -> None:
    """They are hex where the other names have hex in their place, else words."""
    watch = learnt()
    for name in ("shard-9f3c.x", "db-face.x", "db-cafe.x", "cafe.x"):
        assert watch.window(row("web", name, 6379)), name
    for name in ("shard-cafe.x", "shard-ea0.x", "shard-ab12.x"):
        assert watch.window(row("web", name, 6379)) == [], name
    assert watch.window(row("web", "shard-cafes.x", 6379))
    assert watch.window(row("web", "shard-cafe.x", 6380))


def test_lookups_that_failed_are_not_new() -> None:
    """Nothing was reached, or tried."""
    assert learnt().window(row("web", "typo.example", 0, attempts=1, failed=1)) == []


def test_each_program_is_learnt_by_itself() -> None:
    """A program that starts on the second day is learnt from then on."""
    watch = learnt(DAY_S)
    assert watch.window(row("batch", "a.example", 1)) == []
    watch.quiet(DAY_S - 2 * WINDOW_S)
    assert watch.window(row("batch", "b.example", 1)) == []
    assert watch.window(row("batch", "c.example", 1))


def test_gaps_teach_nothing() -> None:
    """A day in which nobody watched is no day of learning."""
    watch = Watch(Engine({"new"}, DAY_S))
    watch.window(row())
    watch.gap(10 * DAY_S)
    assert watch.window(row("web", "a.example")) == []
    watch.quiet(DAY_S)
    assert watch.window(row("web", "b.example"))


def test_a_clock_that_is_set_changes_nothing() -> None:
    """What was learnt stays learnt, and an hour has passed when it was watched."""
    watch = learnt()
    watch.time -= 400 * DAY_S
    assert watch.window(row()) == []
    watch.time += 800 * DAY_S
    assert watch.window(row()) == []
    assert watch.window(row("web", "a.example"))


def test_many_in_an_hour_become_a_summary() -> None:
    """The first twenty are reported, then one line says how many more there were."""
    watch = learnt()
    for number in range(LIMIT + 7):
        watch.window(row("web", f"{chr(97 + number)}.example".replace("{", "zz"), 443))
    assert len(watch.alerts) == LIMIT
    (summary,) = watch.quiet(HOUR_S)
    assert (summary.destination, summary.more, len(summary.examples)) == ("*", 7, 7)
    assert summary.text.startswith("7 more new destinations within an hour: web to u.")
    assert watch.quiet(2 * HOUR_S) == []
    assert watch.window(row("web", "later.example"))


def test_pairs_are_forgotten() -> None:
    """What was not seen for 90 days is new again; what was seen is not."""
    watch = learnt()
    watch.window(row("web", "seldom.example"))
    for _ in range(92):
        watch.window(row())
        watch.engine.feed(watch.time, DAY_S, [])
    assert watch.window(row("web", "seldom.example"))
    assert watch.window(row()) == []


def test_accepted_pairs_are_not_new() -> None:
    """Whether their shape or their name was accepted."""
    watch = learnt()
    watch.engine.accept([("web", "shard-1", 443)], learnt=False)
    assert watch.window(row("web", "shard-2", 443)) == []


def test_programs_of_a_baseline_are_learnt() -> None:
    """What they do beyond it is new from the first window on."""
    watch = Watch(Engine({"new"}))
    watch.engine.accept([("web", "db.example", 5432)], learnt=True)
    assert watch.window(row()) == []
    assert watch.window(row("web", "a.example"))


def test_a_program_with_too_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crawler takes no more memory than others; what it does beyond is counted."""
    monkeypatch.setattr(learning, "MAX_OF_PROGRAM", 4)
    watch = learnt()
    for name in "abcdefgh":
        watch.window(row("web", f"{name}.example"))
    assert len(watch.alerts) == 3
    assert watch.engine.learning.unwatched == 5


def test_too_many_pairs_and_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were not seen for longest go, and are counted."""
    monkeypatch.setattr(learning, "MAX_PAIRS", 8)
    monkeypatch.setattr(learning, "MAX_PROGRAMS", 8)
    watch = Watch(Engine({"new"}))
    for number in range(100):
        watch.window(row(f"{chr(97 + number % 26)}{chr(97 + number // 26)}x", "a"))
    known = watch.engine.learning
    assert (len(known.pairs), len(known.programs)) <= (8, 8)
    assert sum(p.pairs for p in known.programs.values()) == len(known.pairs)
    assert known.evicted > 80


def test_a_flood_of_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs one under many names makes none forgotten that was learnt."""
    monkeypatch.setattr(learning, "MAX_PAIRS", 64)
    monkeypatch.setattr(learning, "MAX_PROGRAMS", 32)
    watch = learnt(HOUR_S)
    names = [f"{a}{b}x" for a in "ghijklmnop" for b in "ghijklmnop"]
    for name in names:
        watch.window(*(row(name, place) for place in "abc"))
    assert watch.alerts == []
    (alert,) = watch.window(row(), row("web", "evil.example", 443))
    assert alert.destination == "evil.example"


def test_a_steady_week() -> None:
    """Nothing is reported in its second half; each pair put into it is, once."""
    watch = Watch(Engine({"new", "failing"}))
    put_in = {
        watch.time + 4 * DAY_S + 1_230: row("web", "exfil.example", 443),
        watch.time + 5 * DAY_S: row("backup", "203.0.113.9", 4444),
        watch.time + 6 * DAY_S + 3 * HOUR_S: row("monitor", "db.example", 5432),
    }
    end = watch.time + 7 * DAY_S
    while watch.time < end:
        again = [
            each
            for time, each in put_in.items()
            if watch.time >= time and (watch.time - time) % HOUR_S == 0
        ]
        watch.window(*steady(watch.time), *again)
    assert [(a.time, a.program, a.destination) for a in watch.alerts] == [
        (time, each.program, each.destination) for time, each in put_in.items()
    ]
