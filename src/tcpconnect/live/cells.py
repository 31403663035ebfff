"""Texts in cells of a terminal, of the screen's lines and of --once's."""

from __future__ import annotations

from tcpconnect.formats.fitting import cells as taken_by
from tcpconnect.formats.fitting import cut
from tcpconnect.output import is_unicode

ELLIPSIS = "…" if is_unicode() else "~"


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Return a text that takes so many cells: padded, or cut with an ellipsis."""
    if cells <= 0:
        return ""
    text = cut(text, cells, ELLIPSIS)
    padding = " " * (cells - taken_by(text))
    return padding + text if right else text + padding
