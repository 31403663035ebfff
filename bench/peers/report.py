"""The tables in docs, from what the guest measured."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Peers = dict[str, dict[str, float]]

OURS, C = "tcpconnect", "libbpf-tools"
MODES = (OURS, "tcpconnect -j", "tcpconnect -r")
# What is compared, of which tool of ours and whose; at most so many times as much.
RATIOS = (
    ("first event", "first_s", OURS, C, 2.2),
    ("first event", "first_s", OURS, "bcc", 1 / 20),
    *(("CPU paced", "paced_us", mode, C, 1.0) for mode in MODES),
    *(("CPU at the top", "top_us", mode, C, 1.0) for mode in MODES),
    ("CPU paced", "paced_us", OURS, "bcc", 1 / 3),
    ("CPU at the top", "top_us", OURS, "bcc", 1 / 3),
    ("added a connect", "added_us", OURS, C, 0.5),
    ("programs", "programs_us", OURS, C, 0.5),
    ("programs", "programs_us", OURS, "bcc", 0.5),
)
COLUMNS = (
    ("first_s", "first event, s", "{:.2f}"),
    ("resident_mb", "resident, MB", "{:.1f}"),
    ("peak_mb", "peak, MB", "{:.1f}"),
    ("paced_us", "CPU, us an event, paced", "{:.0f}"),
    ("top_us", "at the top rate", "{:.0f}"),
    ("added_us", "added, us a connect", "{:.1f}"),
    ("programs_us", "programs, us a connect", "{:.1f}"),
    ("top_rate", "connects/s", "{:.0f}"),
    ("lost_paced", "lost, paced", "{:.0f}"),
    ("lost_top", "lost, top", "{:.0f}"),
)


def report(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines: machine, table, targets."""
    rounds = result["rounds"]
    names = list(result["versions"])
    top = median(r["bare_rate"] for r in rounds)
    yield f"`make bench-peers`: {result['machine']}, emulated; medians of {len(rounds)}"
    yield f"interleaved rounds; all connects are refused; paced: {result['rate']:.0f}"
    nothing_s = median(r["interpreter_s"] for r in rounds)
    yield f"connects/s; the top rate without a tool: {top:.0f} connects/s. An"
    yield f"interpreter that does nothing (`python3 -c pass`) takes {nothing_s:.2f} s."
    yield ""
    heads = [head for _, head, _ in COLUMNS]
    yield from _row(["tool", "version", *heads])
    yield from _row(["---"] * (len(COLUMNS) + 2))
    for name in names:
        cells = [form.format(_median(rounds, name, key)) for key, _, form in COLUMNS]
        yield from _row([name, result["versions"][name], *cells])
    yield ""
    yield "```"
    yield from _targets(result)
    yield "```"


def cases(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines: what each program takes there, and what the tools show."""
    yield from ("```", *result["programs"].splitlines(), "```")
    yield ""
    yield from _differences(result["cases"])


def _row(cells: list[str]) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"


def _median(rounds: list[dict[str, Any]], name: str, key: str) -> float:
    return median(float(r["peers"][name][key]) for r in rounds)


def _ratio(rounds: list[dict[str, Any]], key: str, ours: str, other: str) -> float:
    """Return the median of the ratios of ours to another's in the same round."""
    return median(
        float(r["peers"][ours][key]) / float(r["peers"][other][key]) for r in rounds
    )


def _targets(result: dict[str, Any]) -> Iterator[str]:
    rounds = result["rounds"]
    for what, key, ours, other, most in RATIOS:
        options = ours.removeprefix(OURS)
        whose = f"{other}'" if other.endswith("s") else f"{other}'s"
        text = f"{what}{options and ' of'}{options}, times {whose}"
        yield _target(text, _ratio(rounds, key, ours, other), most)
    yield _target("resident, MB", _median(rounds, OURS, "resident_mb"), 25)
    lost = max(r["peers"][mode]["lost_top"] for r in rounds for mode in MODES)
    yield _target("lost", lost, 0)


def _target(what: str, value: float, most: float) -> str:
    verdict = "met" if value <= most else "MISSED"
    return f"{what:44} {value:8.2f}  at most {most:6.2f}  {verdict}"


def _differences(cases: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a row for each case, with what both show, or what each does."""
    others = [name for name in cases[0] if name not in {"case", OURS}]
    yield from _row(["connection", OURS, *others, ""])
    yield from _row(["---"] * (3 + len(others)))
    for case in cases:
        shown = [case[name] for name in (OURS, *others)]
        same = all(lines == shown[0] for lines in shown)
        texts = ["; ".join(lines) or "nothing" for lines in shown]
        yield from _row([case["case"], *texts, "same" if same else "differs"])
