"""What the tests' reports say, kernel by kernel."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, NamedTuple

from .properties import explains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .boot import Outcome
    from .kernels import KernelFiles


class Case(NamedTuple):
    """A test, and what became of it: passed, failed or skipped, and why."""

    module: str
    name: str
    became: str
    why: str = ""


class Run(NamedTuple):
    """The suite on one kernel."""

    kernel: KernelFiles
    outcome: Outcome
    cases: list[Case]


JUNIT = "junit.xml"
STATES = ("passed", "failed", "skipped")
TAGS = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def read_run(kernel: KernelFiles, outcome: Outcome) -> Run:
    """Return a run with the cases of its junit report, if there is one."""
    report = outcome.out.get(JUNIT)
    if not report:
        return Run(kernel, outcome, [])
    tree = ET.fromstring(report)  # noqa: S314 (pytest's, of our own machine)
    return Run(kernel, outcome, [_case(x) for x in tree.iter("testcase")])


def _case(element: ET.Element) -> Case:
    # A module that can't be collected is a case with its name and no class.
    name = element.get("name", "")
    words = (element.get("classname") or name).split(".")
    module = next((w for w in words if w.startswith("test_")), words[-1])
    for tag, became in TAGS.items():
        for told in element.iter(tag):
            return Case(module, name, became, told.get("message", ""))
    return Case(module, name, "passed")


def problems(run: Run) -> Iterator[str]:
    """Yield all that is wrong with a run, a line each."""
    outcome = run.outcome
    bad = 0
    for case in run.cases:
        why = case.why.partition("\n")[0]
        if case.became == "failed":
            bad += 1
            yield f"{case.module}::{case.name} failed: {why}"
        elif case.became == "skipped" and not explains(run.kernel.kernel.name, why):
            bad += 1
            yield (
                f"{case.module}::{case.name} skipped: {why} "
                "(no such property in vmtest/properties.py)"
            )
    if outcome.complaint:
        yield outcome.complaint
    elif not run.cases:
        yield f"no test ran: pytest's exit status is {outcome.exit_status}"
    elif outcome.exit_status and not bad:
        yield f"pytest's exit status is {outcome.exit_status}, though no test failed"


def table(runs: list[Run]) -> Iterator[str]:
    """Yield the lines of the table of modules by kernels."""
    modules = sorted({case.module for run in runs for case in run.cases})
    columns = [_column(run, modules) for run in runs]
    names = ["passed/failed/skipped", *modules, "all", "boot", "time", "kernel"]
    for row in zip(names, *columns, strict=True):
        yield "  ".join(f"{cell:<{24 if i else 28}}" for i, cell in enumerate(row))


def _column(run: Run, modules: list[str]) -> list[str]:
    outcome = run.outcome
    cells = [_counts([c for c in run.cases if c.module == m]) for m in modules]
    booted = "never" if outcome.up_s is None else f"{outcome.up_s:.0f} s"
    cells += [_counts(run.cases), booted, f"{outcome.total_s:.0f} s"]
    return [run.kernel.kernel.name, *cells, run.kernel.release]


def _counts(cases: list[Case]) -> str:
    counts = [sum(case.became == state for case in cases) for state in STATES]
    return "/".join(map(str, counts)) if cases else "-"
