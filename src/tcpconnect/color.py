"""Whether the output is colored."""

from __future__ import annotations

import os


def is_colored(choice: str, fd: int) -> bool:
    """Decide by the option --color, for what is written to ``fd``.

    NO_COLOR counts unless it is empty: https://no-color.org.
    """
    if choice != "auto":
        return choice == "always"
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return not plain and os.isatty(fd)
