"""What it takes to make an attempt, or a row of a window, ready for a remote place."""

from __future__ import annotations

import time
from functools import partial
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.replay import some_event
from tcpconnect.history.spread import Spread
from tcpconnect.history.window import Window
from tcpconnect.remote.clickhouse import ClickHouse
from tcpconnect.remote.otlp import Otlp
from tcpconnect.remote.postgresql import PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.remote.place import RemotePlace
    from tcpconnect.remote.spool import Packed

EVENTS, ROWS = 5_000, 2_000  # of a block
MINUTE = 28_333_333 * 60
TARGET_US = 8
KINDS = {"otlp+http": Otlp, "clickhouse": ClickHouse, "postgresql": PostgreSQL}
REPORT = """\
blocks of {events} attempts and of {rows} rows of windows, compressed;
medians of {n} rounds

               microseconds   bytes   microseconds   bytes
               of an attempt          of a row
{table}"""


class Cost(NamedTuple):
    """What each of a block takes: microseconds of CPU, and bytes."""

    microseconds: float
    size: float


def measure(rounds: int) -> dict[str, list[tuple[Cost, Cost]]]:
    """Return the costs of attempts and of rows in each round, by place."""
    events = [some_event(n) for n in range(EVENTS)]
    window = Window(Spread())
    window.add((some_event(n) for n in range(20 * ROWS)), MINUTE)
    rows = [
        ((60, MINUTE), key, row) for key, row in islice(window.take().items(), ROWS)
    ]
    found: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in KINDS}
    places: dict[str, RemotePlace] = {n: kind(f"{n}://h") for n, kind in KINDS.items()}
    for place in places.values():
        place.open()
    for _ in range(rounds):
        for name, place in places.items():
            single = _cost(partial(place.single, events))
            counted = _cost(partial(place.windows, rows, {}))
            found[name].append((single, counted))
    return found


def _cost(make: Callable[[], Packed]) -> Cost:
    began = time.process_time()
    packed = make()
    took = time.process_time() - began
    return Cost(took * 1e6 / packed.rows, len(packed.body) / packed.rows)


def report(measured: dict[str, list[tuple[Cost, Cost]]]) -> str:
    """Return the lines of a table."""
    lines = []
    for name, rounds in measured.items():
        single, rows = (
            Cost(*(median(values) for values in zip(*costs, strict=True)))
            for costs in zip(*rounds, strict=True)
        )
        lines.append(
            f"{name:14} {single.microseconds:12.1f} {single.size:7.0f} "
            f"{rows.microseconds:14.1f} {rows.size:7.0f}"
        )
    lines[0] += f"   (at most {TARGET_US} an attempt)"
    n, table = len(measured["clickhouse"]), "".join(f"{line}\n" for line in lines)
    return REPORT.format(events=EVENTS, rows=ROWS, n=n, table=table)
