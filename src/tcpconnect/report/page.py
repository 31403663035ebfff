"""page(): findings as one page of HTML, which needs nothing else.

Jinja2 escapes all that is put into it. No script is on the page, and its policy of
content allows nothing but the style that is there: whatever a name holds is text.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconnect.report import graph, shown, tables, timeline

if TYPE_CHECKING:
    import jinja2

    from tcpconnect.report.findings import Findings

FOLDER = Path(__file__).with_name("templates")
MOST_BYTES = 200_000
MOST_PAIRS = 1_000
CELLS = 64  # of a name in a list
MOST_GAPS = 8


def page(findings: Findings) -> str:
    """Return the page, of 200 KB at most: long names leave fewer pairs in its list."""
    template, style = load()
    given = {
        "findings": findings,
        "style": style,
        "digest": _digest(style),
        "sums": {
            "programs": len({pair.program for pair in findings.pairs}),
            "destinations": len({graph.destination_of(p) for p in findings.pairs}),
            "new": sum(pair.is_new for pair in findings.pairs),
        },
        "pictures": {
            "graph": graph.graph_of(findings.pairs),
            "timeline": timeline.timeline_of(findings),
        },
    }
    lists = {
        "alerts": tables.alerts(findings),
        "failing": tables.failing(findings),
        "new": tables.new(findings),
        "slow": tables.slow(findings),
    }
    most = MOST_PAIRS
    while True:
        every = tables.every(findings, most)
        groups = tables.by_program(every)
        text = template.render(given, lists=lists | {"every": every}, groups=groups)
        size = len(text.encode())
        if size <= MOST_BYTES or not most:
            return text
        most = most * MOST_BYTES // (size + MOST_BYTES // 10)


@cache
def load() -> tuple[jinja2.Template, str]:
    """Return the template and the style; no file is read, or module imported, later."""
    environment = _environment()
    environment.get_template("parts.html.j2")
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2"), style


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        auto_reload=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_filters())
    environment.globals.update(
        drawn=graph, scale=timeline, gaps_shown=MOST_GAPS, failures=tables.failures_of
    )
    return environment


def _filters() -> dict[str, Any]:
    names = "count many share latency duration moment short zone between host port"
    filters: dict[str, Any] = {name: getattr(shown, name) for name in names.split()}
    return filters | {"cut": lambda text, cells=CELLS: shown.cut(text, cells)}


def _digest(style: str) -> str:
    """Return what the policy of content calls a style."""
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
