"""The width of a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def width_of(fd: int) -> Callable[[], int] | None:
    """Return a function that returns the width of a terminal at present, in cells.

    None if ``fd`` is no terminal, or one that has no width.
    """
    try:
        width = os.get_terminal_size(fd).columns
    except OSError:
        return None

    def present() -> int:
        nonlocal width
        try:
            width = os.get_terminal_size(fd).columns or width
        except OSError:
            return width  # it was closed, which the next write says
        return width

    return present if width else None
