"""Words of the command line from files: ``@FILE``."""

from __future__ import annotations

import os
import stat

from tcpconnect import word_messages
from tcpconnect.errors import UsageError

MAX_BYTES = 64 << 10


def words_of(path: str) -> list[str]:
    """Return the words of a file, as a shell reads them. Raises UsageError.

    None of them stands for another file.
    """
    import shlex

    try:
        return shlex.split(_text(path), comments=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    except ValueError as error:  # of shlex, and of a path
        reason = str(error)
    raise UsageError(word_messages.CANT_READ_OPTIONS, path=path, reason=reason)


def _text(path: str) -> str:
    """Return the text of a regular file; others might not end. Raises ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            raw = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES >> 10} KiB")
    if b"\0" in raw:
        raise ValueError("it has a NUL byte")
    return os.fsdecode(raw)
