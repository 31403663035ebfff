"""A real Alertmanager shows what is active, and what is not ends by itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tcpconnect.alerts.alert import Alert, Notice
from tcpconnect.notify import alertmanager as module
from tcpconnect.notify.alertmanager import Alertmanager
from tcpconnect.transport.post import Poster
from tcpconnect.transport.target import target
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support import alertmanagers
from tests.support.waiting import TIMEOUT_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

AGAIN_S = 0.2
LASTS_S = 1.0
LONG_S = 1000.0


def alert(kind: str, destination: str = "db.example", **members: object) -> Alert:
    """Return an alert of now."""
    text = f"{kind} {destination}"
    pair = {"program": 'web "<\u202e', "destination": destination, "dport": 443}
    now = int(time.time())
    return Alert(kind=kind, time=now, text=text, **pair, **members)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[alertmanagers.Alertmanager]:
    """Run a server for the tests of this module."""
    with alertmanagers.alertmanager(tmp_path_factory.mktemp("am")) as running:
        yield running


def channel(
    server: alertmanagers.Alertmanager, host: str, lasts_s: float = LASTS_S
) -> Alertmanager:
    """Return a channel that is started."""
    poster = Poster(target(server.url), {})
    made = Alertmanager(server.url, poster.post, host, AGAIN_S, lasts_s, LONG_S)
    made.start()
    return made


def shown(server: alertmanagers.Alertmanager, host: str) -> list[str]:
    """Return the summaries of a host's alerts."""
    mine = [a for a in server.alerts() if a["labels"]["host"] == host]
    return sorted(a["annotations"]["summary"] for a in mine)


@pytest.mark.root
def test_shown_with_its_labels(server: alertmanagers.Alertmanager) -> None:
    """Who, where to, and since when."""
    sender = channel(server, "one", LONG_S)
    since = int(time.time()) - 120
    failing = alert("failing", since=since, result="ECONNREFUSED RST")
    sender.put(Notice("1", failing))
    found = wait_until(
        lambda: [a for a in server.alerts() if a["labels"]["host"] == "one"], "it"
    )
    sender.close(10)
    (one,) = found
    assert one["labels"] == {
        "alertname": "TcpconnectFailing",
        "severity": "warning",
        "host": "one",
        "program": 'web "<\u202e',
        "destination": "db.example",
        "dport": "443",
    }
    assert one["annotations"]["result"] == "ECONNREFUSED RST"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))
    assert one["startsAt"].startswith(stamp)
    assert one["status"]["state"] == "active"


@pytest.mark.root
def test_solved(server: alertmanagers.Alertmanager) -> None:
    """It ends at once, long before it would have by itself."""
    sender = channel(server, "two", LONG_S)
    sender.put(Notice("1", alert("failing")))
    wait_until(lambda: shown(server, "two"), "the alert")
    sender.put(Notice("2", alert("solved")))
    wait_until(lambda: not shown(server, "two"), "its end")
    sender.close(10)


@pytest.mark.root
def test_sent_again_until_the_end(server: alertmanagers.Alertmanager) -> None:
    """It is active for longer than it lasts; when the recorder is gone, it ends."""
    sender = channel(server, "three")
    failing = alert("failing")
    sender.put(Notice("1", failing))
    sender.active([failing])
    wait_until(lambda: shown(server, "three"), "the alert")

    def ends() -> str:
        found = [a for a in server.alerts() if a["labels"]["host"] == "three"]
        return max((a["endsAt"] for a in found), default="")

    later = time.strftime(
        "%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2 * LASTS_S + 1)
    )
    wait_until(lambda: ends() > later, "an alert that goes on")
    sender.close(10)
    wait_until(lambda: not shown(server, "three"), "its end")


@pytest.mark.root
def test_new(server: alertmanagers.Alertmanager) -> None:
    """What is new is active for a while, also after a restart."""
    sender = channel(server, "four", LONG_S)
    sender.resume([alert("new", "before.example")])
    sender.put(Notice("1", alert("new", "*", more=3, examples=["a to b"])))
    wait_until(lambda: len(shown(server, "four")) == 2, "both")
    assert shown(server, "four") == ["new *", "new before.example"]
    sender.close(10)


class Fake:
    """Takes what is posted while ``works``."""

    def __init__(self) -> None:
        self.works = threading.Event()
        self.bodies: list[bytes] = []
        self.tries = 0

    def post(self, _path: str, body: bytes) -> None:
        """Take a body. Raises UndeliveredError."""
        self.tries += 1
        if not self.works.is_set():
            raise UndeliveredError("it is gone")
        self.bodies.append(body)


def test_a_server_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What began and was solved meanwhile is sent when it is back."""
    monkeypatch.setattr(module, "SOON_S", 0.01)
    fake = Fake()
    sender = Alertmanager("x", fake.post, "here")
    sender.start()
    sender.put(Notice("1", alert("failing", "a")))
    wait_until(lambda: fake.tries > 2, "some tries")
    sender.put(Notice("2", alert("failing", "b")))
    sender.put(Notice("3", alert("solved", "a")))
    fake.works.set()
    wait_until(lambda: fake.bodies, "what is active")
    sender.close(10)
    assert b'"solved a"' in fake.bodies[-1]
    assert b'"failing b"' in fake.bodies[-1]
    assert [str(line) for line in sender.warnings.take()] == [
        "can't send alerts to x: it is gone; it is tried again",
        "alerts are sent to x again",
    ]


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest of what is new goes; what is over is not sent again."""
    monkeypatch.setattr(module, "MAX_NEW", 2)
    fake = Fake()
    fake.works.set()
    sender = Alertmanager("x", fake.post, "here")
    sender.resume([alert("new", name) for name in "abc"])
    old = alert("new", "d")
    sender.resume([replace(old, time=old.time - 4000)])
    sender.start()
    wait_until(lambda: fake.bodies, "what is active")
    sender.close(10)
    (body,) = fake.bodies
    assert (b'"new b"' in body, b'"new c"' in body, b'"new d"' in body) == (
        False,
        True,
        False,
    )


def test_a_slow_server_keeps_nobody() -> None:
    """The end does not wait for it longer than it may."""
    hold = threading.Event()

    def post(*_: object) -> None:
        hold.wait()

    sender = Alertmanager("x", post, "here")
    sender.start()
    sender.put(Notice("1", alert("failing")))
    begin = time.monotonic()
    sender.close(0.1)
    assert time.monotonic() - begin < TIMEOUT_S
    hold.set()
