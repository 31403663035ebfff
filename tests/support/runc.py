"""Real containers, made by runc of busybox, in the test's network namespace."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import busybox

if TYPE_CHECKING:
    from typing_extensions import Self

ROOTFS = re.compile("^[^ ]+ / rootfs ", re.MULTILINE)
TOP = f"tcpc-{os.getpid()}-runc"


class Bundle:
    """What runc makes a container of."""

    def __init__(self, folder: Path) -> None:
        assert shutil.which("runc"), "these tests need runc: apt-get install runc"
        self.folder = folder
        for name in ("bin", "proc", "dev", "sys"):
            (folder / "rootfs" / name).mkdir(parents=True)
        shutil.copy(busybox(), folder / "rootfs/bin/busybox")
        subprocess.run(["runc", "spec"], cwd=folder, check=True)

    def command(
        self, name: str, cgroup: str, *arguments: str, state: Path | None = None
    ) -> list[str]:
        """Return the command that runs a container to its end.

        Where runc keeps its ``state`` is the test's own folder, but for tests of that.
        """
        path = self.folder / "config.json"
        config = json.loads(path.read_text())
        config["process"].update(args=arguments, terminal=False)
        config["linux"]["cgroupsPath"] = cgroup
        kinds = config["linux"]["namespaces"]
        kinds[:] = [kind for kind in kinds if kind["type"] != "network"]
        path.write_text(json.dumps(config))
        state = state or self.folder / "state"
        command = f"runc --root {state} run --bundle {self.folder}".split()
        if ROOTFS.search(Path("/proc/mounts").read_text()):
            command.append("--no-pivot")  # pivot_root(2) does not work there
        return [*command, name]

    def run(self, name: str, cgroup: str, *arguments: str) -> None:
        """Run a container to its end."""
        command = self.command(name, cgroup, *arguments)
        subprocess.run(command, check=False, stdin=subprocess.DEVNULL)


class Container:
    """One that runs until the end of the ``with`` statement, and acts on demand."""

    def __init__(
        self,
        bundle: Bundle,
        cgroup: str,
        *work: str,
        name: str = "tcpc",
        state: Path | None = None,
    ) -> None:
        script = f"echo; while read _; do {' '.join(work)} 2>/dev/null; echo; done"
        program = ("/bin/busybox", "sh", "-c", script)
        command = bundle.command(name, cgroup, *program, state=state)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._wait()

    def _wait(self) -> None:
        assert self._process.stdout
        assert self._process.stdout.read(1) == b"\n"

    def run(self) -> None:
        """Have the work done."""
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        self._wait()

    def end(self) -> None:
        """Have it end."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
