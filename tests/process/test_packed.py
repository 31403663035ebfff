"""Verbs that read FILE.jsonl.zst, with a library for it and without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tcpconnect import zstd
from tests.support import preloaded


@pytest.fixture
def packed(recording: str) -> Path:
    """Return a recording that is compressed."""
    path = Path(f"{recording}.zst")
    path.write_bytes(zstd.library().compress(Path(recording).read_bytes()))
    return path


@pytest.mark.parametrize("verb", ["replay", "top --once"])
def test_verbs(verb: str, packed: Path) -> None:
    """They read one from a file and from stdin."""
    for words in ([str(packed)], ["-"]):
        with packed.open("rb") as stdin:
            ran = preloaded.run(*verb.split(), *words, stdin=stdin)
        assert "192.0.2.1" in ran.stdout
        assert (ran.returncode, ran.stderr) == (0, "")


WITHOUT = """
import sys
sys.modules["compression.zstd"] = sys.modules["backports.zstd"] = None
from tcpconnect.cli import main
sys.exit(main())
"""


def test_without_library(packed: Path, recording: str) -> None:
    """One line says how to install it; nothing is written."""
    new = packed.with_name("b.jsonl.zst")
    for words in ([packed], [recording, "-o", new]):
        ran = subprocess.run(
            [sys.executable, "-c", WITHOUT, "replay", *words],
            check=False,
            capture_output=True,
            text=True,
        )
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr == (
            "tcpconnect: FILE.jsonl.zst needs a library for zstd: it is not installed; "
            f"install it: {sys.executable} -m pip install backports.zstd\n"
        )
    assert not new.exists()
