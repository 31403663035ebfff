"""Build hooks: BPF objects, man page and completions; links and URLs of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

OBJECTS = "src/tcpconnect/bpf/*.o"
SHARE = "build/share"


class BuildHook(BuildHookInterface):  # type: ignore[misc]
    """Puts the objects and what lies in share/ into the wheel, editable or not."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Make them before the files are gathered."""
        if self.target_name != "wheel":
            return
        self._run("bpf")
        build_data["artifacts"].append(OBJECTS)
        shutil.rmtree(Path(self.root, SHARE), ignore_errors=True)
        self._run("share", SHARE)
        build_data["shared_data"][SHARE] = "share"

    def _run(self, module: str, *arguments: str) -> None:
        """Run one of the source tree's modules; CalledProcessError when it fails."""
        command = [sys.executable, "-m", module, *arguments]
        # pipx sets PYTHONSAFEPATH, with which -m does not look into this folder.
        paths = filter(None, (self.root, os.environ.get("PYTHONPATH")))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        subprocess.run(command, check=True, cwd=self.root, env=environment)


class MetadataHook(MetadataHookInterface):  # type: ignore[misc]
    """Gives the README links that work on a package index, and the project its URLs."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill what pyproject.toml says is dynamic."""
        sys.path.insert(0, self.root)
        from share import readme

        metadata["readme"] = {"content-type": "text/markdown", "text": readme.page()}
        metadata["urls"] = readme.urls()
