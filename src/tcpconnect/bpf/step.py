"""step(): names the step that libbpf or the kernel has refused."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tcpconnect.bpf import libbpf
from tcpconnect.errors import KernelError, remedy_for
from tcpconnect.machine import capabilities
from tcpconnect.machine.capabilities import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.errors import Message


@contextmanager
def step(message: Message, *needed: str, **values: object) -> Iterator[None]:
    """Make an OSError of libbpf a KernelError that names the step.

    The reason is which of the ``needed`` capabilities are missing, if any; else the
    errno, and libbpf's first warning.
    """
    libbpf.said.clear()
    try:
        yield
    except OSError as error:
        lacking = isinstance(error, PermissionError) and capabilities.lacking(*needed)
        if lacking:
            reason, remedy = missing(lacking)
            raise KernelError(
                message, **values, reason=reason, remedy=remedy
            ) from error
        reason = os.strerror(error.errno or 0)
        if libbpf.said:
            reason += f" ({libbpf.said[0]})"
        remedy = "tcpconnect --check examines this machine, -v shows libbpf's log"
        remedy = remedy_for(error.errno or 0) or remedy
        raise KernelError(message, **values, reason=reason, remedy=remedy) from error
