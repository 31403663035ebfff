"""The tables in docs, from what the guest measured."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Peers = dict[str, dict[str, float]]

OURS = "tcpconnect"
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
    yield f"connects/s; the top rate without a tool: {top:.0f} connects/s."
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


def _ratio(rounds: list[dict[str, Any]], key: str, other: str) -> float:
    """Return the median of the ratios of ours to another's in the same round."""
    return median(
        float(r["peers"][OURS][key]) / float(r["peers"][other][key]) for r in rounds
    )


def _targets(result: dict[str, Any]) -> Iterator[str]:
    rounds = result["rounds"]
    ratio: Callable[[str, str], float] = lambda k, o: _ratio(rounds, k, o)  # noqa: E731
    for what, value, most in (
        ("first event, times libbpf-tools'", ratio("first_s", "libbpf-tools"), 1.5),
        ("first event, times bcc's", ratio("first_s", "bcc"), 1 / 20),
        ("CPU paced, times libbpf-tools'", ratio("paced_us", "libbpf-tools"), 1),
        (
            "CPU at the top, times libbpf-tools'",
            ratio("top_us", "libbpf-tools"),
            1,
        ),
        ("CPU paced, times bcc's", ratio("paced_us", "bcc"), 1 / 3),
        ("CPU at the top, times bcc's", ratio("top_us", "bcc"), 1 / 3),
        (
            "added a connect, times libbpf-tools'",
            ratio("added_us", "libbpf-tools"),
            0.5,
        ),
        ("programs, times libbpf-tools'", ratio("programs_us", "libbpf-tools"), 0.5),
        ("programs, times bcc's", ratio("programs_us", "bcc"), 0.5),
        ("resident, MB", _median(rounds, OURS, "resident_mb"), 25),
        ("lost", max(r["peers"][OURS]["lost_top"] for r in rounds), 0),
    ):
        verdict = "met" if value <= most else "MISSED"
        yield f"{what:44} {value:8.2f}  at most {most:6.2f}  {verdict}"


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
