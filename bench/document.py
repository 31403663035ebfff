"""The documents whose figures the measurements write themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCS = Path(__file__).parents[1] / "docs"
DOCUMENTS = (DOCS / "benchmarks.md", DOCS / "costs.md")


def markers(name: str) -> tuple[str, str]:
    """Return the lines of a document between which a report stands."""
    return f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"


def put_into(document: str, name: str, lines: Iterable[str]) -> str:
    """Return a document with these lines in the place of the last report.

    Raises ValueError when the document does not say where that is.
    """
    first, last = markers(name)
    before, begin, rest = document.partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"it has no {(last if begin else first).strip()}")
    return "".join([before, begin, "\n".join(["", *lines, "", ""]), end, after])


def write(name: str, lines: Iterable[str]) -> None:
    """Put a report into the document that has a place for it.

    Raises ValueError when none has.
    """
    document = next((d for d in DOCUMENTS if has_place(d, name)), DOCUMENTS[0])
    document.write_text(put_into(document.read_text(), name, lines))


def has_place(document: Path, name: str) -> bool:
    """Whether a report stands in a document."""
    return markers(name)[0] in document.read_text()
