"""libbpf 1.x through ctypes: prototypes, and errors as exceptions. No TCP here."""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_bool,
    c_char,
    c_char_p,
    c_int,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from typing import TYPE_CHECKING, Any

from tcpconnect.errors import KernelError
from tcpconnect.output import printable, write_line

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY = "libbpf.so.1"

# enum bpf_map_type, include/uapi/linux/bpf.h.
MAP_TYPES = (
    "unspec hash array prog_array perf_event_array percpu_hash percpu_array "
    "stack_trace cgroup_array lru_hash lru_percpu_hash lpm_trie array_of_maps "
    "hash_of_maps devmap sockmap cpumap xskmap sockhash cgroup_storage "
    "reuseport_sockarray percpu_cgroup_storage queue stack sk_storage devmap_hash "
    "struct_ops ringbuf inode_storage task_storage bloom_filter user_ringbuf "
    "cgrp_storage arena insn_array"
).split()


class TestRunOptions(Structure):
    """The first members of struct bpf_test_run_opts."""

    _fields_ = (
        ("sz", c_size_t),
        ("data_in", c_void_p),
        ("data_out", c_void_p),
        ("data_size_in", c_uint32),
        ("data_size_out", c_uint32),
        ("ctx_in", c_void_p),
        ("ctx_out", c_void_p),
        ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32),
        ("retval", c_uint32),
        ("repeat", c_int),
    )


class OpenOptions(Structure):
    """The first members of struct bpf_object_open_opts."""

    _fields_ = (
        ("sz", c_size_t),
        ("object_name", c_char_p),
        ("relaxed_maps", c_bool),
        ("pin_root_path", c_char_p),
        ("removed", c_uint32),
        ("kconfig", c_char_p),
        ("btf_custom_path", c_char_p),
    )


class MapInfo(Structure):
    """The first members of struct bpf_map_info."""

    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("key_size", c_uint32),
        ("value_size", c_uint32),
        ("max_entries", c_uint32),
        ("map_flags", c_uint32),
        ("name", c_char * 16),
    )


class LinkOptions(Structure):
    """The first members of struct bpf_link_create_opts."""

    _fields_ = (("sz", c_size_t), ("flags", c_uint32), ("reserved", c_uint32))


class IterOptions(Structure):
    """Struct bpf_iter_attach_opts; ``link_info`` is the descriptor of a map."""

    _fields_ = (
        ("sz", c_size_t),
        ("link_info", POINTER(c_uint32)),
        ("link_info_len", c_uint32),
    )


# libbpf's warnings since this was cleared, a line each.
said: list[str] = []

_PRINTER = CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)
_vsnprintf = ctypes.CDLL(None).vsnprintf
_vsnprintf.argtypes = (c_char_p, c_size_t, c_char_p, c_void_p)
_LOG_BYTES = 1 << 16


def _format(text: bytes, arguments: int) -> str:
    """Return a message, escaped: it may contain names that other users chose.

    Once for each message: that uses up the arguments, a va_list.
    """
    buffer = ctypes.create_string_buffer(_LOG_BYTES)
    _vsnprintf(buffer, _LOG_BYTES, text, arguments)
    return "\n".join(map(printable, buffer.value.split(b"\n")))


def _keep(level: int, text: bytes, arguments: int) -> int:
    if level == 0:
        _remember(_format(text, arguments))
    return 0


def _echo(level: int, text: bytes, arguments: int) -> int:
    message = _format(text, arguments)
    for line in message.splitlines():
        write_line(line)
    if level == 0:
        _remember(message)
    return 0


def _remember(message: str) -> None:
    lines = message.removeprefix("libbpf: ").splitlines()
    said.extend(line for line in lines if line)


# They must stay referenced: libbpf has only their addresses.
_KEEP, _ECHO, _NOBODY = _PRINTER(_keep), _PRINTER(_echo), _PRINTER()


def set_log(library: ctypes.CDLL, *, echo: bool) -> None:
    """Collect libbpf's warnings in ``said``; with ``echo``, write its log to stderr."""
    library.libbpf_set_print(_ECHO if echo else _KEEP)


def no_log(library: ctypes.CDLL) -> None:
    """Have nothing written until ``set_log`` is called."""
    library.libbpf_set_print(_NOBODY)


def without_log(library: ctypes.CDLL, do: Callable[[], None], *, echo: bool) -> None:
    """Do something without a log; if that fails, again, for what libbpf says of it.

    It has thousands of messages that nobody reads, unless they are to be written. For
    each of them Python is called: 3 ms, and each waits while other threads run.
    Raises KernelError.
    """
    again = echo
    if not echo:
        no_log(library)
        try:
            do()
        except KernelError:
            again = True
        finally:
            set_log(library, echo=False)
    if again:
        do()


def _failed_int(result: int, function: Any, _: object) -> int:
    """Raise OSError for a negative errno, as libbpf 1.x returns them."""
    if result < 0:
        raise OSError(-result, os.strerror(-result), function.__name__)
    return result


def _failed_pointer(result: int | None, function: Any, _: object) -> int:
    """Raise OSError for a null pointer, with the errno that libbpf set."""
    if not result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), function.__name__)
    return result


# Each other thread waits while one of these runs: they don't enter the kernel. With the
# others Python lets them run, and then waits until it is this one's turn again.
_QUICK = (
    "bpf_map__ bpf_program__fd bpf_program__set_autoload bpf_program__set_type "
    "bpf_program__set_insns bpf_program__insn bpf_program__name bpf_program__autoload "
    "bpf_program__section_name bpf_object__find_ bpf_object__next_ bpf_object__btf "
    "bpf_link__fd btf__raw_data btf__type_by_id btf__find_by_name_kind "
    "btf__name_by_offset libbpf_set_print"
).split()

MAY_BE_NULL = ("libbpf_set_print", "bpf_object__next_program")

_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "bpf_object__open_mem": (c_void_p, (c_char_p, c_size_t, POINTER(OpenOptions))),
    "bpf_object__btf": (c_void_p, (c_void_p,)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__close": (None, (c_void_p,)),
    "bpf_object__find_map_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_object__find_program_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_object__next_program": (c_void_p, (c_void_p, c_void_p)),
    "bpf_program__attach": (c_void_p, (c_void_p,)),
    "bpf_program__attach_trace": (c_void_p, (c_void_p,)),
    "bpf_program__autoload": (c_bool, (c_void_p,)),
    "bpf_program__insn_cnt": (c_size_t, (c_void_p,)),
    "bpf_program__insns": (c_void_p, (c_void_p,)),
    "bpf_program__name": (c_char_p, (c_void_p,)),
    "bpf_program__set_insns": (c_int, (c_void_p, c_char_p, c_size_t)),
    "bpf_program__section_name": (c_char_p, (c_void_p,)),
    "bpf_program__set_type": (c_int, (c_void_p, c_int)),
    "bpf_program__attach_cgroup": (c_void_p, (c_void_p, c_int)),
    "bpf_program__attach_perf_event": (c_void_p, (c_void_p, c_int)),
    "bpf_program__attach_iter": (c_void_p, (c_void_p, POINTER(IterOptions))),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_program__set_expected_attach_type": (c_int, (c_void_p, c_int)),
    "bpf_program__set_autoload": (c_int, (c_void_p, c_bool)),
    "bpf_iter_create": (c_int, (c_int,)),
    "bpf_link_create": (c_int, (c_int, c_int, c_int, POINTER(LinkOptions))),
    "bpf_link__destroy": (c_int, (c_void_p,)),
    "bpf_link__fd": (c_int, (c_void_p,)),
    "bpf_map__fd": (c_int, (c_void_p,)),
    "bpf_map__set_autocreate": (c_int, (c_void_p, c_int)),
    "bpf_map__set_max_entries": (c_int, (c_void_p, c_uint32)),
    "bpf_map__set_value_size": (c_int, (c_void_p, c_uint32)),
    "bpf_map__initial_value": (c_void_p, (c_void_p, POINTER(c_size_t))),
    "bpf_map__reuse_fd": (c_int, (c_void_p, c_int)),
    "bpf_map_update_elem": (c_int, (c_int, c_void_p, c_void_p, c_uint64)),
    "bpf_map_delete_elem": (c_int, (c_int, c_void_p)),
    "bpf_map_update_batch": (
        c_int,
        (c_int, c_char_p, c_char_p, POINTER(c_uint32), c_void_p),
    ),
    "bpf_map_lookup_batch": (
        c_int,
        (c_int, *[c_void_p] * 4, POINTER(c_uint32), c_void_p),
    ),
    "bpf_prog_test_run_opts": (c_int, (c_int, POINTER(TestRunOptions))),
    "bpf_prog_query": (
        c_int,
        (c_int, c_int, c_uint32, c_void_p, c_void_p, POINTER(c_uint32)),
    ),
    "btf__find_by_name_kind": (c_int, (c_void_p, c_char_p, c_uint32)),
    "btf__free": (None, (c_void_p,)),
    "btf__name_by_offset": (c_char_p, (c_void_p, c_uint32)),
    "btf__new": (c_void_p, (c_void_p, c_uint32)),
    "btf__parse_raw": (c_void_p, (c_char_p,)),
    "btf__raw_data": (c_void_p, (c_void_p, POINTER(c_uint32))),
    "btf__type_by_id": (c_void_p, (c_void_p, c_uint32)),
    "libbpf_register_prog_handler": (c_int, (c_char_p, c_int, c_int, c_void_p)),
    "libbpf_probe_bpf_prog_type": (c_int, (c_int, c_void_p)),
    "bpf_obj_get": (c_int, (c_char_p,)),
    "bpf_obj_get_info_by_fd": (c_int, (c_int, c_void_p, POINTER(c_uint32))),
    "libbpf_set_print": (c_void_p, (_PRINTER,)),
}


@cache
def load_library() -> ctypes.CDLL:
    """Load libbpf and declare the functions in use, once.

    Raises OSError when libbpf.so.1 can't be loaded.
    """
    library = ctypes.CDLL(LIBRARY, use_errno=True)
    quick = ctypes.PyDLL(LIBRARY, use_errno=True)
    for name, (result, arguments) in _PROTOTYPES.items():
        if name.startswith(tuple(_QUICK)):
            setattr(library, name, getattr(quick, name))
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = result
        # bpf_map_lookup_batch ends with ENOENT: its caller looks at the result.
        if result is c_void_p and name not in MAY_BE_NULL:
            function.errcheck = _failed_pointer
        elif result is c_int and name != "bpf_map_lookup_batch":
            function.errcheck = _failed_int
    return library


def map_info(library: ctypes.CDLL, fd: int) -> MapInfo:
    """Return type and sizes of a map. Raises OSError if ``fd`` is not a map."""
    info = MapInfo()
    size = c_uint32(ctypes.sizeof(info))
    library.bpf_obj_get_info_by_fd(fd, byref(info), byref(size))
    return info
