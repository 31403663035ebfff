"""State: what is looked at, how it is sorted and filtered, and what keys change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tcpconnect.live import columns
from tcpconnect.live.model import Edge, destinations_of, programs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tcpconnect.live.columns import Column
    from tcpconnect.live.model import Model
    from tcpconnect.live.stream import Attempt

    Item = Edge | Attempt

VIEWS = ("edges", "programs", "destinations", "failures")
COLUMNS = {
    "edges": columns.EDGES,
    "programs": columns.PROGRAMS,
    "destinations": columns.DESTINATIONS,
}
INTERVALS = (1, 2, 5, 10, 30, 60)
MAX_FILTER = 100  # characters


class Order(NamedTuple):
    """By which column a view is sorted, -1 for its own order; and whether reversed."""

    column: int = -1
    reverse: bool = False


class Exact(NamedTuple):
    """A program, a destination, or both, which rows must have.

    ``comms`` are names of the program's threads.
    """

    program: tuple[str, str] | None = None
    destination: tuple[str, int] | None = None
    comms: tuple[str, ...] = ()

    def fits(self, item: Item) -> bool:
        """Whether a row has them."""
        program, place = of(item)
        return self.program in {None, program} and self.destination in {None, place}


def of(item: Item) -> tuple[tuple[str, str], tuple[str, int]]:
    """Return the program and the destination of a row."""
    program = item.program
    return (program.name, program.kind), (item.destination, item.port)


class State:
    """What the screen shows of a model; ``single`` are the columns of attempts.

    ``rows`` change with ``update`` only, so that nothing moves while it is looked at;
    while it is paused, ``model`` is a copy. Where the first row is not selected, the
    selected one stays selected and where it is on the screen.
    """

    def __init__(
        self, model: Model, single: Sequence[Column] = columns.Single().columns
    ) -> None:
        self.single = single
        self.model = model
        self._live: Model | None = None  # while it is paused
        self.view = VIEWS[0]
        self.words = ""  # of the filter
        self.exact: list[Exact] = []
        self.detail: Exact | None = None
        self.orders = dict.fromkeys((*VIEWS, ""), Order())
        self.rows: Sequence[Item] = ()
        self.at = self.top = 0  # the selected row, and the first one that is shown
        self.height = 1  # rows that are shown
        self._left: tuple[Any, int] = None, 0  # the row of the detail, and its line

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that are shown."""
        return self.single if self.detail else COLUMNS.get(self.view, self.single)

    @property
    def order(self) -> Order:
        """The order of what is shown."""
        return self.orders["" if self.detail else self.view]

    @property
    def selected(self) -> Item | None:
        """The selected row."""
        return self.rows[self.at] if self.at < len(self.rows) else None

    @property
    def paused(self) -> bool:
        """Whether it shows what was there when it was paused."""
        return self._live is not None

    def pause(self) -> None:
        """Keep what is shown, or go on with what there is by now."""
        if self._live is None:
            self.model, self._live = self.model.copy(), self.model
        else:
            self.model, self._live = self._live, None
            self.update()

    def update(self) -> None:
        """Show what the model has now."""
        before = self.selected if self.at else None
        line = self.at - self.top
        self.rows = self._sorted(filter(self._fits, self._items()))
        if before is None:
            self.scroll()
        else:
            self._find(before, line)

    def _find(self, item: Item, line: int) -> None:
        """Select a row that was shown in a line of the screen."""
        same = _same(item)
        found = (i for i, other in enumerate(self.rows) if same(other))
        self.at = next(found, self.at)
        self.top = self.at - line
        self.scroll()

    def scroll(self) -> None:
        """Keep the selected row, and the first one, within what there is."""
        self.at = max(0, min(self.at, len(self.rows) - 1))
        self.top = max(0, min(self.top, len(self.rows) - self.height))
        self.top = max(self.at - self.height + 1, min(self.top, self.at))

    def move(self, rows: int) -> None:
        """Select another row."""
        self.at += rows
        self.scroll()

    def _items(self) -> Iterable[Item]:
        edges = self.model.edges.values()
        if self.detail:
            fits = self.detail.fits
            return [item for edge in edges if fits(edge) for item in edge.latest]
        if self.view == "failures":
            return self.model.failures
        if self.view == "edges":
            return edges
        edges_that_fit = filter(self._fits, edges)
        unite = programs_of if self.view == "programs" else destinations_of
        return unite(edges_that_fit)

    def _fits(self, item: Item) -> bool:
        """Whether a row passes the filters; of united edges, their parts do."""
        if isinstance(item, Edge) and not (item.program.name and item.destination):
            return True
        if not all(exact.fits(item) for exact in self.exact):
            return False
        text = f"{item.program.name} {item.destination} {item.address} {item.port} "
        text = f"{text}{item.outcome} {item.program.comm}".lower()
        return all(word in text for word in self.words.lower().split())

    def _sorted(self, items: Iterable[Item]) -> list[Item]:
        order = self.order
        if order.column < 0:
            attempts = bool(self.detail) or self.view == "failures"
            key: Callable[[Any], Any] = _newest if attempts else _worst
            return sorted(items, key=key, reverse=order.reverse)
        column = self.columns[order.column]
        known: list[Item] = []
        unknown: list[Item] = []
        for item in sorted(items, key=_name):
            (unknown if column.key(item) is None else known).append(item)
        known.sort(key=column.key, reverse=column.falls != order.reverse)
        return known + unknown

    def look(self, view: str) -> None:
        """Show another view."""
        self.view, self.detail = view, None
        self._from_top()

    def next_view(self, step: int = 1) -> None:
        """Show the next view."""
        self.look(VIEWS[(VIEWS.index(self.view) + step) % len(VIEWS)])

    def enter(self) -> None:
        """Show the last attempts of the selected row."""
        if self.selected is not None and not self.detail:
            self._left = self.selected, self.at - self.top
            self.detail = self._exact_of(self.selected)
            self._from_top()

    def back(self) -> None:
        """Leave the last attempts, or else a filter."""
        if self.detail:
            self.detail = None
            self.update()
            self._find(*self._left)
        elif self.exact:
            self.exact.pop()
            self._from_top()
        elif self.words:
            self.filter("")

    def filter(self, words: str) -> None:
        """Show the rows that have all of these words."""
        self.words = words[:MAX_FILTER]
        self._from_top()

    def filter_selected(self) -> None:
        """Make the selected row a filter of all views."""
        if self.selected is not None:
            exact = self._exact_of(self.selected)
            if exact[:2] not in [other[:2] for other in self.exact]:
                self.exact.append(exact)
            self.detail = None
            self._from_top()

    def exact_parts(self) -> list[Exact]:
        """Return what the selected row must have, or else all rows."""
        parts = [*self.exact]
        if self.detail:
            parts.append(self.detail)
        if self.selected is not None:
            parts.append(self._exact_of(self.selected))
        return parts

    def sort(self, step: int) -> None:
        """Sort by another column, or by none."""
        name = "" if self.detail else self.view
        places = len(self.columns) + 1
        column = (self.order.column + 1 + step) % places - 1
        self.orders[name] = Order(column, self.order.reverse)
        self._from_top()

    def reverse(self) -> None:
        """Sort the other way round."""
        order = self.order
        name = "" if self.detail else self.view
        self.orders[name] = order._replace(reverse=not order.reverse)
        self._from_top()

    def change_interval(self, step: int) -> None:
        """Have a longer or a shorter interval."""
        now = self.model.interval
        if step > 0:
            found = [i for i in INTERVALS if i > now]
            interval = found[0] if found else now
        else:
            found = [i for i in INTERVALS if i < now]
            interval = found[-1] if found else now
        for model in (self.model, self._live):
            if model:
                model.interval = interval

    def _exact_of(self, item: Item) -> Exact:
        program, destination = of(item)
        if not isinstance(item, Edge):
            return Exact(program, destination, (item.program.comm,))
        if not item.program.name:
            return Exact(None, destination)
        comms = tuple(sorted(item.comms))
        return Exact(program, None if self.view == "programs" else destination, comms)

    def _from_top(self) -> None:
        self.at = self.top = 0
        self.update()


def _same(one: Item) -> Callable[[Item], bool]:
    """Return a function that knows the row again."""
    if isinstance(one, Edge):
        return lambda item: isinstance(item, Edge) and item.key == one.key
    return lambda item: item is one


def _worst(edge: Edge) -> tuple[float, float, int, float, object]:
    """Those that fail come first, then the busiest."""
    return -edge.fail_rate, -edge.rate, -edge.failed, -edge.last, edge.key


def _newest(attempt: Attempt) -> tuple[float, str]:
    return -attempt.time, attempt.destination


def _name(item: Item) -> Any:
    return of(item)
