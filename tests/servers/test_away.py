"""Places that are away, are slow, or refuse: made = shown + lost + dropped, in each.

What a place has is what it says itself; attempts come from the tool as users run it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.support.disks import fill, small_disk
from tests.support.engines import NEEDS_POSTGRESQL, WITH_CLICKHOUSE
from tests.support.lines import Line
from tests.support.remote import (
    REFUSED,
    SECRETS,
    Collector,
    Engine,
    Had,
    serve_clickhouse,
    serve_collector,
    serve_postgresql,
)
from tests.support.sending import Sending
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MAX_SIZE = 4_000  # of a spool
# Spools 12 windows, of 480 attempts, for a place that is away, and is killed.
KILLED = """
import os, sys, time
from tcpconnect.outputs.remote import Remote
from tcpconnect.outputs.remote_places import place_of, spool_of
from tests.support.folding import attempt, batch

url, spool, max_size = sys.argv[1:]
place = place_of(url + "?events=all", create=False)
output = Remote(place, spool_of(place, spool, int(max_size)))
output.open()
now = time.time() // 60 * 60 - 720
for minute in range(12):
    names = [f"{os.urandom(8).hex()}.example" for _ in range(10)]
    events = [attempt(query=name, time=time.time_ns()) for name in names * 4]
    output.write(batch(events, now + 60 * minute))
output.write(batch([], now + 720))
os._exit(9)
"""

PLACES = [
    pytest.param(serve_collector, id="otlp"),
    pytest.param(
        serve_clickhouse,
        id="clickhouse",
        marks=pytest.mark.skipif(not WITH_CLICKHOUSE, reason="needs chdb-core-lite"),
    ),
    pytest.param(serve_postgresql, id="postgresql", marks=NEEDS_POSTGRESQL),
]


@pytest.fixture(scope="module", params=PLACES)
def started(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Return each place; it is started once."""
    with TemporaryDirectory() as folder, request.param(Path(folder)) as engine:
        yield engine


class Place:
    """A place behind a line, and a spool for it."""

    def __init__(self, engine: Engine, line: Line, spool: Path) -> None:
        self.had, self.refuse = engine.had, engine.refuse
        self.line, self.spool = line, spool
        self.url = engine.form.format(port=line.port)
        self.is_twice = isinstance(engine, Collector)  # it knows no tokens

    def sending(self, asked: str = "", *options: object) -> Sending:
        """Return the tool, which sends to it."""
        return Sending(self.url + asked, self.spool, *options)

    def blocks(self, kind: str = "windows") -> list[Path]:
        """Return what waits for it."""
        return sorted(self.spool.glob(f"*/*-{kind}-*"))

    def waits(self, kind: str = "windows") -> int:
        """Return how many attempts do."""
        return sum(int(path.name.split("-")[4]) for path in self.blocks(kind))


@pytest.fixture
def place(started: Engine, tmp_path: Path) -> Iterator[Place]:
    """Return a place that has nothing."""
    started.empty()
    with Line(started.port) as line:
        yield Place(started, line, tmp_path)


@pytest.mark.parametrize(("age_s", "is_sent"), [(86_000, True), (86_500, False)])
def test_outage(place: Place, age_s: int, *, is_sent: bool) -> None:
    """What waits is said, and survives a day; what is older is dropped, and counted."""
    place.line.cut()
    with place.sending() as first:
        first.give("a", "b", "b")
        first.end()
    assert "can't write to" in first.said
    assert first.waiting == place.waits() == first.made
    for path in place.blocks("*"):
        *name, time = path.name.split("-")
        path.rename(path.with_name("-".join([*name, str(int(time) - age_s)])))
    place.line.mend()
    with place.sending() as second:
        second.give("a")
        second.end()
    old = 0 if is_sent else first.made
    assert ("they waited for a day" in second.said) == (not is_sent)
    assert (second.waiting, second.dropped, place.waits()) == (0, old, 0)
    assert place.had() == (first.made + second.made - old, 0, old)


def test_return(place: Place) -> None:
    """What was made meanwhile is sent when the place is there again."""
    with place.sending("?events=all") as tool:
        tool.give("a", "b")
        tool.flush()
        sent = Had(tool.made, tool.made, 0)
        wait_until(lambda: place.had() == sent, "what was made before")
        wait_until(lambda: not place.blocks("*"), "its answers")  # else: sent twice
        place.line.cut()
        tool.give("a", "b", "b")
        tool.flush()
        wait_until(lambda: tool.has_said("can't write to"), "a try in vain")
        place.line.mend()
        tool.give("c")
        wait_until(lambda: not place.blocks("*"), "its return")
        tool.end()
    assert place.had() == (tool.made, tool.made, 0)
    assert "can be written to again" in tool.said
    assert (tool.waiting, tool.dropped) == (0, 0)


def test_slow(place: Place) -> None:
    """What is made while it does not answer waits, and is sent once."""
    place.line.stop()
    with place.sending() as tool:
        tool.give("a", "b")
        tool.flush()
        assert place.line.asked.wait(60)
        tool.give("a", "b")
        tool.flush()
        wait_until(lambda: place.waits() == tool.made, "blocks")
        place.line.flow()
        tool.end()
    assert place.had() == (tool.made, 0, 0)
    assert (tool.waiting, tool.dropped) == (0, 0)


def test_refused_rows(place: Place) -> None:
    """The block that has them is dropped, and counted; none behind it waits."""
    place.refuse(rows=True)
    with place.sending() as tool:
        tool.give("a", "a")
        tool.flush()
        tool.give(REFUSED, "b", "b")
        tool.flush()
        tool.give("c")
        tool.end()
    place.refuse(rows=False)
    had = place.had()
    assert (had.windows, tool.waiting, place.waits()) == (
        tool.made - tool.dropped,
        0,
        0,
    )
    assert tool.dropped >= 3
    assert had.lost in {0, tool.dropped}
    assert "refuses what it is sent" in tool.said


def test_killed(place: Place) -> None:
    """What waits is sent by the next start.

    What the place may have it gets again, and counts once where it can know it.
    """
    place.line.stop()
    with place.sending("?events=all") as first:
        first.give("a", "b")
        first.flush()
        wait_until(lambda: place.waits() == first.made, "blocks")
        assert place.line.asked.wait(60)
        first.kill()
    place.line.cut()
    place.line.flow()
    place.line.mend()
    before = place.had()
    with place.sending("?events=all") as second:
        second.give("a")
        second.end()
    made = first.made + second.made
    twice = before if place.is_twice else Had(0, 0, 0)
    assert place.had() == (made + twice.windows, made + twice.single, 0)
    assert not place.blocks("*")


@pytest.mark.root
def test_full_disk(started: Engine) -> None:
    """Windows wait in memory until there is room; attempts that do not are counted."""
    started.empty()
    with small_disk() as disk, Line(started.port) as line:
        place = Place(started, line, disk / "spool")
        fill(disk / "more")
        with place.sending("?events=all") as tool:
            tool.give("a", "b")
            tool.flush()
            wait_until(lambda: tool.has_said("can't write to the directory"), "that")
            assert place.had() == (0, 0, 0)
            (disk / "more").unlink()
            tool.give("a")
            tool.end()
    had = place.had()
    assert (had.windows, had.lost, tool.dropped) == (tool.made, 0, 0)
    assert had.single == tool.made - tool.dropped_singly


def test_full_spool(place: Place) -> None:
    """Single attempts go first, then windows: those are counted, also in a kill."""
    place.line.cut()
    argv = [sys.executable, "-c", KILLED, place.url, str(place.spool), str(MAX_SIZE)]
    ended = subprocess.run(argv, env=os.environ | SECRETS, check=False, cwd=ROOT)
    assert ended.returncode == 9
    assert sum(path.stat().st_size for path in place.blocks("*")) <= MAX_SIZE
    assert place.waits("single") == 0
    place.line.mend()
    with place.sending("?events=all") as tool:
        tool.give("a")
        tool.flush()
        wait_until(lambda: not place.blocks("*"), "its return")
        tool.end()
    windows, single, lost = place.had()
    assert windows + lost == 480 + tool.made
    assert lost > 0
    assert single == tool.made
