"""The man page and the completions: whole, and without a fault that a checker finds."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from share import __main__ as share
from share import man
from share.option import SHOWN
from tcpconnect.connection import CONNECTION
from tcpconnect.flow import FLOW
from tcpconnect.options.examples import EXAMPLES
from tcpconnect.options.verbs import VERBS
from tests.support.programs import needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tcpconnect.options.verbs import Verb

NAMES = [flag for option in SHOWN for flag in option.flags]


def words(text: str) -> str:
    """Return a text without line breaks and with single spaces."""
    return " ".join(text.split())


def mandoc(*arguments: str, page: str) -> str:
    """Return a page as text."""
    needs("mandoc")
    command = ["mandoc", "-Tascii", *arguments]
    shown = subprocess.run(
        command, input=page, check=True, capture_output=True, text=True
    )
    return re.sub(".\b", "", shown.stdout)


@pytest.fixture(scope="module")
def text() -> str:
    """Return the man page as text."""
    return mandoc("-Owidth=70", page=man.page())


def sentence(text: str) -> str:
    """Return a text of the parser or a field table as the page has it."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


@pytest.mark.packages
def test_page_has_options(text: str) -> None:
    """Every option is there with all its names, its value and its help."""
    page = words(text)
    for option in SHOWN:
        head = f"{', '.join(option.flags)} {option.metavar}".rstrip()
        assert f" {head} {words(sentence(option.help))}" in page


@pytest.mark.packages
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_page_has_verb(text: str, verb: Verb) -> None:
    """Every verb has its part: usage, what it does, what it takes, and its keys."""
    _, _, part = words(text).partition(f" tcpconnect {verb.name} {words(verb.usage)} ")
    _, _, part = part.partition(f" tcpconnect {verb.name} {words(verb.usage)} ")
    assert part.startswith(sentence(verb.help))
    own = [o for o in verb.options if o.help and words(sentence(o.help)) not in part]
    shared = [o.flags for o in verb.taken if o.help and f" {o.flags[0]}" not in part]
    keys = [key for key, does in verb.keys if f" {key} {sentence(does)}" not in part]
    assert (own, shared, keys) == ([], [], [])


@pytest.mark.packages
def test_page_has_fields(text: str) -> None:
    """Every field is there with its header and its meaning."""
    page = words(text)
    for column in (*CONNECTION.values(), *FLOW.values()):
        field = column.field
        entry = f" {column.name} ({field.header}) {sentence(field.meaning)}"
        assert entry in page


@pytest.mark.packages
@pytest.mark.parametrize("line", EXAMPLES.splitlines())
def test_page_has_example(text: str, line: str) -> None:
    """Every example of the help is there as it can be typed."""
    assert words(line.replace("./", "# ", 1)) in words(text)


@pytest.mark.packages
@pytest.mark.parametrize(
    "name",
    "NAME SYNOPSIS DESCRIPTION OPTIONS VERBS FIELDS OVERHEAD EXAMPLES STABILITY FILES "
    "ENVIRONMENT".split(),
)
def test_page_has_section(text: str, name: str) -> None:
    """What people look for in a man page is where they look for it."""
    assert f"\n{name}\n" in text


def test_page_is_filled() -> None:
    """No place of the template is left."""
    assert re.findall("@[A-Z]+@", man.page()) == []


# The page has no date: the wheel is the same whenever it is built.
NO_DATE = 'WARNING: missing date, using "": TH'


@pytest.mark.packages
@pytest.mark.parametrize(
    "command", ["mandoc -T lint -W style", "groff -ww -man -Tutf8 -z"]
)
def test_page_has_no_fault(command: str) -> None:
    """Neither of the two programs that set man pages has anything to say."""
    needs(command.split(maxsplit=1)[0])
    checked = subprocess.run(
        command.split(), input=man.page(), capture_output=True, text=True, check=False
    )
    said = (checked.stdout + checked.stderr).splitlines()
    assert [line for line in said if NO_DATE not in line] == []


@pytest.mark.packages
@pytest.mark.parametrize("hostile", [".so /etc/passwd", "'br", r"\fB", "a-b\n.c"])
def test_text_is_no_roff(hostile: str) -> None:
    """What looks like a request of roff is set as text."""
    page = f'.TH A 8 ""\n.SH A\n.nf\n{man.roff(hostile)}\n'
    assert words(hostile) in words(mandoc(page=page))


def test_everything_is_written(tmp_path: Path) -> None:
    """A file for man and for each shell is written where they look for it."""
    share.main(str(tmp_path))
    written = [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(written) == sorted(share.FILES)


SCRIPTS = [make for name, make in share.FILES.items() if not name.startswith("man")]


@pytest.mark.parametrize("make", SCRIPTS)
def test_script_has_everything(make: Callable[[], str]) -> None:
    """Every option and every column is completed."""
    script = make()
    known = set(re.findall(r"[a-z0-9_-]+", script, re.IGNORECASE))
    if "complete -c" in script:  # fish names options without their dashes
        known |= {f"--{name}" for name in re.findall("-l ([a-z0-9-]+)", script)}
        known |= {f"-{name}" for name in re.findall("-s (.) ", script)}
    assert [name for name in [*NAMES, *CONNECTION, *FLOW] if name not in known] == []
    assert re.findall("@[A-Z]+@", script) == []
