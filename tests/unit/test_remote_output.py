"""Remote: what it puts into the spool, and what it keeps in memory."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tcpconnect.alerts.ties import Mailbox
from tcpconnect.batch import NO_LOSSES, Losses, Totals
from tcpconnect.endpoints import Endpoint
from tcpconnect.image import Image, Place
from tcpconnect.outputs.prometheus import Prometheus
from tcpconnect.outputs.queued import Queued
from tcpconnect.outputs.remote import Remote
from tcpconnect.remote.otlp import Otlp
from tcpconnect.remote.sender import Sender
from tcpconnect.remote.spool import KEEP_S, LOSSES, SINGLE, WINDOWS, Spool
from tests.support.counted import notice
from tests.support.disks import fill, small_disk
from tests.support.folding import attempt, batch, refused
from tests.support.scraping import get, samples
from tests.support.servers import Server
from tests.support.spools import waiting

if TYPE_CHECKING:
    from pathlib import Path

    from tcpconnect.connection import Connection

pytestmark = pytest.mark.usefixtures("no_proxies")

NOW = time.time() // 60 * 60
NOWHERE = "otlp+http://127.0.0.1:1"


def opened(path: Path, options: str = "", max_size: int = 1 << 20) -> Remote:
    """Return an output whose place is not there."""
    output = Remote(Otlp(NOWHERE + options), Spool(str(path), max_size))
    output.open()
    return output


def closed(output: Remote, events: int, losses: Losses = NO_LOSSES) -> None:
    """Close an output."""
    output.close(Totals(events, losses))


def test_all_are_there(tmp_path: Path) -> None:
    """Windows have all attempts; one by one, those that are asked for."""
    output = opened(tmp_path, "?events=failed")
    for n in range(130):
        output.write(batch([attempt(), refused()], NOW + n))
    closed(output, 260)
    assert waiting(tmp_path) == {SINGLE: 130, WINDOWS: 260}


def test_all_fail_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails on all hosts at the same second is sent at a random moment."""
    woken: list[float] = []
    monkeypatch.setattr(Sender, "wake", lambda _, within=0.0: woken.append(within))
    output = opened(tmp_path, "?events=failed")
    output.write(batch([refused()], NOW))
    output.write(batch([], NOW + 9))
    assert woken == [60]
    output.write(batch([attempt()], NOW + 10))
    closed(output, 2)
    assert woken == [60, 10]


def test_losses(tmp_path: Path) -> None:
    """What was lost is a block of its own, once."""
    output = opened(tmp_path)
    output.write(batch([attempt()], NOW, Losses(ring=3)))
    closed(output, 1, Losses(ring=5))
    assert waiting(tmp_path) == {WINDOWS: 1, "losses": 0}


def test_refused_at_the_end(tmp_path: Path) -> None:
    """What is lost after the last turn is in the spool: the next run says it."""
    with Server(status=400) as server:
        output = Remote(
            Otlp(f"otlp+http://127.0.0.1:{server.port}"), Spool(str(tmp_path))
        )
        output.open()
        output.write(batch([attempt()], NOW))
        closed(output, 1)
    assert waiting(tmp_path) == {LOSSES: 0}


def test_too_old(tmp_path: Path) -> None:
    """What has waited for too long is lost at the start, in time to be said."""
    first = opened(tmp_path)
    first.write(batch([attempt()], NOW))
    closed(first, 1)
    for path in tmp_path.glob("*-*"):
        *name, since = path.name.split("-")
        path.rename(path.with_name("-".join([*name, str(int(since) - KEEP_S - 60)])))
    second = opened(tmp_path)
    assert (second.unsent, waiting(tmp_path)) == ({NOWHERE: 1}, {})
    closed(second, 0)


def test_bounded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A spool that is full takes windows; made = waiting + dropped, for both."""
    output = opened(tmp_path, "?events=all", max_size=10_000)
    made = 0
    for n in range(130):
        events = [attempt(pid=1000 + n * 50 + m) for m in range(50)]
        output.write(batch(events, NOW + n))
        made += 50
    closed(output, made)
    left = waiting(tmp_path)
    assert left[WINDOWS] == made
    lines = [line for line in capfd.readouterr().err.splitlines() if "in total" in line]
    (line,) = lines
    dropped = int(line.split()[3])
    assert left.get(SINGLE, 0) + dropped == made
    assert "one by one" in line
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 10_000


def test_memory_is_flat(tmp_path: Path) -> None:
    """While a place is away, what waits is on disk, and of a scan not all is kept."""
    output = opened(tmp_path, "?events=all", max_size=50 << 20)
    image = Image("/usr/bin/nmap", "nmap", Place())
    tracemalloc.start()
    sizes: list[int] = []
    for n in range(30):
        base = attempt(image=image)
        output.write(batch([_to(base, 500 * n + m) for m in range(500)], NOW + 30 * n))
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    closed(output, 15_000)
    assert waiting(tmp_path) == {SINGLE: 15_000, WINDOWS: 15_000}
    assert max(sizes[20:]) < max(sizes[5:15]) + (1 << 20)


def _to(event: Connection, n: int) -> Connection:
    address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
    return replace(event, daddr=address, query=None)


@pytest.mark.root
def test_a_small_disk(capfd: pytest.CaptureFixture[str]) -> None:
    """Windows wait in memory, and are written when there is room."""
    with small_disk() as disk:
        output = opened(disk / "spool")
        output.write(batch([attempt()], NOW))
        filler = disk / "more"
        fill(filler)
        output.write(batch([attempt()], NOW + 60))
        output.write(batch([attempt()], NOW + 120))
        filler.unlink()
        output.write(batch([attempt()], NOW + 180))
        closed(output, 4)
        assert waiting(disk / "spool") == {WINDOWS: 4}
    assert "can't write to the directory" in capfd.readouterr().err


def test_whose_an_alert_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert of a pod has its resource, one of a unit that of the host."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    place = Place(container="web", container_id="c0ffee" * 10, pod="web", pod_uid="1f")
    box = Mailbox("here")
    box.sent = list[str]().append
    output = Remote(Otlp(NOWHERE), Spool(str(tmp_path)), box=box)
    output.open()
    output.write(batch([attempt(image=Image("/bin/web", "web", place))], NOW))
    for program in ("web", "other"):
        found = notice(int(NOW))
        alert = replace(found.alert, program=program)
        box.put(replace(found, alert=alert))
    closed(output, 1)
    first, second = (file.read_bytes() for file in sorted(tmp_path.glob("*-alerts-*")))
    assert b"k8s.pod.uid" in first
    assert b"container.id" not in first
    assert b"k8s" not in second


def test_metrics(tmp_path: Path, port: int) -> None:
    """What a place will never have is on a page of metrics, and among its losses."""
    output = opened(tmp_path, max_size=10)
    beside = Queued(output)
    page = Prometheus(f"prometheus://{port}", Endpoint("127.0.0.1", port))
    page.count_others([beside], None)
    page.open()
    page.write(batch([], NOW))
    for n in range(3):
        output.write(batch([attempt()] * 5, NOW + 60 * n))
    assert sum(beside.unsent.values()) == 10
    text = get(port, "/metrics")[1]
    closed(output, 15)
    page.close(Totals(15, NO_LOSSES))
    assert samples(text, "tcpconnect_place_dropped_total") == {(NOWHERE,): 10}
