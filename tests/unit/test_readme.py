"""README.md: commands that the tool takes, and links that lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from share import readme
from tcpconnect.options.verbs import VERBS, verb_named
from tcpconnect.parsing import parse, parse_verb
from tcpconnect.view import View
from tests.picture import CLIENT, MARGIN, WIDTH, drawn
from tests.picture import TYPED as TYPED_THERE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
TYPED = re.compile(r"(?:^# |`)tcpconnect( -[^`\n]*)`?", re.MULTILINE)
COMMANDS = [
    words
    for words in TYPED.findall(TEXT)
    if not re.search("-h|--help-all|--check", words)
]
BY_VERB = re.findall(
    rf"`tcpconnect ({'|'.join(v.name for v in VERBS)})([^`\n]*)`", TEXT
)
SVG = "{http://www.w3.org/2000/svg}"
SOURCE = "https://git.example/owner/name"


@pytest.mark.parametrize("words", COMMANDS)
def test_command(words: str) -> None:
    """Each command is one that the tool takes."""
    View(parse(shlex.split(words)))


@pytest.mark.parametrize(("verb", "words"), BY_VERB)
def test_verb(verb: str, words: str) -> None:
    """So is each with a verb."""
    parse_verb(verb_named(verb), shlex.split(words))


def test_eight_recipes() -> None:
    """There are eight recipes, and the first command."""
    recipes = TEXT.partition("## Eight recipes\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\|[^|]*\| `tcpconnect ", recipes, re.MULTILINE)) == 8
    assert "\n# tcpconnect -rd\n" in TEXT


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *ROOT.glob("docs/*.md")], ids=lambda path: path.name
)
def test_links(path: Path) -> None:
    """Links to files lead to files of the tree."""
    links = [
        found[3].partition("#")[0] for found in readme.LINK.finditer(path.read_text())
    ]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_links_elsewhere() -> None:
    """On a package index they lead to the repository, pictures too."""
    shown = readme.absolute(TEXT, SOURCE)
    assert readme.LINK.search(shown) is None
    assert f"({SOURCE}/blob/HEAD/docs/recipes.md)" in shown
    assert f"]({SOURCE}/raw/HEAD/docs/picture.svg)" in shown
    assert readme.absolute(TEXT, "") == TEXT


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        (f"{SOURCE}.git", SOURCE),
        (f"{SOURCE}/", SOURCE),
        ("git@git.example:owner/name.git", SOURCE),
        ("ssh://git@git.example/owner/name.git", SOURCE),
        ("/srv/git/name.git", ""),
        ("../name", ""),
        ("https://user:secret@git.example/owner/name", ""),
        ("", ""),
    ],
)
def test_repository(remote: str, expected: str) -> None:
    """The URL is that of a page; no path, and no secret."""
    assert readme.public(remote) == expected


def test_urls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An sdist keeps the URLs that it was built with."""
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    assert readme.urls() == {}
    (tmp_path / "PKG-INFO").write_text(f"Name: x\nProject-URL: Source, {SOURCE}\n")
    assert readme.urls()["Source"] == SOURCE
    assert readme.urls()["Issues"] == f"{SOURCE}/issues"


def test_picture() -> None:
    """The picture shows the columns that its command has, and how attempts ended."""
    picture = ET.parse(ROOT / "docs/picture.svg")
    words = " ".join(picture.getroot().itertext()).split()
    options = TYPED_THERE.replace(f"--netns {CLIENT}", "").split()[1:]
    shown = View(parse(options)).displays[None].columns
    assert [c.field.header for c in shown if c.field.header not in words] == []
    assert {"OK", "ECONNREFUSED", "RST", "ETIMEDOUT", "EHOSTUNREACH"} <= set(words)


def test_drawing() -> None:
    """Styles are kept, and every word stands in its column, whatever the font."""
    svg = "".join(drawn("\x1b[?2004h# a\r\n\x1b[1mA  <B\x1b[0m c\r\n"))
    spans = list(ET.fromstring(svg).iter(f"{SVG}tspan"))
    bold = "font-weight:bold"
    assert [(span.text, span.get("style")) for span in spans] == [
        ("# a", None),
        ("A", bold),
        ("<B", bold),
        ("c", None),
    ]
    assert [float(span.attrib["x"]) for span in spans] == pytest.approx(
        [MARGIN + column * WIDTH for column in (0, 0, 3, 6)], abs=0.1
    )
