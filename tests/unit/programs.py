"""Programs that some tests call."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(*programs: str) -> None:
    """Skip the test where a program lacks; in CI, nothing is skipped."""
    lacking = [program for program in programs if not shutil.which(program)]
    if lacking and "CI" not in os.environ:
        pytest.skip(f"needs {' and '.join(lacking)}: scripts/system-packages test")
