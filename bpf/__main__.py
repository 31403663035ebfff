"""Compiles the BPF objects that are older than their sources.

``--headers`` checks instead that each header compiles by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from bpf import strip

SOURCES = Path("bpf")
OBJECTS = Path("src/tcpconnect/bpf")
BUILD = Path("build/bpf")

# What is for one architecture only attaches to functions, and may not use more stack
# than that: lookups.bpf.c says why. Objects of names have another one, for lookups that
# fail, with many more types, for which libbpf would search at each start (decision 29).
STACK = ("-Wframe-larger-than=48",)
FAILED = "-DFAILED_LOOKUPS"

# Object: its source, and more flags.
SOURCE_OF = {
    "attempts": ("attempts",),
    "attempts_calls": ("attempts", "-DWITH_CALLS=1"),
    "answers": ("answers",),
    "answers_failed": ("answers", FAILED),
    **{
        f"lookups{which}.{target}": ("lookups", f"-DTARGET_{target}", *STACK, *flags)
        for target in ("x86_64", "aarch64")
        for which, flags in {"": (), "_failed": (FAILED,)}.items()
    },
}

# The compiler is that of the ziglang wheel. The BPF target has no C library; of the
# kernel's own headers, which come with the compiler, only those of the user API are
# used. They are the same for every machine in all that we use of them.
FLAGS = (
    "-target bpfel-freestanding -O2 -g -fno-asynchronous-unwind-tables "
    "-fno-unwind-tables -Wall -Wextra -Werror"
).split()
KERNEL_HEADERS = ("any-linux-any", "x86-linux-any")


def compiler() -> list[str]:
    """Return the command that compiles C, but for what is compiled."""
    spec = find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the build needs the ziglang wheel")
    include = Path(spec.origin).parent / "lib/libc/include"
    headers = [f"-isystem{include / name}" for name in KERNEL_HEADERS]
    # No path of this machine gets into the object: it is the same wherever it is built.
    maps = [f"-ffile-prefix-map={Path.cwd()}=.", f"-ffile-prefix-map={include}=include"]
    return [sys.executable, "-m", "ziglang", "cc", *FLAGS, *headers, *maps]


def is_current(made: Path, dependencies: Path) -> bool:
    """Whether a file is newer than all that it was made of, as the compiler listed it.

    (And than the files that have the compiler's flags and its version, and what it
    leaves out.)
    """
    try:
        listed = dependencies.read_text().partition(":")[2].replace("\\\n", " ")
        sources = [*listed.split(), __file__, strip.__file__, "pyproject.toml"]
        time = made.stat().st_mtime_ns
        return all(Path(source).stat().st_mtime_ns < time for source in sources)
    except FileNotFoundError:
        return False


def compile_objects() -> None:
    """Compile what has changed; remove objects that have no source any more."""
    BUILD.mkdir(parents=True, exist_ok=True)
    expected = {OBJECTS / f"{name}.bpf.o" for name in SOURCE_OF}
    for stale in set(OBJECTS.glob("*.o")) - expected:
        stale.unlink()
    for name, (source, *flags) in SOURCE_OF.items():
        made, dependencies = OBJECTS / f"{name}.bpf.o", BUILD / f"{name}.d"
        if not is_current(made, dependencies):
            compiled = BUILD / f"{name}.o"
            written = ["-MMD", "-MF", str(dependencies), "-o", str(compiled)]
            command = [*compiler(), *flags, *written]
            command += ["-c", f"{SOURCES}/{source}.bpf.c"]
            subprocess.run(command, check=True)
            made.write_bytes(strip.stripped(compiled.read_bytes()))


def check_headers() -> bool:
    """Compile each header by itself; whether all include what they use."""
    BUILD.mkdir(parents=True, exist_ok=True)
    command = [*compiler(), "-DTARGET_x86_64", "-o", f"{BUILD}/header.o", "-c"]
    command += ["-x", "c", os.devnull, "-include"]
    headers = sorted(SOURCES.glob("*.h"))
    failed = [header for header in headers if subprocess.call([*command, str(header)])]
    return not failed


if __name__ == "__main__":
    if sys.argv[1:] == ["--headers"]:
        sys.exit(not check_headers())
    compile_objects()
