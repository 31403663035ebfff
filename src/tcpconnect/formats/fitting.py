"""Widths of columns that fit a terminal, and texts cut to them.

docs/output.md has the order in which columns give way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcpconnect.fields import Field

LEAST_ROOM = 60  # cells; in a narrower terminal, lines are as for this one
MOST = 16  # cells that a value of another column than an address may take
STEP = 8


def needed(field: Field, length: int) -> int:
    """Return the width that a column takes after a value of this length.

    Beyond what IPv4 needs it grows in steps, so that columns move seldom.
    """
    if length > MOST:
        length += -length % STEP
    return min(length, field.fit.most or MOST)


def widths(fields: Sequence[Field], room: int, need: Sequence[int]) -> list[int]:
    """Return the width of each column in a line of ``room`` cells, 0: it is left out.

    ``need`` is what the values until now need. It counts where none may be cut.
    """
    room = max(room, LEAST_ROOM)
    found = [
        max(field.fit.least or field.width, length) if field.fit.whole else field.width
        for field, length in zip(fields, need, strict=True)
    ]
    for i in _turns(fields):
        if _line(found) <= room:
            break
        fit = fields[i].fit
        found[i] = 0 if fit.whole or found[i] == fit.least else fit.least
    while _line(found) > room:
        found[found.index(max(found))] -= 1
    spare = room - _line(found)
    spare = _grow(found, [field.width for field in fields], spare)
    spare = _grow(found, [field.fit.most for field in fields], spare)
    last = max(i for i, width in enumerate(found) if width)
    found[last] += spare
    return found


def _turns(fields: Sequence[Field]) -> Iterator[int]:
    """Yield the columns in the order in which they give way, from the right."""
    order = [i for i in reversed(range(len(fields))) if fields[i].fit.turn]
    order.sort(key=lambda i: fields[i].fit.turn)
    yield from order
    fits = [field.fit for field in fields]
    yield from (i for i in order if fits[i].least and not fits[i].kept)


def _line(found: Sequence[int]) -> int:
    """Return the length of a line: the columns that are there, and a space between."""
    shown = [width for width in found if width]
    return sum(shown) + len(shown) - 1


def _grow(found: list[int], targets: Sequence[int], spare: int) -> int:
    """Widen columns to their targets, always the narrowest; return what is left."""
    while spare:
        short = [i for i, width in enumerate(found) if 0 < width < targets[i]]
        if not short:
            break
        found[min(short, key=found.__getitem__)] += 1
        spare -= 1
    return spare


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes.

    The text is harmless (output.py), so that nothing in it moves the cursor.
    """
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(c: str) -> int:
    if category(c) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if east_asian_width(c) in {"W", "F"} else 1


def cut(text: str, width: int, mark: str, *, tail: bool = False) -> str:
    """Return a text in so many cells; ``mark`` is where it was cut, at its end.

    With ``tail``, the end is there, and the mark before it.
    """
    if text.isascii():
        at = len(text) - width + 1
        if at <= 1:
            return text
        return mark + text[at:] if tail else text[: width - 1] + mark
    kept: list[str] = []
    left = width
    for c in reversed(text) if tail else text:
        left -= _cells(c)
        if left < 0:
            break
        kept.append(c)
    else:
        return text
    left = width - 1 - sum(map(_cells, kept))
    while left < 0 or (tail and kept and not _cells(kept[-1])):
        left += _cells(kept.pop())  # what it changes, or would change the mark
    return mark + "".join(reversed(kept)) if tail else "".join(kept) + mark
