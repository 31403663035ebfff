"""Rows: the formats whose rows one expression makes, of structs or of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.formats import STRUCTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    import msgspec

    from tcpconnect.formats import Reading

    class Watcher(Protocol):
        """Something that counts events of which only rows are made."""

        def maker(self, reading: Reading) -> Callable[..., list[Any]]:
            """Return a function that makes values of what is read so."""

        def count(self, values: list[Any]) -> None:
            """Count what it made."""


class Rows:
    """A format that makes rows in two steps: ``maker``, then ``text`` of what it made.

    The first can be compiled for all that has the values of columns, so that no structs
    are made for it (decision 65).
    """

    left_out: Sequence[str] = ()

    def __init__(self) -> None:
        self._of_structs: Callable[..., list[Any]] | None = None

    @property
    def of_structs(self) -> Callable[..., list[Any]]:
        """The function that makes rows of structs."""
        if not self._of_structs:
            self._of_structs = self.maker(STRUCTS)
        return self._of_structs

    def header(self) -> bytes:
        """Return the header of all rows."""
        return b""

    def maker(self, reading: Reading) -> Callable[..., list[Any]]:
        """Return a function that makes rows of what is read so."""
        raise NotImplementedError

    def text(self, rows: list[Any]) -> bytes:
        """Return the lines of rows."""
        raise NotImplementedError

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return the lines of these structs."""
        return self.text(self.of_structs(structs))
