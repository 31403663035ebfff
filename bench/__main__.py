"""``python -m bench``: options, rounds, table."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from bench import (
    each,
    fleet,
    history,
    lines,
    metrics,
    places,
    record,
    remote,
    replay,
    scan,
    start,
    syscalls,
    top,
    transfers,
)
from bench.document import write
from bench.measure import measure, plan
from bench.modes import BASE, MODES
from bench.report import legend, machine, rows_of, table, targets

if TYPE_CHECKING:
    from bench.measure import Round


def options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=9, help="rounds (%(default)s)")
    add(
        "--connects",
        type=int,
        default=50_000,
        help="connects of a load at full rate (%(default)s)",
    )
    add(
        "--rates",
        type=_rates,
        default=[500.0, 5000.0, 50_000.0],
        metavar="LIST",
        help="connects a second of the paced loads (500,5000,50000)",
    )
    add(
        "--seconds",
        type=float,
        default=20.0,
        help="end a load after this time, finished or not (%(default)s)",
    )
    add(
        "--workers",
        type=int,
        default=os.cpu_count(),
        help="processes that connect (%(default)s: one a CPU)",
    )
    add(
        "--modes",
        type=_names,
        default=list(MODES),
        metavar="LIST",
        help=f"write it as --modes=LIST; of: {','.join(MODES)}",
    )
    add(
        "--only",
        choices=("connects", "programs", "transfers", *ROUNDS),
        help="measure only what a connect costs, what each program takes of that, what "
        "-d costs a transfer, what the tool costs any system call, or how fast it is",
    )
    add("--write", action="store_true", help="put the reports into docs")
    return parser.parse_args()


def _rates(text: str) -> list[float]:
    return [float(rate) for rate in text.split(",")]


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in MODES:
            raise argparse.ArgumentTypeError(f"no mode {name!r}")
    return names


# What is measured in rounds, by the names of --only.
ROUNDS: dict[str, Any] = {
    "lines": lines,
    "syscalls": syscalls,
    "start": start,
    "top": top,
    "replay": replay,
    "history": history,
    "record": record,
    "metrics": metrics,
    "places": places,
    "remote": remote,
    "fleet": fleet,
    "scan": scan,
}


APART = frozenset({"fleet", "places", "scan"})  # they take minutes, and servers


def main() -> int:
    """Measure and print; 1 when a run did not add up, or nothing was measured."""
    given = options()
    code = 0
    if given.only in {None, "connects"}:
        code = connects(given)
    if given.only in {None, "programs"}:
        rounds = each.measure(given.rounds, given.connects)
        publish("programs", each.report(rounds), given)
    if given.only in {None, "transfers"}:
        samples = transfers.measure(given.rounds)
        publish("transfers", transfers.report(samples), given)
    for name, part in ROUNDS.items():
        if given.only == name or (given.only is None and name not in APART):
            publish(name, part.report(part.measure(given.rounds)), given)
    return code


def publish(name: str, report: str, given: argparse.Namespace) -> None:
    """Print a report; with --write, put it into the document."""
    text = f"{machine()}\n{report}"
    print(text, end="")
    if given.write:
        write(name, ["```", *text.splitlines(), "```"])


def connects(given: argparse.Namespace) -> int:
    """Measure and print what a connect costs; 1 when a run did not add up."""
    names = list(dict.fromkeys([BASE, *given.modes]))
    the_plan = plan(given.connects, given.rates, given.seconds)
    modes = [MODES[name] for name in names]
    rounds: list[Round] = []
    try:
        rounds.extend(measure(modes, the_plan, given.workers, given.rounds))
    except (KeyboardInterrupt, RuntimeError) as reason:
        print(f"only {len(rounds)} rounds: {reason!r}")
    if not rounds:
        return 1
    rows = rows_of(rounds, names)
    parts = [legend(rounds), table(rows, given.rates), targets(rows)]
    report = "\n".join(parts)
    publish("connects", report, given)
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
