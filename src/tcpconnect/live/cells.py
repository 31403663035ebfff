"""Texts in cells of a terminal: wide characters take two, marks none."""

from __future__ import annotations

from unicodedata import category, east_asian_width

from tcpconnect.output import is_unicode

ELLIPSIS = "…" if is_unicode() else "~"


def _cells(c: str) -> int:
    if category(c) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if east_asian_width(c) in "WF" else 1


def width(text: str) -> int:
    """Return how many cells a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Return a text that takes so many cells: padded, or cut with an ellipsis."""
    taken = width(text)
    if taken > cells:
        return _cut(text, cells)
    padding = " " * (cells - taken)
    return padding + text if right else text + padding


def _cut(text: str, cells: int) -> str:
    if cells <= 0:
        return ""
    left, kept = cells - 1, []
    for c in text:
        left -= _cells(c)
        if left < 0:
            left += _cells(c)
            break
        kept.append(c)
    return "".join(kept) + ELLIPSIS + " " * left
