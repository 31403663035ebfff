"""Colors: when there are any, and that they change nothing else."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.color import is_colored
from tcpconnect.connection import CONNECTION, Connection
from tcpconnect.fields import Column, choose
from tcpconnect.flow import FLOW, Flow
from tcpconnect.formats import open_format
from tests.support.samples import connection, empty, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

RED, YELLOW, BOLD, END = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


def render(
    columns: list[Column], *structs: msgspec.Struct, colored: bool = True
) -> str:
    """Return a table."""
    sink = open_format("table", columns, colored=colored)
    return (sink.header() + sink.rows(structs)).decode()


def plain(text: str) -> str:
    """Return a text without its colors."""
    return re.sub(r"\x1b\[\d+m", "", text)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal, as good as most."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = os.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


def test_terminal_is_colored(terminal: int) -> None:
    """By default, what a person looks at is colored."""
    assert is_colored("auto", terminal)


def test_pipe_is_not_colored(terminal: int) -> None:
    """What another program reads is not, unless asked for."""
    with open(os.devnull, "wb") as file:
        assert terminal
        assert not is_colored("auto", file.fileno())
        assert is_colored("always", file.fileno())


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("NO_COLOR", "1", False),
        ("NO_COLOR", "0", False),
        ("NO_COLOR", "", True),
        ("TERM", "dumb", False),
        ("TERM", "vt100", True),
    ],
)
def test_environment(
    monkeypatch: pytest.MonkeyPatch,
    terminal: int,
    variable: str,
    value: str,
    *,
    expected: bool,
) -> None:
    """NO_COLOR counts when it is set and not empty; a dumb terminal has no colors."""
    monkeypatch.setenv(variable, value)
    assert is_colored("auto", terminal) == expected


def test_option_is_stronger_than_the_environment(
    monkeypatch: pytest.MonkeyPatch, terminal: int
) -> None:
    """Who asks for colors in the command gets them, and who refuses them does not."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert is_colored("always", terminal)
    monkeypatch.delenv("NO_COLOR")
    assert not is_colored("never", terminal)


@pytest.mark.parametrize(
    ("table", "struct"),
    [
        (CONNECTION, whole(Connection)),
        (CONNECTION, empty(whole(Connection), CONNECTION)),
        (CONNECTION, connection(comm="a  ", result="ETIMEDOUT", latency_ms=127e3)),
        (FLOW, whole(Flow)),
        (FLOW, empty(whole(Flow), FLOW)),
    ],
)
def test_only_colors_are_added(
    table: dict[str, Column], struct: msgspec.Struct
) -> None:
    """Without its colors, each line is that of the plain table, whatever is last."""
    for last in table:
        names = [*(name for name in table if name != last), last]
        columns = choose(table, names)
        colored = render(columns, struct)
        assert plain(colored) == render(columns, struct, colored=False)


def row(names: str, struct: msgspec.Struct) -> str:
    """Return the row of a struct in these columns."""
    table = FLOW if isinstance(struct, Flow) else CONNECTION
    return render(choose(table, names.split()), struct).splitlines()[1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"result": "OK"}, "OK           4"),
        ({"result": None}, "-            4"),
        ({"result": "ECONNREFUSED"}, f"{RED}ECONNREFUSED{END} 4"),
        ({"result": "ETIMEDOUT"}, f"{RED}ETIMEDOUT{END}    4"),
        ({"result": "errno 599"}, f"{RED}errno 599{END}    4"),
        ({"result": "ABORTED"}, f"{YELLOW}ABORTED{END}      4"),
        ({"result": "PENDING"}, f"{YELLOW}PENDING{END}      4"),
    ],
)
def test_result(changes: dict[str, Any], expected: str) -> None:
    """Failures are red, what has no outcome yellow, and success is plain."""
    assert row("result ip", connection(**changes)) == expected


@pytest.mark.parametrize("name", ["latency_ms", "dns_ms"])
def test_slow(name: str) -> None:
    """Who waited for a second, as long as a lost SYN costs, is set off."""
    assert row(f"{name} ip", connection(**{name: 999.999})) == "999.999   4"
    slow = row(f"{name} ip", connection(**{name: 1000.0}))
    assert slow == f"{YELLOW}1000.000{END}  4"


def test_flow() -> None:
    """Of a flow, failures are red and slow ends yellow, where there are any."""
    names = "ok failed latency_avg_ms latency_max_ms"
    good = Flow("a", "b", 80, 2, 2, 0, 1.0, 2.0)
    bad = Flow("a", "b", 80, 2, 1, 1, 900.0, 1200.0)
    assert row(names, good) == "2        0        1.000       2.000"
    expected = f"1        {RED}1{END}        900.000     {YELLOW}1200.000{END}"
    assert row(names, bad) == expected


def test_header_is_bold() -> None:
    """The line of headers stands out."""
    header = render(choose(CONNECTION, ["pid", "dport"]))
    assert header == f"{BOLD}PID    DPORT{END}\n"


@pytest.mark.parametrize("name", ["json", "csv"])
def test_formats_for_programs_have_no_colors(name: str) -> None:
    """--color changes nothing of what is for programs."""
    columns, event = choose(CONNECTION, ["result"]), connection(result="ETIMEDOUT")
    plain_sink, sink = (
        open_format(name, columns),
        open_format(name, columns, colored=True),
    )
    assert type(sink) is type(plain_sink)
    assert sink.rows([event]) == plain_sink.rows([event])
