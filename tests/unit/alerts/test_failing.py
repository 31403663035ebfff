"""What fails, and when it is solved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.alerts import failing
from tcpconnect.alerts.engine import Engine
from tests.support.windows import HOUR_S, MINUTE_S, REFUSED, Watch, row

if TYPE_CHECKING:
    from tcpconnect.alerts.alert import Row

BAD = row(attempts=10, failed=5)
GOOD = row(attempts=11, failed=1)
BETWEEN = row(attempts=10, failed=2)


@pytest.fixture
def watch() -> Watch:
    """Return a watch of what fails."""
    return Watch(Engine({"failing"}))


def fails(watch: Watch) -> None:
    """Let a pair fail."""
    watch.minute(BAD)
    watch.minute(BAD)
    (alert,) = watch.minute()
    assert alert.kind == "failing"


def test_two_minutes(watch: Watch) -> None:
    """Ten attempts and half of them failed, in two minutes."""
    begin = watch.time
    assert watch.minute(BAD) == watch.minute(BAD) == []
    (alert,) = watch.window(BAD)
    assert alert.text == (
        f"web to db.example:5432 is failing: 10 of 20 attempts, {REFUSED}"
    )
    assert (alert.since, alert.time) == (begin, begin + MINUTE_S)
    assert watch.minute(BAD) == watch.minute(BAD) == []


@pytest.mark.parametrize(
    "rows", [(BAD, BETWEEN, BAD), (BAD, GOOD, BAD), (row(attempts=9, failed=9),) * 9]
)
def test_not_failing(watch: Watch, rows: tuple[Row, ...]) -> None:
    """One minute is not enough, nor are nine attempts."""
    for each in rows:
        watch.minute(each)
    watch.window()
    assert watch.alerts == []


def test_few_attempts_between_say_nothing(watch: Watch) -> None:
    """A minute with a few that fail, or with none, does not begin it anew."""
    for rows in ([BAD], [], [row(attempts=2, failed=2)], [BAD]):
        watch.minute(*rows)
    (alert,) = watch.window()
    assert alert.failed == 12


def test_solved(watch: Watch) -> None:
    """A minute in which less than a tenth fails, with traffic."""
    fails(watch)
    assert watch.minute(BETWEEN) == watch.minute(BETWEEN) == []
    watch.minute(GOOD)
    (alert,) = watch.window()
    assert (alert.kind, alert.text) == (
        "solved",
        "web to db.example:5432 works again: 15 of 51 attempts had failed",
    )
    assert list(watch.engine.failing.active()) == []
    assert watch.quiet(HOUR_S) == []


def test_one_attempt_that_works_solves_it(watch: Watch) -> None:
    """Traffic is traffic."""
    fails(watch)
    watch.minute(row())
    assert [alert.kind for alert in watch.window()] == ["solved"]


def test_no_traffic_keeps_the_state_and_says_so(watch: Watch) -> None:
    """Once; with attempts that fail it is failing as before, without a new alert."""
    fails(watch)
    (alert,) = watch.quiet(HOUR_S)
    assert (alert.kind, alert.quiet) == ("failing", True)
    assert alert.text == (
        "web to db.example:5432 has not been tried for a while: it was failing"
    )
    assert [alert.quiet for alert in watch.engine.failing.active()] == [True]
    assert watch.minute(BAD) == watch.minute(BAD) == []
    assert [alert.quiet for alert in watch.engine.failing.active()] == [False]


@pytest.mark.parametrize("gap", [HOUR_S, 7 * HOUR_S])
def test_a_gap_is_no_silence(watch: Watch, gap: int) -> None:
    """Nobody knows what was tried while nobody watched."""
    fails(watch)
    watch.gap(gap)
    assert watch.quiet(3 * MINUTE_S) == []
    assert watch.minute(BAD) == []
    (alert,) = watch.quiet(HOUR_S)
    assert alert.quiet


def test_it_may_fail_again(watch: Watch) -> None:
    """What was solved, and fails again, is another alert."""
    fails(watch)
    watch.minute(GOOD)
    fails(watch)
    assert [a.kind for a in watch.alerts] == ["failing", "solved", "failing"]


def test_the_commonest_result(watch: Watch) -> None:
    """Of several, the one that most have."""
    late = BAD._replace(result="ETIMEDOUT no answer", failed=6)
    watch.minute(BAD, late)
    watch.minute(BAD, late)
    (alert,) = watch.window()
    assert alert.result == "ETIMEDOUT no answer"


def test_a_clock_that_is_set_back(watch: Watch) -> None:
    """A moment of a minute before counts in this one; an hour begins a new one."""
    watch.minute(BAD)
    watch.time -= MINUTE_S
    watch.minute(BAD)
    assert watch.alerts == []
    watch.time -= HOUR_S
    watch.minute(BAD)
    (alert,) = watch.window()
    assert alert.kind == "failing"


def test_too_many_pairs(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is counted."""
    monkeypatch.setattr(failing, "MAX_PAIRS", 2)
    monkeypatch.setattr(failing, "MAX_FAILING", 1)
    rows = [row(destination=name, attempts=10, failed=9) for name in "abc"]
    watch.minute(*rows)
    watch.minute(*rows)
    assert [alert.destination for alert in watch.window()] == ["a"]
    assert watch.engine.failing.uncounted == 20
    assert watch.engine.failing.unfollowed == 2


def test_room_for_what_fails_now(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are not tried any more leave it, and those that failed once first."""
    monkeypatch.setattr(failing, "MAX_FAILING", 2)
    old, once, now = (
        row(destination=name, attempts=10, failed=9) for name in ("old", "once", "now")
    )
    for rows in ([old], [old], [once], [now], [now]):
        watch.minute(*rows)
    other = now._replace(destination="other")
    for rows in ([now, other], [now, other]):
        watch.minute(*rows)
    watch.window()
    assert [a.destination for a in watch.alerts] == ["old", "now", "other"]
    assert watch.engine.failing.unfollowed == 0
