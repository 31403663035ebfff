"""Repeats a case until its share of the time is over."""

from __future__ import annotations

import os
import signal
import sys
import time
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = float(os.environ.get("TCPCONNECT_FUZZ_SECONDS", "10"))
SEED = int(os.environ.get("TCPCONNECT_FUZZ_SEED", "0"))
CASE_S = 1.0  # of CPU; all but hostile cases take a thousandth of it


class Fuzz:
    """Calls a function with chances of many seeds, one after the other."""

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds

    def __call__(self, case: Callable[[Random], object]) -> None:
        """Repeat a case. What it raises is raised, with the way to see it again."""
        end, seed = time.monotonic() + self._seconds, SEED
        while seed == SEED or time.monotonic() < end:
            signal.setitimer(signal.ITIMER_PROF, CASE_S)
            try:
                case(Random(f"{self._name} {seed}"))  # noqa: S311 (to be had again)
            except BaseException as error:
                again = f"make fuzz SECONDS=0 SEED={seed} ARGS='-k {self._name}'"
                raise AssertionError(f"again: {again}") from error
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            seed += 1
        sys.stdout.write(f"{self._name}: {seed - SEED} cases from seed {SEED} on\n")
