"""The environment of tests, which is the same whoever runs them."""

from __future__ import annotations

import locale
import os
import re
import signal
from typing import Any

# What programs show, and where they connect to, as somebody has it for their own use.
THEIRS = re.compile(
    r"NO_COLOR|COLUMNS|LINES|LANG|LANGUAGE|LC_.*|.*_proxy|SSL_CERT_.*|XDG_.*|SUDO_.*"
    r"|OTEL_.*|PG.*|CLICKHOUSE_.*",
    re.IGNORECASE,
)
OURS = {"TERM": "xterm", "LC_ALL": "C.UTF-8"}
# nohup ignores the first one, shells the others in what they start with "&".
SIGNALS: dict[signal.Signals, Any] = {
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
}


def settle() -> None:
    """Have it from now on."""
    for name in filter(THEIRS.fullmatch, [*os.environ]):
        del os.environ[name]
    os.environ.update(OURS)
    for number, handler in SIGNALS.items():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)
    locale.setlocale(locale.LC_CTYPE, "")  # Python took theirs when it began
