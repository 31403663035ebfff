"""Pinned maps of other programs: opened, and checked for type and sizes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.bpf import libbpf
from tcpconnect.errors import UsageError
from tcpconnect.machine import capabilities

if TYPE_CHECKING:
    import ctypes

    from tcpconnect.bpf.object import BpfObject

# Sizes of key and value in bytes, as bcc's tools define these maps.
SHAPES = {"--cgroupmap": (8, 8), "--mntnsmap": (8, 4)}


def use(bpf: BpfObject, name: str, option: str, path: str) -> None:
    """Have an object use the hash map pinned at ``path`` in the place of its own.

    Raises UsageError with what was found and what was expected.
    """
    fd = _open_map(bpf.library, option, path)
    try:
        bpf.replace(name, fd)
    finally:
        os.close(fd)


def _open_map(library: ctypes.CDLL, option: str, path: str) -> int:
    key, value = SHAPES[option]
    try:
        fd: int = library.bpf_obj_get(os.fsencode(path))
    except OSError as error:
        raise _wrong(option, path, _why_not(path, error)) from error
    found = _describe(library, fd)
    if found != f"a map of type hash, key {key}, value {value} bytes":
        os.close(fd)
        raise _wrong(option, path, f"it is {found}")
    return fd


def _wrong(option: str, path: str, reason: str) -> UsageError:
    key, value = SHAPES[option]
    message = messages.WRONG_MAP
    return UsageError(
        message, option=option, path=path, reason=reason, key=key, value=value
    )


def _why_not(path: str, error: OSError) -> str:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return os.strerror(error.errno or 0)
    if stat.S_ISDIR(mode):
        return "it is a directory"
    # (The kernel returns the same for files that are not BPF objects.)
    lacking = capabilities.lacking("CAP_DAC_OVERRIDE")
    if lacking and isinstance(error, PermissionError):
        reason, _ = capabilities.missing(lacking)
        return f"permission denied, {reason}"
    return "it is not a pinned BPF object"


def _describe(library: ctypes.CDLL, fd: int) -> str:
    kind = os.readlink(f"/proc/self/fd/{fd}").removeprefix("anon_inode:")
    if kind != "bpf-map":
        return f"a {kind}, not a map"
    info = libbpf.map_info(library, fd)
    types = libbpf.MAP_TYPES
    name = types[info.type] if info.type < len(types) else str(info.type)
    return f"a map of type {name}, key {info.key_size}, value {info.value_size} bytes"
