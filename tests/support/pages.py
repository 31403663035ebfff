"""Reports that tests read: what is on a page, as a browser would understand it."""

from __future__ import annotations

from html.parser import HTMLParser

from tcpconnect.report.findings import Findings, Pair

NOW = 1_764_417_600  # 2025-11-29 12:00:00 UTC
DAY = 86_400
VOID = {"meta", "br", "link", "img"}


def pair(
    program: str = "/usr/sbin/nginx",
    destination: str = "db.example",
    dport: int = 5432,
    attempts: int = 1,
    **members: object,
) -> Pair:
    """Return a pair that the last minute of the day has."""
    made = Pair(
        program=program, destination=destination, dport=dport, attempts=attempts
    )
    for name, value in members.items():
        setattr(made, name, value)
    if made.failed:
        made.failures = made.failures or {"ECONNREFUSED RST": made.failed}
        made.failing_since = made.failing_since or NOW - 60
    return made


def findings(*pairs: Pair, **members: object) -> Findings:
    """Return findings of a day in which somebody was looking all the time."""
    given = {
        "host": "here",
        "version": "1",
        "made": NOW,
        "since": NOW - DAY,
        "until": NOW,
        "watched_from": NOW - 30 * DAY,
        "running": True,
        "pairs": list(pairs),
    }
    return Findings(**{**given, **members})  # type: ignore[arg-type]


class Read(HTMLParser):
    """A page: its tags, the values of attributes, and the text of each section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.sections: dict[str, str] = {}
        self.policy = ""
        self._inside = ""
        self._pieces: list[str] = []
        self._in_heading = False
        self.feed(page)
        self.close()
        self._end_section()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag == "h2":
            self._end_section()
        self._in_heading = tag == "h2" or (self._in_heading and tag == "bdi")
        self._pieces.append(" ")

    def handle_data(self, data: str) -> None:
        """Take a text."""
        if self._in_heading:
            self._inside += data
            self._in_heading = False
        else:
            self._pieces.append(data)

    def _end_section(self) -> None:
        text = " ".join("".join(self._pieces).split())
        self.sections[self._inside] = text
        self._inside, self._pieces = "", []

    @property
    def text(self) -> str:
        """All of its text."""
        return " ".join(self.sections.values())
