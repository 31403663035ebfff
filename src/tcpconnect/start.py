"""Imports the command, which is most of its start, and runs it."""

from __future__ import annotations

import gc
import sys
from types import SimpleNamespace
from typing import Any

# Python 3.11 looks for garbage after each 700 new objects. An import makes many, hardly
# any of which are garbage: until a trace is ready, it looks for none.
OBJECTS_AT_START = 50_000

# What others import, and what they take from it at once. msgspec takes what Python has,
# too, from typing_extensions, where tcpconnect[top] has brought them (with inspect,
# 14 ms), and types of which nothing here is (with platform, 3 ms); argparse would
# translate, but Python brings no translations (1.2 ms).
SPARED: dict[str, Any] = {
    "typing_extensions": None,
    "uuid": SimpleNamespace(
        UUID=type("UUID", (), {}), SafeUUID=SimpleNamespace(unknown=None)
    ),
    "decimal": SimpleNamespace(Decimal=type("Decimal", (), {})),
    "gettext": SimpleNamespace(
        gettext=lambda text: text, ngettext=lambda one, more, n: one if n == 1 else more
    ),
}


def main() -> int:
    """Run the command; return its exit code."""
    gc.set_threshold(OBJECTS_AT_START)
    spared = {name: each for name, each in SPARED.items() if name not in sys.modules}
    sys.modules.update(spared)
    from tcpconnect import cli

    for name in spared:  # who imports them later gets the real ones
        del sys.modules[name]
    return cli.main()
