"""docs/fields.md: fields.md.in with the tables of what others call our columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from share import outcomes
from share.template import fill
from tcpconnect.connection import CONNECTION, Connection
from tcpconnect.conventions.names import NAMES, Theirs
from tcpconnect.conventions.shapes import ECS, OCSF, SHAPES, activity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DOCUMENT = Path(__file__).parents[1] / "docs/fields.md"
VERSION = "metadata.product.version"  # that of the tool
ACTIVITIES = {0: "0 (Unknown)", 1: "1 (Open)", 4: "4 (Fail)", 5: "5 (Refuse)"}
STATUSES = {0: "0", 1: "1 (Success)", 4: "2 (Failure)", 5: "2 (Failure)"}
# In the words of the document: results that stand for theirs.
RESULTS = {
    "`OK`": "OK",
    "`ECONNREFUSED`, `EACCES`, `EPERM`, and `REFUSED` of a lookup": "ECONNREFUSED",
    "any other": "ETIMEDOUT",
    "`PENDING`, or the end was not seen": None,
}


def page() -> str:
    """Return the document."""
    parts = {
        "ROWS": _lines(_rows()),
        "OUTCOMES": _lines(outcomes.rows()),
        "ECS": _lines(_fixed(ECS)),
        "OCSF": _lines(_fixed(OCSF)),
        "ACTIVITIES": _lines(_activities()),
    }
    return fill("fields.md.in", parts)


def _lines(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rows() -> Iterator[list[str]]:
    for name, column in CONNECTION.items():
        others = [_words(each) for each in NAMES.get(name, Theirs())]
        yield [f"`{name}`", column.field.meaning, *others]


def _words(text: str) -> str:
    return ", ".join(f"`{word}`" for word in text.split())


def _fixed(schema: str) -> Iterator[list[str]]:
    for path, value in SHAPES[schema].fixed.items():
        shown = "the version" if path == VERSION else f"`{json.dumps(value)}`"
        yield [f"`{path}`", shown]


def _activities() -> Iterator[list[str]]:
    event = Connection(0, 0, 0, 0, 0, "", 4, "", 0, "", 0, 0, 0, 0)
    for text, result in RESULTS.items():
        event.result = result
        number = activity(event)
        yield [text, ACTIVITIES[number], STATUSES[number]]


if __name__ == "__main__":
    DOCUMENT.write_text(page(), encoding="utf-8")
