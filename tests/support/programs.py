"""Programs that some tests call, and files that are read by other users."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest


def needs(*names: str) -> None:
    """Skip the test where a program or file is missing; in CI, nothing is skipped."""
    missing = [n for n in names if not (shutil.which(n) or os.path.exists(n))]
    if missing and "CI" not in os.environ:
        pytest.skip(f"needs {' and '.join(missing)}: scripts/system-packages test")


def show_to_all(folder: Path) -> None:
    """Let every user read a test's temporary folder."""
    top = Path(tempfile.gettempdir())
    for above in (folder, *folder.parents):
        if top in above.parents:
            above.chmod(0o755)
