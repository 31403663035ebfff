"""A seccomp filter, as containers and units have them: it refuses system calls."""

from __future__ import annotations

import ctypes
import functools
import platform
import struct
from typing import TYPE_CHECKING, Any

from tests.support import launch
from tests.support.system import checked, libc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
RET_ERRNO, RET_ALLOW = 0x00050000, 0x7FFF0000
# Of classic BPF: load a word, jump when it equals, return.
LD_W_ABS, JEQ_K, RET_K = 0x20, 0x15, 0x06

# arch/*/entry/syscalls: x86_64, aarch64.
NUMBERS = {
    name: numbers[platform.machine() == "aarch64"]
    for name, numbers in {
        "capget": (125, 90),
        "capset": (126, 91),
        "prctl": (157, 167),
        "setgroups": (116, 159),
        "setresgid": (119, 149),
        "setresuid": (117, 147),
        "prlimit64": (302, 261),
    }.items()
}


def refuse(names: Collection[str], error: int) -> None:
    """Have these calls fail with an errno, for good, over exec(2) too."""
    code = [(LD_W_ABS, 0, 0, 0)]  # struct seccomp_data begins with the number
    for name in names:
        code += [(JEQ_K, 0, 1, NUMBERS[name]), (RET_K, 0, 0, RET_ERRNO | error)]
    code.append((RET_K, 0, 0, RET_ALLOW))
    filters = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *one) for one in code)
    )
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters))
    checked(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0))


def command(
    names: Collection[str], error: int, options: Iterable[object]
) -> dict[str, Any]:
    """Return the arguments of Popen with which the tool is refused some calls."""
    begin = functools.partial(refuse, names, error)
    return {**launch.command(options), "preexec_fn": begin}
