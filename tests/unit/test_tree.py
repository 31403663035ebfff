"""The rules of imports of ARCHITECTURE.md."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"

# What is there for people to look at, and what makes it.
SHOWN = "tcpconnect.fields tcpconnect.connection tcpconnect.image tcpconnect.flow "
SHOWN += "tcpconnect.formats* tcpconnect.decode tcpconnect.counted tcpconnect.enrich*"

SYSTEM = "tcpconnect.bpf.* tcpconnect.kernel.* tcpconnect.machine.*"

# Modules that import none of these when they run, but for the exceptions.
RULES = [
    (
        "tcpconnect*",
        "ctypes* mmap",
        f"{SYSTEM} tcpconnect.enrich.files",
    ),
    ("tcpconnect*", "tcpconnect.cli", "tcpconnect.start"),
    ("tcpconnect*", "tcpconnect.pipeline", "tcpconnect.cli tcpconnect.commands.*"),
    ("tcpconnect*", "dns*", "tcpconnect.enrich.*"),
    ("tcpconnect*", "argparse*", "tcpconnect.parser"),
    ("tcpconnect.formats*", "tcpconnect.bpf* tcpconnect.kernel*", ""),
    ("tcpconnect.enrich*", "tcpconnect.bpf*", ""),
    ("tcpconnect.machine*", f"tcpconnect.bpf* tcpconnect.kernel* {SHOWN}", ""),
    ("tcpconnect.bpf*", f"tcpconnect.kernel* tcpconnect.settings {SHOWN}", ""),
    ("tcpconnect.kernel*", f"{SHOWN} tcpconnect.tracer", ""),
    ("tcpconnect.outputs*", "tcpconnect.sources* tcpconnect.tracer", ""),
    ("tcpconnect.sources*", "tcpconnect.outputs* tcpconnect.tracer", ""),
]

# What all may import, and the words of the table for several modules.
ALL = {"errors", "output", "memo", "why", "messages", "*_messages"}
FIELD_TABLES = {"connection", "image", "flow", "fields", "query"}


def top(name: str) -> str:
    """Return the part of the package that a module is, or is in."""
    return name.split(".")[1] if "." in name else name


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


FILES = {module_name(path): path for path in SOURCES.rglob("*.py")}


@cache
def both_of(name: str) -> tuple[set[str], set[str]]:
    """Return all that a module imports, and what it imports when it is run."""
    found = set[str](), set[str]()
    for node in ast.parse(FILES[name].read_text()).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found[0].update(*map(imports, node.body))
            found[1].update(*map(imports, node.orelse))
        else:
            found[1].update(imports(node))
    return found[0] | found[1], found[1]


def imports_of(name: str, *, when_run: bool) -> set[str]:
    """Return what a module imports, early or late; all, or only when it is run."""
    return both_of(name)[when_run]


def imports(statement: ast.AST) -> set[str]:
    """Return what a statement of a module imports, early or late."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(n if n in FILES else str(node.module) for n in names)
    return found


def matches(name: str, patterns: str) -> bool:
    """Tell whether a name matches one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns.split())


@pytest.mark.parametrize(("modules", "others", "exceptions"), RULES)
def test_imports(modules: str, others: str, exceptions: str) -> None:
    """The modules import none of the others."""
    wrong = {
        (name, other)
        for name in FILES
        if matches(name, modules) and not matches(name, exceptions)
        for other in imports_of(name, when_run=True)
        if matches(other, others)
    }
    assert wrong == set()


def test_no_import_cycle() -> None:
    """There is an order in which every module comes after those that it imports.

    Imports that are late, or for types only, count like all others.
    """
    graph = {name: imports_of(name, when_run=False) for name in FILES}
    assert set(TopologicalSorter(graph).static_order()) >= set(FILES)


def test_no_circle_of_packages() -> None:
    """There is such an order of packages, too, and of the modules beside them.

    What has only the version, and the API's names, is below all and above all.
    """
    graph: dict[str, set[str]] = {}
    for name in FILES.keys() - {"tcpconnect"}:
        others = imports_of(name, when_run=False) & FILES.keys() - {"tcpconnect"}
        graph.setdefault(top(name), set()).update(top(x) for x in others)
    for part, others in graph.items():
        others.discard(part)
    assert set(TopologicalSorter(graph).static_order()) == set(graph)


def table() -> dict[str, set[str]]:
    """Return what modules may import, as the rows of "Who may import whom" say."""
    text = (SOURCES.parent / "ARCHITECTURE.md").read_text()
    rows = text.partition("## Who may import")[2].partition("## To add")[0]
    found: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.*`.*) \|$", rows, re.MULTILINE):
        modules, _, allowed = row.split(" | ")
        names = {re.sub(r"/|\.py$", "", x) for x in re.findall("`([^`]+)`", modules)}
        may = {x.split(".")[0] for x in re.findall("`([^`]+)`", allowed)} | names | ALL
        may |= FIELD_TABLES if "field tables" in allowed else set()
        found |= dict.fromkeys(names, {"*"} if "anything" in allowed else may)
    return found


def test_modules_import_what_the_table_allows() -> None:
    """Packages, and modules beside them, have a row with all that they import."""
    rows, wrong = table(), set()
    for name in FILES.keys() - {"tcpconnect"}:
        part = top(name)
        known = [may for row, may in rows.items() if fnmatchcase(part, row)]
        assert known, f"{name} has no row"
        may = " ".join({part}.union(*known))
        imported = imports_of(name, when_run=True)
        others = {top(other) for other in imported if other.startswith("tcpconnect.")}
        wrong |= {(name, other) for other in others if not matches(other, may)}
    assert wrong == set()


def test_each_module_has_one_row() -> None:
    """Git merges tables by union: a row that two branches change is there twice."""
    text = (SOURCES.parent / "ARCHITECTURE.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row.strip("- ")]
    assert [row for row in {*rows} if rows.count(row) > 1] == []


def test_no_file_is_long() -> None:
    """A module has less than 300 lines, a C header less than 200: one job each."""
    lengths = dict.fromkeys(SOURCES.rglob("*.py"), 300)
    lengths |= dict.fromkeys(SOURCES.parent.glob("bpf/*.h"), 200)
    long = [p.name for p, most in lengths.items() if p.read_text().count("\n") >= most]
    assert long == []
