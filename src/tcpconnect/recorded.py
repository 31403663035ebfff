"""The first line of a recording: what its writer and its reader agree on."""

from __future__ import annotations

import msgspec

# Readers refuse a newer one; that there are more keys, or kinds of lines, is no reason
# for another.
SCHEMA = 1


class About(msgspec.Struct, kw_only=True):
    """What made a recording; ``options`` are the words of the command line."""

    version: str = ""
    host: str = ""
    options: list[str] = []
    schema: int
