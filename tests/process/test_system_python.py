"""The Python that the system has: an older patch release than that of the tests."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

import tcpconnect

PYTHON = "/usr/bin/python3"
SOURCE = Path(tcpconnect.__file__).parents[1]
IMPORT_ALL = """
from importlib import import_module
from pkgutil import walk_packages
import tcpconnect
for module in walk_packages(tcpconnect.__path__, "tcpconnect."):
    if not module.name.endswith("__main__"):
        import_module(module.name)
        print(module.name)
"""


def abi(python: str) -> str:
    """Return the ABI of extension modules of a Python."""
    code = "import sysconfig; print(sysconfig.get_config_var('SOABI'))"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def test_all_modules_are_imported() -> None:
    """Enum of Python 3.11.2, that of Debian 12, has no members with the value ()."""
    if not os.path.exists(PYTHON):
        pytest.skip("the system has no Python")
    if abi(PYTHON) != sysconfig.get_config_var("SOABI"):
        pytest.skip("the system's Python has another ABI: it can't import msgspec")
    path = f"{SOURCE}:{sysconfig.get_path('platlib')}"
    result = subprocess.run(
        [PYTHON, "-c", IMPORT_ALL],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "tcpconnect.kernel.refusals" in result.stdout.splitlines()
