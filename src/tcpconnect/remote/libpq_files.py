"""The files of TLS that libpq knows: read before privileges are dropped.

libpq would read them when it connects. Of a home of root's, who we are by then may not
even know whether a file is there: libpq then goes on without TLS, or not at all.
"""

from __future__ import annotations

import os
import stat

from tcpconnect import remote_messages
from tcpconnect.errors import UsageError, did_you_mean

NONE = "/dev/null/none"  # a file that can't be there: libpq warns of other things
MOST = 16 << 20  # bytes
AUTHORITIES, REVOKED, CERTIFICATE, KEY = "sslrootcert", "sslcrl", "sslcert", "sslkey"
# The parameters of connections, with their variables, and their files in HOME.
NAMES = {
    AUTHORITIES: ("PGSSLROOTCERT", "root.crt"),
    REVOKED: ("PGSSLCRL", "root.crl"),
    CERTIFICATE: ("PGSSLCERT", "postgresql.crt"),
    KEY: ("PGSSLKEY", "postgresql.key"),
}
MODE = "PGSSLMODE"
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# Words that are no paths: the authorities of the system, a key in a device.
SYSTEM, DEVICE = "system", ":"


def found() -> tuple[dict[str, str], dict[str, bytes]]:
    """Return parameters that are no files of ours, and what is in those that are.

    Raises UsageError.
    """
    others, files = dict[str, str](), dict[str, bytes]()
    mode = os.environ.get(MODE, "")
    if mode and mode not in MODES:
        raise UsageError(
            remote_messages.INVALID_MODE,
            name=MODE,
            value=mode,
            reason=did_you_mean(mode, MODES) or f"known: {', '.join(MODES)}",
        )
    if mode == MODES[0]:
        return others, files
    for name, (variable, file) in NAMES.items():
        named = os.environ.get(variable, "")
        home = os.path.expanduser(f"~/.postgresql/{file}")
        if (name, named) == (AUTHORITIES, SYSTEM) or (name == KEY and DEVICE in named):
            continue  # as its variable says
        if name == KEY and CERTIFICATE not in files:
            continue  # it is of no use
        if named:
            files[name] = _read(named, variable, is_key=name == KEY)
        elif os.access(home, os.F_OK):
            files[name] = _read(home, f"{variable} (by default)", is_key=name == KEY)
        elif name in {REVOKED, CERTIFICATE}:
            others[name] = NONE
    return others, files


def _read(path: str, variable: str, *, is_key: bool) -> bytes:
    """Return what is in a file; a key is read as libpq would. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            # Group and others may do nothing, but for the group of a file of root's.
            refused = stat.S_IRWXO | stat.S_IRWXG
            if status.st_uid == 0:
                refused &= ~stat.S_IRGRP
            if not (is_key and status.st_mode & refused):
                return file.read(MOST)
            reason = "others may read it; it must be 0600, of root's 0640"
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    raise UsageError(
        remote_messages.NO_SECRET, path=path, variable=variable, reason=reason
    )
