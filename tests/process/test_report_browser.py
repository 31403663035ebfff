"""The page of a report, as a browser shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.report.findings import Bin, Gap
from tcpconnect.report.page import page
from tests.support.browser import BROWSER, Browser
from tests.support.pages import DAY, NOW, findings, pair
from tests.support.programs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.packages

HOSTILE = "<img src=http://192.0.2.1/x onerror=console.log(1)>"
LONG = "a-name-without-any-end." * 20
NARROW, WIDE = 390, 1280
OVERFLOW = """
[...document.querySelectorAll("body *")].filter(
    each => !each.closest(".wide") && each.getBoundingClientRect().right > innerWidth
).map(each => each.tagName + " " + each.textContent.slice(0, 40))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, for all tests here."""
    needs(BROWSER)
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A page with all that may be on one."""
    pairs = [
        pair(f"/usr/bin/program-{n}", f"host-{n}.example", 443, n * n, tcp_us=n * 9_000)
        for n in range(1, 30)
    ]
    hostile = pair(HOSTILE, HOSTILE, 80, 12, failed=12, failures={HOSTILE: 12})
    long = pair(LONG, LONG, 80, 50, failed=3, is_new=True, first_seen=NOW - 50)
    made = findings(
        hostile,
        long,
        pair("宽" * 90, "fd00::17:0:0:1", 9200, 4, dns_us=4_000, tcp_us=80_000),
        *pairs,
        host=LONG,
        filters=f"--program {LONG}",
        gaps=[Gap(NOW - DAY, NOW - DAY + 9_000, "the recorder had been stopped")],
        step=600,
        bins={NOW - 600 * n: Bin(n * 7 % 90, n % 5) for n in range(1, 120)},
    )
    file = tmp_path / "report.html"
    file.write_text(page(made), encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_page_is_shown(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    """It asks for nothing, says nothing, and fits its window."""
    browser.open(report, width, scheme=scheme)
    browser.evaluate("document.querySelector('details').open = true")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(OVERFLOW) == []
    picture = browser.picture()
    (report.parent / f"{width}-{scheme}.png").write_bytes(picture)
    assert picture.startswith(b"\x89PNG")
    assert browser.requests == [report.as_uri()]
    assert browser.said == []


def test_its_style_applies(browser: Browser, report: Path) -> None:
    """The policy of content lets the page's own style through."""
    browser.open(report, WIDE)
    width = "getComputedStyle(document.body).maxWidth"
    assert browser.evaluate(width) == "1080px"
    bar = "getComputedStyle(document.querySelector('.failed[d]')).fill"
    assert browser.evaluate(bar) == "rgb(198, 40, 40)"


def test_what_a_name_holds_does_not_run(browser: Browser, report: Path) -> None:
    """Even if a name became a tag, nothing of it would be loaded or run."""
    text = report.read_text(encoding="utf-8")
    report.write_text(text.replace("<main>", f"<main>{HOSTILE}<script>a=1</script>"))
    browser.open(report, WIDE)
    assert browser.evaluate("typeof a") == "undefined"
    assert browser.requests == [report.as_uri()]
    assert ["Content Security Policy" in text for text in browser.said] == [True] * 3


def test_on_paper(browser: Browser, report: Path) -> None:
    """It can be printed, with its closed list."""
    browser.open(report, WIDE)
    assert browser.printed().startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    height = "document.querySelector('.every').getBoundingClientRect().height"
    assert browser.evaluate(height) > 100
    browser.call("Emulation.setEmulatedMedia", media="")
