"""The hook that builds the wheel, as tools for packages run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# hatchling is there while a package is built only.
RUN = """
import sys, types
sys.path.insert(0, sys.argv[1])
for kind in ("builders.hooks", "metadata"):
    name = f"hatchling.{kind}.plugin.interface"
    for end in range(1, name.count(".") + 2):
        part = ".".join(name.split(".")[:end])
        sys.modules.setdefault(part, types.ModuleType(part))
    module = sys.modules[name]
    module.BuildHookInterface = module.MetadataHookInterface = object
from hatch_build import BuildHook
hook = BuildHook()
hook.root = sys.argv[1]
hook._run("share", sys.argv[2])
"""


def test_a_safe_path(tmp_path: Path) -> None:
    """Pipx sets PYTHONSAFEPATH, and pip finds what builds by PYTHONPATH."""
    paths = os.pathsep.join(p for p in sys.path if p and Path(p) != ROOT)
    subprocess.run(
        [sys.executable, "-c", RUN, ROOT, tmp_path],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": paths},
    )
    assert (tmp_path / "man/man8/tcpconnect.8").exists()
