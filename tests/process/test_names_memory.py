"""How much memory names take, of a process that has as many as it may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.filling import PART, SHAPES

# Fills names in each of their shapes, and prints by how many bytes a process grows.
FILL = """
import os
from resource import RUSAGE_SELF, getrusage
from tests.support.filling import SHAPES, fill
for shape in SHAPES:
    if not os.fork():
        before = getrusage(RUSAGE_SELF).ru_maxrss
        fill(shape)
        print((getrusage(RUSAGE_SELF).ru_maxrss - before) * 1024, flush=True)
        os._exit(0)
    os.wait()
"""


def test_worst_case() -> None:
    """However long names are, and however many have them, they take 64 MB at most.

    Here they have a part of the usual room, and take that part of it.
    """
    command = [sys.executable, "-c", FILL]
    grown = subprocess.check_output(command, cwd=Path(__file__).parents[2]).split()
    assert len(grown) == len(SHAPES)
    assert max(map(int, grown)) < 64_000_000 // PART
