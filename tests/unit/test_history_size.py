"""How large a history becomes, and what goes for it; with a clock of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.history.coverage import coverage
from tcpconnect.history.keep import Keep
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.history.steps import MOST, fold
from tcpconnect.history.store import Run, Store
from tcpconnect.history.terms import Terms
from tests.support.histories import NOON, attempts, joined, new_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.history.rows import Windows

MIDNIGHT = NOON - 12 * HOUR
LEAST = Terms(max_size=1 << 20)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return an empty store, with which all is done at once."""
    monkeypatch.setattr("tcpconnect.history.keep.BUSY_S", 60.0)
    store = new_store(tmp_path / "h.db", Run(started=MIDNIGHT))
    yield store
    store.close(MIDNIGHT)


def size_of(store: Store) -> int:
    """Return how many bytes the file and its log have."""
    path = Path(store.path)
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")))


def ask(store: Store, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement finds."""
    return store.connection.execute(statement).fetchall()


def kept(store: Store) -> int:
    """Return how many attempts it has."""
    return int(ask(store, "SELECT coalesce(sum(attempts), 0) FROM windows")[0][0])


def lost(store: Store) -> dict[str, int]:
    """Return what is lost, of all times."""
    return coverage(store.connection, 0, MIDNIGHT + 1000 * DAY).missing


def pairs_of(number: int, time: int, step: int = 1) -> Windows:
    """Return an attempt of each of so many pairs, from a time on."""
    return joined(
        attempts(f"p{n % 7}", f"{time}-{n}.example", time=time + n * step)
        for n in range(number)
    )


def test_the_finest_and_oldest_go_first(store: Store) -> None:
    """Until it is small; the newest stay, and what went is counted."""
    for day in range(4):
        begin = MIDNIGHT + day * DAY
        store.add(pairs_of(2000, begin), {}, begin + DAY)
    assert size_of(store) > LEAST.max_size
    assert Keep(LEAST).work(store, MIDNIGHT + 4 * DAY) is True
    assert size_of(store) <= LEAST.max_size
    assert ask(store, "SELECT DISTINCT span FROM windows") == [(DAY,)]
    assert kept(store) > 1500
    assert lost(store) == {"size": 8_000 - kept(store)}
    ((oldest, newest),) = ask(
        store, "SELECT min(time), max(last_seen) FROM pairs, windows"
    )
    assert newest >= MIDNIGHT + 3 * DAY
    # An answer about what is there rests on nothing that is gone.
    assert coverage(store.connection, oldest + DAY, MIDNIGHT + 4 * DAY)
    named = "SELECT count(*) FROM {0} WHERE {1} NOT IN (SELECT {1} FROM pairs)"
    for names in (("programs", "program_id"), ("destinations", "destination_id")):
        assert ask(store, named.format(*names)) == [(0,)]


def test_one_day_alone_is_too_large(store: Store) -> None:
    """It becomes coarser, then its first rows go; this run, and what is new, stay."""
    keep = Keep(LEAST)
    total = 0
    for minute in range(12):
        time = MIDNIGHT + minute * MINUTE
        store.add(pairs_of(1000, time, 0), {}, time)
        total += 1000
        keep.work(store, time)
        keep.make_room(store)
        assert size_of(store) <= LEAST.max_size
        assert kept(store) > 1000 or total < 2000
        assert kept(store) + lost(store).get("size", 0) == total
    assert ask(store, "SELECT started, ended FROM runs") == [(MIDNIGHT, 0)]
    found = coverage(store.connection, MIDNIGHT + 60, MIDNIGHT + 600)
    assert found.lost == lost(store)
    assert not found.gaps
    # Pairs have a row, or they are gone.
    used = "SELECT program_id, destination_id FROM windows"
    unused = f"SELECT * FROM pairs WHERE (program_id, destination_id) NOT IN ({used})"  # noqa: S608
    assert ask(store, unused) == []


def test_past_days_are_not_given_for_one(store: Store) -> None:
    """What comes in masses today goes before it takes the place of all others."""
    for day in range(30):
        begin = MIDNIGHT + day * DAY
        store.add(pairs_of(20, begin), {}, begin + DAY)
    keep, today = Keep(LEAST), MIDNIGHT + 30 * DAY
    for minute in range(10):
        store.add(attempts_by_minute(200, today + minute * MINUTE), {}, today)
        keep.work(store, today + minute * MINUTE)
        keep.make_room(store)
    assert size_of(store) <= LEAST.max_size
    assert ask(store, "SELECT count(DISTINCT time) > 30 FROM windows") == [(1,)]
    assert lost(store) == {}


def attempts_by_minute(pairs: int, time: int) -> Windows:
    """Return attempts of pairs that are the same at each time, with many outcomes."""
    return joined(
        attempts("q", f"{n}.example", time=time, why=f"{time}") for n in range(pairs)
    )


def test_nothing_is_left_to_drop(store: Store) -> None:
    """It ends, even where the tables alone are larger; what comes is counted."""
    keep = Keep(Terms(max_size=1))
    assert keep.work(store, NOON) is True
    store.add(attempts("p", "a.example"), {}, NOON)
    assert keep.work(store, NOON) is True
    assert (kept(store), lost(store)) == (0, {"size": 1})
    assert ask(store, "SELECT * FROM pairs") == []
    assert ask(store, "SELECT ended FROM runs") == [(0,)]


def test_losses_do_not_take_the_place(store: Store) -> None:
    """They are counted by the day, in a full file; answers about that day have them."""
    losses = {(MIDNIGHT + n * MINUTE, f"reason{n % 9}"): 1 for n in range(60_000)}
    store.add(attempts("p", "a.example", time=MIDNIGHT), losses, MIDNIGHT + 50 * DAY)
    assert size_of(store) > LEAST.max_size
    assert Keep(LEAST).work(store, MIDNIGHT + 50 * DAY) is True
    assert size_of(store) <= LEAST.max_size
    assert kept(store) == 1
    assert ask(store, "SELECT sum(lost) FROM losses") == [(60_000,)]
    that_day = MIDNIGHT + 3 * DAY + HOUR, MIDNIGHT + 3 * DAY + 2 * HOUR
    assert sum(coverage(store.connection, *that_day).lost.values()) == 1440


def test_a_step_is_small(store: Store) -> None:
    """However many rows there are to fold; in between nothing is lost."""
    store.add(pairs_of(3 * MOST, MIDNIGHT, 0), {}, MIDNIGHT)
    steps, changes = 0, store.connection.total_changes
    while fold(store, NOON, HOUR):
        assert 0 < store.connection.total_changes - changes <= 2 * MOST
        assert kept(store) == 3 * MOST
        steps, changes = steps + 1, store.connection.total_changes
    assert steps == 3
    assert ask(store, "SELECT DISTINCT span FROM windows") == [(HOUR,)]


def test_a_call_does_not_take_long(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one does not get done, the next ones do."""
    monkeypatch.setattr("tcpconnect.history.keep.BUSY_S", 0.0)
    monkeypatch.setattr("tcpconnect.history.steps.MOST", 512)
    for day in range(4):
        begin = MIDNIGHT + day * DAY
        store.add(pairs_of(2000, begin), {}, begin + DAY)
    keep, calls, now = Keep(LEAST), 0, MIDNIGHT + 4 * DAY
    while keep.work(store, now):
        calls += 1
        assert kept(store) + lost(store).get("size", 0) == 8_000
    assert calls > 4
    keep.make_room(store)
    assert size_of(store) <= LEAST.max_size
