"""A frame: what is on the screen, as lines of texts with tones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.live.cells import fit
from tcpconnect.live.columns import GAP, UNKNOWN, clock, number, widths
from tcpconnect.live.model import Edge
from tcpconnect.live.state import VIEWS
from tcpconnect.output import harmless, is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tcpconnect.live.model import Model
    from tcpconnect.live.state import Item, State

    Line = list[tuple[str, str]]  # texts with their tones

# Tones of texts.
PLAIN, TITLE, HEADER, BAD, DIM, SELECTED = "", "title", "header", "bad", "dim", "here"
BARS = "▁▂▃▄▅▆▇█" if is_unicode() else "_.:-=+*#"
UP, DOWN = "▲▼" if is_unicode() else "^v"
LABEL = 9
HEAD_LINES = 5  # above the column headers


def head(
    state: State,
    cells: int,
    notes: Sequence[str] = (),
    *,
    now: float | None = None,
) -> list[Line]:
    """Return the lines above the rows; ``notes`` are states such as paused."""
    model = state.model
    shown = model.time if now is None or model.whole else now
    at = clock(shown)
    named = filter(None, ("tcpconnect top", model.host, model.options))
    title = " ".join(map(harmless, named))
    rates = [*_rates(model), *notes]
    return [
        [(fit(title, cells - len(at) - 1), TITLE), (f" {at}", TITLE)],
        [(fit("   ".join(rates), cells), BAD if model.lost else PLAIN)],
        *_sparks(model, cells),
        _views(state, cells),
    ]


def _rates(model: Model) -> Iterator[str]:
    untimed = model.whole and not model.time and bool(model.edges)
    each = "" if untimed else "/s"
    failed = number(model.fail_rate) if model.known or not model.rate else UNKNOWN
    yield f"attempts{each} {number(model.rate)}"
    yield f"failed{each} {failed}"
    yield f"lost {model.lost:.0f}"
    if model.others:
        yield f"not shown {model.others:.0f}"
    if untimed:
        yield "no times: counts, not rates"
    elif model.percent < 100:
        yield f"{model.percent} % read"
    else:
        yield "whole recording" if model.whole else f"every {model.interval:g} s"


def _sparks(model: Model, cells: int) -> Iterator[Line]:
    """Yield the lines of the last minute, the same second below the same."""
    attempts, failed = zip(*model.minute(), strict=True)
    room = max(1, cells - LABEL - len(f" {max(attempts)}/s"))
    yield _spark("attempts", attempts, cells, room)
    yield _spark("failed", failed, cells, room, BAD)


def _spark(
    label: str, values: Sequence[int], cells: int, room: int, tone: str = PLAIN
) -> Line:
    """Return a bar for each second that has room, and the highest."""
    most = max(values)
    scale = " " + BARS
    drawn = "".join(
        scale[-(-value * len(BARS) // most) if most else 0] for value in values
    )
    text = f"{label:{LABEL}}{drawn[-room:]} {most}/s"
    return [(fit(text, cells), tone if most else DIM)]


def _views(state: State, cells: int) -> Line:
    line: Line = []
    left = cells
    for view in VIEWS:
        word = f" {view} "[:left]
        here = view == state.view and not state.detail
        line.append((word, SELECTED if here else DIM))
        left -= len(word)
    text = " ".join(_filters(state))
    line.append((fit(f"  {text}" if text else "", left), PLAIN))
    return line


def _filters(state: State) -> Iterator[str]:
    if state.detail:
        name = _exact(state.detail.program, state.detail.destination)
        yield f"last attempts of {name}"
    for exact in state.exact:
        yield f"only {_exact(exact.program, exact.destination)}"
    if state.words:
        yield f"/{harmless(state.words)}"


def _exact(program: tuple[str, str] | None, place: tuple[str, int] | None) -> str:
    name = program[0] if program else ""
    to = f"{place[0]}:{place[1]}" if place else ""
    return harmless(" to ".join(part for part in (name, to) if part))


def column_heads(state: State, cells: int) -> Line:
    """Return the headers of the columns; one is marked that rows are sorted by."""
    parts = []
    order = state.order
    each = zip(state.columns, widths(state.columns, cells), strict=True)
    for at, (column, width) in enumerate(each):
        name = column.header
        if at == order.column:
            name = f"{name[: width - 1]}{DOWN if column.falls != order.reverse else UP}"
        parts.append(fit(name, width, right=column.right))
    return [(fit((" " * GAP).join(parts), cells), HEADER)]


def row(state: State, item: Item, cells: int, *, selected: bool = False) -> Line:
    """Return the line of a row."""
    tone = PLAIN
    if selected:
        tone = SELECTED
    elif item.fail_rate if isinstance(item, Edge) else item.failed:
        tone = BAD
    parts = [
        fit(harmless(column.text(item, state.model.time)), width, right=column.right)
        for column, width in zip(
            state.columns, widths(state.columns, cells), strict=True
        )
    ]
    return [(fit((" " * GAP).join(parts), cells), tone)]


def no_row(state: State, cells: int, line: int, *, ended: bool) -> Line:
    """Return a line below the last row: the first one says why there is none."""
    text = ""
    if not state.rows and not line:
        what = "failures" if state.view == "failures" else "attempts"
        text = f"no {what}" if ended else f"no {what} yet"
        if state.words or state.exact:
            text = "no row passes the filter; Esc removes it"
    return [(fit(text, cells), DIM)]


def whole(state: State, cells: int) -> Iterator[str]:
    """Yield a frame with all rows, as text."""
    lines: Iterable[Line] = [
        *head(state, cells)[: HEAD_LINES - 1],
        column_heads(state, cells),
        *(row(state, item, cells) for item in state.rows),
    ]
    for line in lines:
        yield "".join(text for text, _ in line).rstrip()
