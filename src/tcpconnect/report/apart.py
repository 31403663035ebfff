"""begin(): what writes a page with rights that are given up before it is made."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.errors import OutputError
from tcpconnect.failure import explain
from tcpconnect.output import STDOUT_NAME, ReaderGoneError, write
from tcpconnect.report.writing import write_page

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLETE = b"\0"  # ends a page; none has it inside
READ_BYTES = 65536


def begin(path: str | None) -> Callable[[str], int]:
    """Return what writes a page, once, and returns the exit code.

    A process of root's waits for the page, and writes it to ``path``: it sees nothing
    of what the page is made of. Without root, or for stdout, there is none.
    """
    if os.geteuid() or path in {None, STDOUT_NAME}:

        def write_here(page: str) -> int:
            write_page(path, page)
            return 0

        return write_here
    theirs, ours = os.pipe2(os.O_CLOEXEC)
    process = os.fork()
    if not process:
        os.close(ours)
        os._exit(_wait_and_write(theirs, path))
    os.close(theirs)

    def send(page: str) -> int:
        with suppress(ReaderGoneError):  # its exit code says more
            write(ours, page.encode() + COMPLETE)
        os.close(ours)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if code < 0:
            message, reason = messages.CANT_OPEN_FILE, "the process was killed"
            raise OutputError(message, path=path, reason=reason)
        return code

    return send


def _wait_and_write(fd: int, path: str | None) -> int:
    """Write the page that comes, if all of it comes; return the exit code."""
    page = b""
    try:
        while data := os.read(fd, READ_BYTES):
            page += data
        if page.endswith(COMPLETE):
            write_page(path, page.removesuffix(COMPLETE).decode())
    except Exception as error:  # noqa: BLE001 (main() is in the other process)
        return explain(error, verbose=False)
    return 0
