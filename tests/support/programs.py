"""Programs that some tests call, and files that those read."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(*names: str) -> None:
    """Skip the test where a program or file is missing; in CI, nothing is skipped."""
    missing = [n for n in names if not (shutil.which(n) or os.path.exists(n))]
    if missing and "CI" not in os.environ:
        pytest.skip(f"needs {' and '.join(missing)}: scripts/system-packages test")
