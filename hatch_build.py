"""Build hook: compiles the BPF object with the pinned compiler of the ziglang wheel."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "src/tcpconnect/bpf/tcpconnect.bpf.c"
OBJECT = "src/tcpconnect/bpf/tcpconnect.bpf.o"

# The BPF target has no C library; of the kernel's own headers, which come with the
# compiler, only those of the user API are used. They are the same for every machine
# in all that we use of them.
FLAGS = (
    "-target bpfel-freestanding -O2 -g -fno-asynchronous-unwind-tables "
    "-fno-unwind-tables -Wall -Wextra -Werror"
).split()
HEADERS = ("any-linux-any", "x86-linux-any")


class BpfBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Puts the object into the wheel, editable or not."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are gathered."""
        if self.target_name != "wheel":
            return
        compile_object(Path(self.root))
        build_data["artifacts"].append(OBJECT)


def compile_object(root: Path) -> None:
    """Compile the object in its place; CalledProcessError when clang refuses."""
    spec = find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the build needs the ziglang wheel")
    include = Path(spec.origin).parent / "lib/libc/include"
    headers = [f"-isystem{include / name}" for name in HEADERS]
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *headers]
    command += [f"-ffile-prefix-map={root}=.", "-c", SOURCE, "-o", OBJECT]
    subprocess.run(command, check=True, cwd=root)
