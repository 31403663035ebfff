"""Imports the command, which is most of its start, and runs it."""

from __future__ import annotations

import gc
import sys
import typing
from types import SimpleNamespace
from typing import Any

# Python 3.11 looks for garbage after each 700 new objects. An import makes many, hardly
# any of which are garbage: until a trace is ready, it looks for none.
OBJECTS_AT_START = 50_000


def _compile(*given: Any) -> Any:
    """Do what re.compile() does, and import it then."""
    import re

    return re.compile(*given)


def _schema(*given: Any) -> Any:
    """Do what msgspec.json.schema() does, and import it then."""
    from msgspec._json_schema import schema

    return schema(*given)


# What msgspec imports, and what it takes from it at once: what Python has, too, from
# typing_extensions, where tcpconnect[top] has brought them (with inspect, 14 ms); types
# of which nothing here is (with platform, 3 ms); and patterns, of which nothing here is
# (from Python 3.13 on nobody else needs re before programs are attached: 1 ms).
SPARED: dict[str, Any] = {
    "typing_extensions": None,
    "uuid": SimpleNamespace(
        UUID=type("UUID", (), {}), SafeUUID=SimpleNamespace(unknown=None)
    ),
    "decimal": SimpleNamespace(Decimal=type("Decimal", (), {})),
    "re": SimpleNamespace(compile=_compile),
}
# Its own modules that it imports, and hardly anybody needs (2 ms).
PARTS: dict[str, Any] = {
    "inspect": SimpleNamespace(),
    "_json_schema": SimpleNamespace(schema=_schema, schema_components=None),
    "toml": SimpleNamespace(),
    "yaml": SimpleNamespace(),
}
SPARED |= {f"msgspec.{name}": part for name, part in PARTS.items()}


def main() -> int:
    """Run the command; return its exit code."""
    gc.set_threshold(OBJECTS_AT_START)
    _import_msgspec()
    from tcpconnect import cli

    return cli.main()


def _import_msgspec() -> None:
    """Import it without what is spared; who imports that later gets the real ones.

    It makes a forward reference to see whether it can. Python compiles that, and makes
    all types of syntax trees for it (1.5 ms).
    """
    spared = {name: each for name, each in SPARED.items() if name not in sys.modules}
    sys.modules.update(spared)
    real = typing.ForwardRef
    if sys.version_info >= (3, 11):  # it can
        typing.ForwardRef = lambda *_, **_given: None  # type: ignore[assignment,misc]
    try:
        import msgspec
    finally:
        typing.ForwardRef = real  # type: ignore[misc]
        for name in spared:
            del sys.modules[name]
    for name, part in PARTS.items():
        if vars(msgspec).get(name) is part:
            delattr(msgspec, name)
