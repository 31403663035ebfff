"""Steps that libbpf can fail in, and what it says about them."""

from __future__ import annotations

import ctypes
import os
from ctypes import c_size_t

from tcpconnect.bpf import libbpf
from tcpconnect.errors import KernelError


class Log:
    """What libbpf says: to stderr when verbose, else kept for an error's reason."""

    def __init__(self, library: ctypes.CDLL, *, echo: bool) -> None:
        self.warnings: list[str] = []
        vsnprintf = ctypes.CDLL(None).vsnprintf
        vsnprintf.argtypes = (
            ctypes.c_char_p,
            c_size_t,
            ctypes.c_char_p,
            ctypes.c_void_p,
        )

        def write(level: int, text: bytes, arguments: int) -> int:
            buffer = ctypes.create_string_buffer(16384)
            vsnprintf(buffer, len(buffer), text, arguments)
            line = buffer.value.decode(errors="backslashreplace")
            if echo:
                os.write(2, line.encode())
            elif level == 0:
                self.warnings.append(line.strip())
            return 0

        self._callback = libbpf.PRINTER(write)  # kept: libbpf has only its address
        library.libbpf_set_print(self._callback)


class Step:
    """Names the step in the KernelError when libbpf fails in it."""

    def __init__(self, what: str, log: Log) -> None:
        self._what = what
        self._log = log

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, OSError):
            said = self._log.warnings[-1:]
            reason = "; ".join([os.strerror(error.errno or 0), *said])
            raise KernelError(
                f"can't {self._what}",
                reason,
                "tcpconnect --check examines this machine",
            ) from error
