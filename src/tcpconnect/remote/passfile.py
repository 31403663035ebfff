"""The password of PostgreSQL: in the environment, or a file as libpq has it.

It is read before privileges are dropped: libpq would read it when it connects.
"""

from __future__ import annotations

import os
import re

from tcpconnect.remote.url import secret, text_of

FILE = "PGPASSFILE"
_FIELDS = re.compile(r"((?:[^:\\]|\\.)*)(?::|$)")


def password(host: str, port: int, database: str, user: str) -> str:
    """Return the password, "" where there is none. Raises UsageError."""
    _, found = secret("PGPASSWORD")
    path = os.environ.get(FILE, "")
    home = os.path.expanduser("~/.pgpass")
    if not path and os.access(home, os.R_OK):
        path = home
    if found or not path:
        return found
    asked = host, str(port), database, user
    for line in text_of(path, FILE).splitlines():
        fields = [re.sub(r"\\(.)", r"\1", each) for each in _FIELDS.findall(line)[:5]]
        if len(fields) == 5 and not line.startswith("#"):
            *patterns, found = fields
            if all(p in {"*", a} for p, a in zip(patterns, asked, strict=True)):
                return found
    return ""
