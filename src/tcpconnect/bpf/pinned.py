"""Pinned maps that others made: found, and checked for the shape that is needed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tcpconnect.bpf import libbpf
from tcpconnect.errors import UsageError
from tcpconnect.machine import capabilities

if TYPE_CHECKING:
    import ctypes

# Sizes of key and value in bytes, as bcc's tools define these maps.
SHAPES = {"--cgroupmap": (8, 8), "--mntnsmap": (8, 4)}


def open_map(library: ctypes.CDLL, option: str, path: str) -> int:
    """Return a descriptor of the hash map pinned at ``path``.

    Raises UsageError, saying what was found there and what is needed.
    """
    key, value = SHAPES[option]
    needed = f"needed is a pinned BPF map of type hash, key {key}, value {value} bytes"
    try:
        fd: int = library.bpf_obj_get(os.fsencode(path))
    except OSError as error:
        raise UsageError(f"{option} {path!r}", _why_not(path, error), needed) from error
    found = _describe(library, fd)
    if found != f"a map of type hash, key {key}, value {value} bytes":
        os.close(fd)
        raise UsageError(f"{option} {path!r}", f"it is {found}", needed)
    return fd


def _why_not(path: str, error: OSError) -> str:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return os.strerror(error.errno or 0)
    if stat.S_ISDIR(mode):
        return "it is a directory"
    # (The kernel says the same of what is no BPF object.)
    lacking = capabilities.lacking("CAP_DAC_OVERRIDE")
    if lacking and isinstance(error, PermissionError):
        reason, _ = capabilities.missing(lacking)
        return f"no right to read and write it, {reason}"
    return "it is no pinned BPF object"


def _describe(library: ctypes.CDLL, fd: int) -> str:
    kind = os.readlink(f"/proc/self/fd/{fd}").removeprefix("anon_inode:")
    if kind != "bpf-map":
        return f"a {kind}, not a map"
    info = libbpf.map_info(library, fd)
    types = libbpf.MAP_TYPES
    name = types[info.type] if info.type < len(types) else str(info.type)
    return f"a map of type {name}, key {info.key_size}, value {info.value_size} bytes"
