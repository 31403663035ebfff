"""The table on a terminal: its columns fit the width."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tcpconnect.formats import row_maker
from tcpconnect.formats.colored import BOLD, COLORS, set_off
from tcpconnect.formats.fitting import cells, cut, needed, widths
from tcpconnect.formats.rows import Rows
from tcpconnect.formats.table import UNKNOWN
from tcpconnect.memo import Memo
from tcpconnect.output import escaped, is_unicode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tcpconnect.fields import Column, Field
    from tcpconnect.formats import Reading


MAX_CELLS, MAX_VALUE = 4096, 64  # most cells kept of a column, of texts so long


class FittedTable(Rows):
    """Lines as long as the terminal is wide, at most. They are aligned.

    When columns have to move, because the terminal was resized or a long value came,
    there is another header. Cells are kept for values that come again, until then.
    """

    def __init__(
        self, columns: list[Column], width: Callable[[], int], *, colored: bool = False
    ) -> None:
        self.left_out: Sequence[str] = ()
        self._columns = columns
        self._fields = [column.field for column in columns]
        self._width = width
        self._colored = colored
        self._unicode = is_unicode()
        self._mark = "…" if self._unicode else "~"
        self._need = [needed(field, len(field.header)) for field in self._fields]
        self._printed = ""  # the last header
        self._of: tuple[int, ...] = ()  # what the widths were found for
        self._found: list[int] = []
        makers = [partial(self._cell, number) for number in range(len(columns))]
        self._cells = [Memo(maker, MAX_CELLS, _is_short) for maker in makers]
        self._lines = _line_maker(self._cells)
        super().__init__()

    def header(self) -> bytes:
        """Return the line of headers."""
        self._find_widths()
        self._printed = self._titles()
        return self._bold(self._printed).encode()

    def maker(self, reading: Reading) -> Callable[..., list[Any]]:
        """Return a function that makes rows of values."""
        return row_maker(self._columns, cells=True, reading=reading)

    def text(self, rows: list[Any]) -> bytes:
        """Return a line for each row; before them a header, if columns moved."""
        self._find_widths()
        lines = self._lines(rows)
        if self._needs_more():
            self._find_widths()
            lines = self._lines(rows)
        titles, head = self._titles(), ""
        if self._printed and titles != self._printed:
            self._printed, head = titles, self._bold(titles)
        return "".join([head, *lines]).encode()

    def _cell(self, number: int, value: Any) -> str:
        """Return the cell of a value, with what separates it from the next one.

        Learn what the column needs, if values in it may not be cut.
        """
        field = self._fields[number]
        text = self._text(field, value)
        if field.fit.whole:
            need = max(self._need[number], needed(field, len(text)))
            self._need[number] = need
        return self._fitting(number, value, text)

    def _needs_more(self) -> bool:
        return self._of[1:] != (*self._need,)

    def _find_widths(self) -> None:
        width = self._width()
        if self._of[:1] != (width,) or self._needs_more():
            self._of = width, *self._need
            self._found = widths(self._fields, width, self._need)
            shown = zip(self._fields, self._found, strict=True)
            self.left_out = [field.label for field, found in shown if not found]
            for kept in self._cells:
                kept.clear()

    def _titles(self) -> str:
        headers = enumerate(field.header for field in self._fields)
        titles = [self._fitting(number, None, header) for number, header in headers]
        return "".join(titles).rstrip(" ") + "\n"

    def _bold(self, titles: str) -> str:
        return set_off(titles, BOLD) if self._colored else titles

    def _text(self, field: Field, value: Any) -> str:
        if value is None:
            return UNKNOWN
        if not isinstance(value, str):
            return f"%{field.spec}" % (value,)
        shown: str = value
        return shown if self._unicode else escaped(shown)

    def _fitting(self, number: int, value: Any, text: str) -> str:
        field, width = self._fields[number], self._found[number]
        if not width:
            return ""
        cell = cut(text, width, self._mark, tail=field.fit.tail)
        cell += " " * (width - cells(cell))
        if self._colored and field.tone and value is not None:
            tone = field.tone(value)
            cell = set_off(cell, COLORS[tone]) if tone else cell
        return f"{cell} "


def _is_short(value: Any, _cell: str) -> bool:
    return not isinstance(value, str) or len(value) <= MAX_VALUE


def _line_maker(every: list[Memo[Any, str]]) -> Callable[[list[Any]], list[str]]:
    """Return a function from rows of values to lines, compiled for these columns."""
    names = [f"value{number}" for number in range(len(every))]
    known = {f"cells{i}": cells for i, cells in enumerate(every)}
    line = "".join([f"{{cells{i}[{name}]}}" for i, name in enumerate(names)])
    source = (
        f"lambda rows: [f'{line}'.rstrip(' ') + '\\n' for {', '.join(names)}, in rows]"
    )
    maker: Callable[[list[Any]], list[str]]
    maker = eval(source, known)  # noqa: S307 (numbers, nothing else)
    return maker
