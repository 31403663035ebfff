"""The rounds as one table of medians, with ratios and the targets."""

from __future__ import annotations

import os
import platform
import sys
from math import nan
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.modes import BASE
from tcpconnect.waits import BUSY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.measure import Cost, Load, Round

LEGEND = """\
Medians of {rounds} interleaved rounds; output to a file in memory; -P keeps the
connects of others on this machine out. Without the tool it made {bare_rate:.0f}k
connects/s (half of them refused), {top_rate:.0f}k (refused only).

us a connect   user, sys: CPU of the tool at full rate, half of the connects refused;
               xCPU, xuser: median of the ratios to {base} in the same round;
               at 500/s and so on: both together, when so many connects a second are
               made (pauses of {pause} ms at most), in the scheduler's nanoseconds
BPF programs   of refused connects (for others they run for the accepting socket, too),
               by one worker; runs a connect; ns a run and, in BPF, a connect; net:
               without what the kernel's clock says of a program that does nothing
added us       CPU of the connecting program a connect, more than without the tool;
               wall: time a connect, more than without, all cores busy
top k/s        connects a second with the tool, refused only: the most events
MB             resident memory after all loads (VmRSS, 10^6 bytes); peak: the most
               (VmHWM), when libbpf reads the kernel's types, before the ready line
ms             from exec to the ready line; to the first line in the file
lost           as the tool reports it, in all rounds
made           "exact": in each round made = shown + lost, and refused = shown as such
"""


class Row(NamedTuple):
    """All rounds of one mode."""

    name: str
    costs: list[Cost]
    loads: list[Load]
    base: list[Cost]
    bare: list[Load]

    def cost(self, get: Callable[[Cost], float]) -> float:
        """Return the median of a cost."""
        return median(map(get, self.costs))

    def ratio(self, get: Callable[[Cost], float]) -> float:
        """Return the median of the ratios to the base mode, round by round.

        NaN where the base is nothing, as with a load that is too short.
        """
        pairs = zip(self.costs, self.base, strict=True)
        return median(get(cost) / (get(base) or nan) for cost, base in pairs)

    def added(self, get: Callable[[Load], float]) -> float:
        """Return the median of what the tool added to a load, round by round."""
        pairs = zip(self.loads, self.bare, strict=True)
        return median(get(load) - get(bare) for load, bare in pairs)

    @property
    def user_percent(self) -> float:
        """User CPU at full rate: the median share of the time, of one CPU."""
        pairs = zip(self.costs, self.loads, strict=True)
        return median(100 * cost.user_us / load.wall_us for cost, load in pairs)

    @property
    def lost(self) -> int:
        """Lost attempts of all rounds."""
        return sum(cost.lost for cost in self.costs)

    @property
    def wrong(self) -> str:
        """What was wrong in the first round that had something wrong."""
        return next((cost.wrong for cost in self.costs if cost.wrong), "")


def rows_of(rounds: list[Round], names: Iterable[str]) -> list[Row]:
    """Return the rounds turned by mode, in the order of ``names``."""
    return [
        Row(
            name,
            [r.costs[name] for r in rounds],
            [r.loads[name] for r in rounds],
            [r.costs[BASE] for r in rounds],
            [r.bare for r in rounds],
        )
        for name in names
    ]


def _run_ns(cost: Cost) -> float:
    return cost.programs.time_ns / max(cost.programs.runs, 1)


def _net_ns(cost: Cost) -> float:
    return cost.programs.time_ns - cost.programs.empty_ns


def _first(row: Row) -> float:
    times = [c.first_ms for c in row.costs if c.first_ms is not None]
    return median(times) if times else float("nan")


# Header, how it is printed, what it is.
COLUMNS: list[tuple[str, str, Callable[[Row], float | str]]] = [
    ("mode", "<9", lambda row: row.name),
    ("user", "6.2f", lambda row: row.cost(lambda c: c.user_us)),
    ("sys", "6.2f", lambda row: row.cost(lambda c: c.system_us)),
    ("xCPU", "5.2f", lambda row: row.ratio(lambda c: c.cpu_us)),
    ("xuser", "5.2f", lambda row: row.ratio(lambda c: c.user_us)),
    ("runs", "4.1f", lambda row: row.cost(lambda c: c.programs.runs)),
    ("ns/run", "6.0f", lambda row: row.cost(_run_ns)),
    ("BPF", "6.0f", lambda row: row.cost(lambda c: c.programs.time_ns)),
    ("net", "6.0f", lambda row: row.cost(_net_ns)),
    ("added", "6.2f", lambda row: row.added(lambda load: load.cpu_us)),
    ("wall", "6.2f", lambda row: row.added(lambda load: load.wall_us)),
    ("top k/s", "7.0f", lambda row: median(x.top_rate for x in row.loads) / 1000),
    ("MB", "5.1f", lambda row: row.cost(lambda c: c.resident_mb)),
    ("peak", "5.1f", lambda row: row.cost(lambda c: c.peak_mb)),
    ("ready", "5.0f", lambda row: row.cost(lambda c: c.ready_ms)),
    ("first", "5.0f", _first),
    ("lost", "6d", lambda row: row.lost),
    ("made", "<", lambda row: row.wrong or "exact"),
]

BEFORE_PACED = 5  # of these


def _paced(number: int, rate: float) -> tuple[str, str, Callable[[Row], float]]:
    header = f"{rate / 1000:g}k/s" if rate >= 1000 else f"{rate:g}/s"
    return header, "6.2f", lambda row: row.cost(lambda c: c.paced_us[number])


def table(rows: list[Row], rates: Sequence[float]) -> str:
    """Return the columns of all rows as text; connects were paced at these rates."""
    paced = [_paced(number, rate) for number, rate in enumerate(rates)]
    columns = [*COLUMNS[:BEFORE_PACED], *paced, *COLUMNS[BEFORE_PACED:]]
    lines = [[header for header, _, _ in columns]]
    for row in rows:
        cells = [format(get(row), spec) for _, spec, get in columns]
        lines.append(["-" if cell.strip() == "nan" else cell for cell in cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        [
            cell.ljust(width) if spec.startswith("<") else cell.rjust(width)
            for cell, width, (_, spec, _) in zip(cells, widths, columns, strict=True)
        ]
        for cells in lines
    ]
    return "\n".join("  ".join(cells).rstrip() for cells in aligned) + "\n"


class Bar(NamedTuple):
    """A target: the mode and the quantity that must not be above the limit.

    With ``base`` it is how many times as much as in that mode.
    """

    what: str
    mode: str
    limit: float
    get: Callable[[Row], float]
    base: str = ""


BARS = [
    Bar("table: CPU, us", BASE, 1.8, lambda r: r.cost(lambda c: c.cpu_us)),
    Bar("-j: CPU, us", "-j", 2.2, lambda r: r.cost(lambda c: c.cpu_us)),
    Bar("-r: CPU, us", "-r", 2.2, lambda r: r.cost(lambda c: c.cpu_us)),
    Bar("-rd: CPU, us", "-rd", 3.5, lambda r: r.cost(lambda c: c.cpu_us)),
    Bar("everything: CPU, us", "all", 5.0, lambda r: r.cost(lambda c: c.cpu_us)),
    Bar("table: BPF net, ns a connect", BASE, 350, lambda r: r.cost(_net_ns)),
    Bar("-r: BPF net, ns a connect", "-r", 700, lambda r: r.cost(_net_ns)),
    # What the neighbours on the machine do makes it longer, and nothing shorter.
    Bar("  the same, quietest round", "-r", 700, lambda r: min(map(_net_ns, r.costs))),
    Bar(
        "10,000 nets: BPF net, times 1",
        "--to 10000",
        1.2,
        lambda r: r.cost(_net_ns),
        "--to 1",
    ),
    Bar("-- COMMAND: user CPU, %", "--", 1, lambda r: r.user_percent),
]


def targets(rows: list[Row]) -> str:
    """Return a line for each target: its limit, what was measured, met or missed."""
    by_name = {row.name: row for row in rows}
    known = [b for b in BARS if {b.mode, b.base or b.mode} <= set(by_name)]
    lines = [_target(b.what, _measured(b, by_name), b.limit) for b in known]
    lost = sum(row.lost for row in rows)
    lines.append(_target("attempts lost, all modes", lost, 0))
    wrong = sum(bool(cost.wrong) for row in rows for cost in row.costs)
    lines.append(_target("runs that don't add up", wrong, 0))
    return "\n".join(lines) + "\n"


def _measured(bar: Bar, rows: dict[str, Row]) -> float:
    measured = bar.get(rows[bar.mode])
    return measured / bar.get(rows[bar.base]) if bar.base else measured


def _target(what: str, value: float, limit: float) -> str:
    verdict = "met" if value <= limit else "MISSED"
    return f"{what:<29} {value:8.2f}  at most {limit:7.1f}  {verdict}"


def legend(rounds: list[Round]) -> str:
    """Return what the columns mean, and the speed of the machine without the tool."""
    return LEGEND.format(
        rounds=len(rounds),
        base=BASE,
        pause=BUSY_MS,
        bare_rate=1000 / median(r.bare.wall_us for r in rounds),
        top_rate=median(r.bare.top_rate for r in rounds) / 1000,
    )


def machine() -> str:
    """Describe machine and command in two lines."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [x.partition(":")[2] for x in file if x.startswith("model name")]
    model = names[0].strip() if names else platform.machine()
    uname = os.uname()
    options = " ".join(word for word in sys.argv[1:] if word != "--write")
    return (
        f"Linux {uname.release} {uname.machine}, {os.cpu_count()} CPUs ({model}), "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n"
        f"python -m bench {options}".rstrip()
        + "\n"
    )
