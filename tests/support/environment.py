"""The environment of tests, which is the same whoever runs them."""

from __future__ import annotations

import locale
import os
import re

# What programs show, and where they connect to, as somebody has it for their own use.
THEIRS = re.compile(
    r"NO_COLOR|COLUMNS|LINES|LANG|LANGUAGE|LC_.*|.*_proxy|SSL_CERT_.*|XDG_.*|SUDO_.*"
    r"|OTEL_.*|PG.*|CLICKHOUSE_.*",
    re.IGNORECASE,
)
OURS = {"TERM": "xterm", "LC_ALL": "C.UTF-8"}


def settle() -> None:
    """Have it from now on."""
    for name in filter(THEIRS.fullmatch, [*os.environ]):
        del os.environ[name]
    os.environ.update(OURS)
    locale.setlocale(locale.LC_CTYPE, "")  # Python took theirs when it began
