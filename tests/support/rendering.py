"""What formats print, of structs that were made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect import formats
from tcpconnect.connection import CONNECTION
from tcpconnect.fields import Column, choose
from tests.support.samples import connection

if TYPE_CHECKING:
    import msgspec


def render(output: str, columns: list[Column], *structs: msgspec.Struct) -> str:
    """Return all that a format prints."""
    sink = formats.open_format(output, columns)
    return (sink.header() + sink.rows(structs)).decode()


def show(output: str, names: str, **changes: Any) -> str:
    """Return what a format prints of one attempt, in these columns."""
    return render(output, choose(CONNECTION, names.split()), connection(**changes))
