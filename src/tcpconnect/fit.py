"""How columns give way on a narrow terminal, and take room on a wide one."""

from __future__ import annotations

import msgspec


class Fit(msgspec.Struct, frozen=True):
    """How a column fits a terminal (``formats/fitting.py``).

    Where there is room, it grows to ``most``; where there is none, to ``least`` first
    of all, if it is ``whole``, else at its ``turn``. At its turn a column that has
    ``least`` already, or none, is left out; that of turn 0 never, nor one that is
    ``kept``. ``whole``: no value is cut, a longer one widens the column. ``tail``: the
    end of a value is shown.
    """

    turn: int = 7
    least: int = 0
    most: int = 0
    whole: bool = False
    tail: bool = False
    kept: bool = False


# In the order in which they give way.
TEXT, PATH = Fit(1, least=12, most=64), Fit(1, least=12, most=64, tail=True)
SOURCE, VERSION, THREAD = Fit(2, most=39), Fit(3, whole=True), Fit(4, 6, most=15)
EXTRA, PROCESS, OTHER = (Fit(turn, whole=True) for turn in (5, 6, 7))
ASKED, WORD = Fit(8, whole=True), Fit(9, 8, most=32)
ADDRESS, DESTINATION = (Fit(turn, 15, most=39, whole=True) for turn in (7, 0))
ALWAYS, LATENCY = Fit(0, whole=True), Fit(0, 10, whole=True)
