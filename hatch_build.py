"""Build hook: compiles the BPF objects, makes the man page and the completions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "src/tcpconnect/bpf"
SHARE = "build/share"

# Object: its source, and more flags. What is for one architecture only attaches to
# functions, and may not use more stack than that: lookups.bpf.c says why.
OBJECTS = {
    "tcpconnect": ("tcpconnect",),
    "preemptible": ("preemptible",),
    "answers": ("answers",),
    "lookups.x86_64": ("lookups", "-DTARGET_x86_64", "-Wframe-larger-than=48"),
    "lookups.aarch64": ("lookups", "-DTARGET_aarch64", "-Wframe-larger-than=48"),
}

# The compiler is that of the ziglang wheel. The BPF target has no C library; of the
# kernel's own headers, which come with the compiler, only those of the user API are
# used. They are the same for every machine in all that we use of them.
FLAGS = (
    "-target bpfel-freestanding -O2 -g -fno-asynchronous-unwind-tables "
    "-fno-unwind-tables -Wall -Wextra -Werror"
).split()
HEADERS = ("any-linux-any", "x86-linux-any")


class BpfBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Puts the objects and what lies in share/ into the wheel, editable or not."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are gathered."""
        if self.target_name != "wheel":
            return
        for name, (source, *flags) in OBJECTS.items():
            compile_object(Path(self.root), name, source, *flags)
        build_data["artifacts"].append(f"{FOLDER}/*.o")
        make_share(Path(self.root))
        build_data["shared_data"][SHARE] = "share"


def compile_object(root: Path, name: str, source: str, *flags: str) -> None:
    """Compile an object in its place; CalledProcessError when clang refuses."""
    spec = find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the build needs the ziglang wheel")
    include = Path(spec.origin).parent / "lib/libc/include"
    headers = [f"-isystem{include / name}" for name in HEADERS]
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *flags, *headers]
    # No path of this machine gets into the object: it is the same wherever it is built.
    command += [f"-ffile-prefix-map={root}=.", f"-ffile-prefix-map={include}=include"]
    command += ["-c", f"{FOLDER}/{source}.bpf.c"]
    command += ["-o", f"{FOLDER}/{name}.bpf.o"]
    subprocess.run(command, check=True, cwd=root)


def make_share(root: Path) -> None:
    """Make man page and completions from the package as it is in its source tree."""
    shutil.rmtree(root / SHARE, ignore_errors=True)
    command = [sys.executable, "-m", "share", SHARE]
    subprocess.run(command, check=True, cwd=root)
