"""The Pythons that the project promises, and those that are on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
CLASSIFIER = re.compile(r'"Programming Language :: Python :: (3\.\d+)"')


def promised(project: Path = PROJECT) -> list[str]:
    """Return the versions that the classifiers name, such as "3.10"."""
    return CLASSIFIER.findall(project.read_text(encoding="utf-8"))


def find(version: str) -> str | None:
    """Return an interpreter of a version: on PATH, or else one of pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    on_path = shutil.which(f"python{version}")
    of_pyenv = sorted(root.glob(f"versions/{version}*/bin/python{version}"))
    for candidate in [on_path, *map(str, reversed(of_pyenv))]:
        if candidate and _runs(candidate):
            return candidate
    return None


def _runs(python: str) -> bool:
    """Whether it is more than a shim without this version."""
    tried = subprocess.run([python, "-c", ""], capture_output=True, check=False)
    return tried.returncode == 0
