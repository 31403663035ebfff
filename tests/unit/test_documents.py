"""What documents say stands in the source, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcpconnect import __version__
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


@pytest.mark.parametrize("name", ["README.md", "docs/install.md", "docs/kubernetes.md"])
def test_version(name: str) -> None:
    """Commands of documents name the files and images of this version."""
    text = (ROOT / name).read_text()
    named = re.findall(r"(?:tcpconnect[-_:]|newTag: )(\d+\.\d+\.\d+)", text)
    assert {*named} == {__version__}


def test_decisions_have_a_status() -> None:
    """A decision is accepted or superseded; those of a change name each other."""
    named = {}
    for path in sorted(ROOT.glob("docs/decisions/*.md")):
        _, status, _ = path.read_text().split("\n\n", 2)
        assert re.match(r"Status: (accepted|superseded by \[decision \d+\])", status)
        named[path.name] = {*re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", status)}
    pairs = {(name, other) for name, others in named.items() for other in others}
    assert {(name, other) for other, name in pairs} == pairs
