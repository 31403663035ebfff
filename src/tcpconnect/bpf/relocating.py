"""What libbpf has to know of the kernel for the load of an object, found for it."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from ctypes import byref, c_uint32
from typing import TYPE_CHECKING

from tcpconnect.bpf import tracing
from tcpconnect.bpf.few_types import FewTypes, located
from tcpconnect.bpf.kernel_types import KernelTypes, Types
from tcpconnect.bpf.relocations import named_types

if TYPE_CHECKING:
    from typing_extensions import Self


def kernel_types(library: ctypes.CDLL) -> KernelTypes | None:
    """Read the types of the kernel; None where only libbpf may find some."""
    try:
        types = KernelTypes(library)
        tracing.register(library)
    except (OSError, ValueError):  # of an empty file
        return None
    return types


class Relocating:
    """Gives an object's programs the members and numbers that they name.

    It is made of the object's file, before libbpf opens that, and left after the load.
    """

    def __init__(self, image: bytes, kernel: KernelTypes | None) -> None:
        self.kernel = kernel
        self._object = image
        self._types: FewTypes | None = None
        if kernel:
            with suppress(OSError):  # seccomp may refuse it, which costs time only
                self._types = FewTypes()

    @property
    def path(self) -> bytes | None:
        """Where libbpf finds types; None for all that the kernel has."""
        return self._types.path if self._types else None

    def prepare(self, library: ctypes.CDLL, opened: int) -> None:
        """Find them, when it is known which programs are loaded. Raises OSError."""
        if not self.kernel:
            return
        loaded = list(tracing.programs(library, opened))
        tracing.find(self.kernel, loaded)
        for program, _ in loaded:
            tracing.connect(self.kernel, library, program)
        if self._types:
            handle, size = library.bpf_object__btf(opened), c_uint32()
            image = library.btf__raw_data(handle, byref(size))
            own = Types(library, handle)
            names = {library.bpf_program__name(program) for program, _ in loaded}
            named = named_types(self._object, names)
            image = ctypes.string_at(image, size.value)
            self._types.fill(located(image, own, self.kernel, named))
        self.kernel, self._object = None, b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free all of it."""
        self.kernel, self._object = None, b""
        if self._types:
            self._types.close()
            self._types = None
