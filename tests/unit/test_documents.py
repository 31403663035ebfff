"""What documents say stands in the source, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcpconnect.kernel.preflight import OLDEST

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/kernels.md",
        "docs/troubleshooting.md",
        "share/tcpconnect.8.in",
    ],
)
def test_oldest_kernel(name: str) -> None:
    """The oldest kernel is the one that the tool asks for."""
    words = " ".join((ROOT / name).read_text().split())
    assert "Linux {}.{} or newer".format(*OLDEST) in words


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("docs/decisions/*.md")), ids=lambda path: path.stem
)
def test_decision_has_status(path: Path) -> None:
    """A decision is accepted or superseded, in the line below its title."""
    _, empty, status, *_ = path.read_text().splitlines()
    assert empty == ""
    assert re.match(r"Status: (accepted|superseded by \[decision \d+\])", status)
