"""The run from the first line to the last, with a trace that is made up."""

from __future__ import annotations

import errno
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import asdict

from tcpconnect import cli
from tcpconnect.batch import Batch, Losses
from tcpconnect.connection import CONNECTION
from tcpconnect.errors import Line
from tcpconnect.flow import Flow
from tcpconnect.outputs.queued import Queued
from tcpconnect.settings import Settings
from tests.support.samples import connection, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from tcpconnect.connection import Connection

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY = "Tracing connect ... Hit Ctrl-C to end\n"


class FakeTrace:
    """Gives batches that were made up instead of the kernel's events."""

    def __init__(self) -> None:
        self.script: list[list[Connection]] = []
        self.losses = Losses()
        self.warnings: list[Line] = []
        self.processes_ended = False
        self.needed_capabilities = frozenset({"CAP_BPF"})
        self.kept: set[str] = set()
        self.settings = Settings()
        self.stopped = False

    def __call__(self, settings: Settings) -> Self:
        """Stand for trace()."""
        self.settings = settings
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def stop_with(self, fd: int) -> None:
        """Take note of nothing."""

    def process_ends(self) -> None:
        """Leave nothing to another process."""

    def stop(self) -> None:
        """Take note of it."""
        self.stopped = True

    def batches(self) -> Iterator[Batch]:
        """Yield what was made up."""
        yield Batch([], Losses(), self.warnings, 0)
        for events in self.script:
            shown = [] if self.settings.count else events
            yield Batch(shown, self.losses, [], 0)
        if self.settings.count:
            yield Batch([whole(Flow)] * 3, self.losses, [], 0)

    def histogram(self) -> list[int]:
        """Return one value in the first slot."""
        return [1, *[0] * 63]


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTrace]:
    """A trace without a kernel, and signals with their defaults while it is used."""
    fake = FakeTrace()
    monkeypatch.setattr("tcpconnect.pipeline.trace", fake)
    monkeypatch.setattr("tcpconnect.pipeline.keep_only", fake.kept.update)
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield fake
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(capfd: pytest.CaptureFixture[str], line: str) -> tuple[list[str], str]:
    """Run the tool; return the lines of stdout, and stderr."""
    assert cli.main(line.split()) == 0
    said = capfd.readouterr()
    return said.out.splitlines(), said.err


def batches_of(*sizes: int) -> list[list[Connection]]:
    """Return batches of attempts whose ports count from 1."""
    ports = iter(range(1, 1000))
    return [[connection(dport=next(ports)) for _ in range(size)] for size in sizes]


@pytest.mark.parametrize("options", ["", "-j", "-c", "--format csv"])
def test_ready(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], options: str
) -> None:
    """In every mode, stderr has only the ready line."""
    trace.script = batches_of(2)
    _, err = run(capfd, options)
    assert err == READY


def test_all_batches_are_shown(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every event of every batch has its line, in order; the header comes once."""
    trace.script = batches_of(2, 0, 1)
    lines, _ = run(capfd, "--columns dport")
    assert lines == ["DPORT", "1", "2", "3"]


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 2), (4,), (0, 3, 1), (3, 5)])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_limit(
    trace: FakeTrace,
    capfd: pytest.CaptureFixture[str],
    sizes: tuple[int, ...],
    limit: int,
) -> None:
    """--limit N ends with the Nth line, wherever in a batch that is."""
    trace.script = batches_of(*sizes)
    lines, _ = run(capfd, f"--columns dport --limit {limit}")
    assert lines[1:] == [str(n) for n in range(1, limit + 1)]


def test_limit_that_is_not_reached(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str]
) -> None:
    """Fewer events than the limit are all shown."""
    trace.script = batches_of(2)
    lines, _ = run(capfd, "--columns dport --limit 9")
    assert lines == ["DPORT", "1", "2"]


@pytest.mark.parametrize(("options", "expected"), [("-c", 3), ("-c --limit 2", 2)])
def test_count(
    trace: FakeTrace,
    capfd: pytest.CaptureFixture[str],
    options: str,
    expected: int,
) -> None:
    """-c shows a table of flows at the end; --limit the first of them."""
    trace.script = batches_of(0)
    lines, _ = run(capfd, options)
    assert len(lines) == 1 + expected


def test_histogram(trace: FakeTrace, capfd: pytest.CaptureFixture[str]) -> None:
    """The histogram stands below the table."""
    trace.script = batches_of(0)
    lines, _ = run(capfd, "-c --histogram")
    assert lines[4].split() == ["usecs", ":", "count", "distribution"]


def test_json_has_no_header(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every line of JSON is an object."""
    trace.script = batches_of(2)
    lines, _ = run(capfd, "-j --columns dport")
    assert [json.loads(line) for line in lines] == [{"dport": 1}, {"dport": 2}]


def test_losses_are_told(trace: FakeTrace, capfd: pytest.CaptureFixture[str]) -> None:
    """A warning comes while tracing, the total at the end."""
    trace.script = batches_of(1)
    trace.losses = Losses(ring=5)
    _, err = run(capfd, "")
    ready, warning, total = err.splitlines(keepends=True)
    assert ready == READY
    assert warning.startswith("tcpconnect: warning: 5 attempts lost")
    assert total.startswith("tcpconnect: in total, 5 attempts lost")


def test_notices(trace: FakeTrace, capfd: pytest.CaptureFixture[str]) -> None:
    """Warnings come before the ready line."""
    trace.warnings = [Line("no names from libc: none here")]
    _, err = run(capfd, "")
    assert err == f"tcpconnect: no names from libc: none here\n{READY}"


@pytest.mark.usefixtures("capfd")
def test_privileges_are_given_up(trace: FakeTrace) -> None:
    """Only what the trace still needs is kept."""
    assert cli.main([]) == 0
    assert trace.kept == {"CAP_BPF"}


def test_privileges_that_stay(
    trace: FakeTrace,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """If privileges can't be dropped, a line says so, and the trace continues."""

    def fail(_: object) -> None:
        raise PermissionError(errno.EPERM, "not here")

    monkeypatch.setattr("tcpconnect.pipeline.keep_only", fail)
    trace.script = batches_of(1)
    lines, err = run(capfd, "--columns dport")
    assert lines == ["DPORT", "1"]
    told = "tcpconnect: can't drop privileges: Operation not permitted\n"
    assert err == told + READY


@pytest.mark.parametrize("options", ["", "-c"])
def test_later_notices(
    trace: FakeTrace,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: str,
) -> None:
    """A warning while tracing is printed at once, and once."""

    def batches() -> Iterator[Batch]:
        yield Batch([], Losses(), [], 0)
        for pid in (1, 2):
            yield Batch([], Losses(), [Line(f"no names from process {pid}")], 0)

    monkeypatch.setattr(trace, "batches", batches)
    _, err = run(capfd, options)
    told = "".join(f"tcpconnect: no names from process {pid}\n" for pid in (1, 2))
    assert err == READY + told


@pytest.mark.parametrize("number", SIGNALS)
def test_signals(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """The first signal stops the trace; a second one would end the process."""
    run(capfd, "")
    signal.raise_signal(number)
    assert trace.stopped
    assert signal.getsignal(number) == signal.SIG_DFL


def test_nohup(trace: FakeTrace, capfd: pytest.CaptureFixture[str]) -> None:
    """An ignored SIGHUP stays ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    run(capfd, "")
    signal.raise_signal(signal.SIGHUP)
    assert not trace.stopped


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-p 1,2", {"pids": {1, 2}}),
        ("-u root", {"uids": {0}}),
        ("-P 80-82", {"ports": {80, 81, 82}}),
        ("-6", {"ip": 6}),
        ("--cgroupmap /a --mntnsmap /b", {"cgroupmap": "/a", "mntnsmap": "/b"}),
        ("-Lr", {"lport": True, "result": True}),
        ("--failed", {"failed": True}),
        ("--slower 2", {"slower_ms": 2.0}),
        ("-c", {"count": True}),
        ("-d", {"dns": True}),
        ("--columns query", {}),
        ("--dns-latency", {"dns_latency": True}),
        ("--duration 3", {"duration": 3.0}),
        ("--ring-bytes 8192", {"ring_bytes": 8192}),
        ("-v", {"verbose": True}),
    ],
)
def test_options_reach_the_trace(
    trace: FakeTrace,
    capfd: pytest.CaptureFixture[str],
    line: str,
    expected: dict[str, Any],
) -> None:
    """What the command line says is what trace() is asked for, and nothing else.

    But for the columns: what they bring along is in test_view.py.
    """
    run(capfd, "")
    defaults = asdict(trace.settings)
    run(capfd, line)
    asked = asdict(trace.settings)
    assert {
        n: v for n, v in asked.items() if v != defaults[n] and n != "columns"
    } == expected


def test_several_outputs(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each has all lines; a suffix decides for its file, options for all others."""
    trace.script = batches_of(2, 1)
    names = [str(tmp_path / name) for name in ("a.csv", "b.jsonl", "c.txt")]
    files = " ".join(f"-o {name}" for name in names)
    lines, _ = run(capfd, f"-j --columns dport -o - {files}")
    objects = ['{"dport":1}', '{"dport":2}', '{"dport":3}']
    csv, recording, text = [Path(name).read_text().splitlines() for name in names]
    assert lines == text == objects
    assert csv == ["dport", "1", "2", "3"]
    head, *events, total = map(json.loads, recording)
    assert head["tcpconnect"]["options"][:3] == ["-j", "--columns", "dport"]
    assert [event["dport"] for event in events] == [1, 2, 3]
    assert set(events[0]) == set(CONNECTION)
    assert total == {"total": {"events": 3, "dropped": 0, "lost": {}}}


def test_flows_in_several_outputs(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With -c a .jsonl file has an object for each flow; a histogram is in tables."""
    trace.script = batches_of(0)
    names = [str(tmp_path / name) for name in ("a.csv", "b.jsonl", "c")]
    files = " ".join(f"-o {name}" for name in names)
    assert run(capfd, f"-c --histogram {files}") == ([], READY)
    csv, objects, table = [Path(name).read_text().splitlines() for name in names]
    assert len(csv) == len(objects) + 1 == 4
    assert json.loads(objects[0])["connects"] == whole(Flow).connects
    assert "distribution" in table[4]


def test_what_a_slow_output_dropped_is_told(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The line names the file."""
    trace.script = batches_of(1, 1, 1)
    file = str(tmp_path / "file")

    def drop(queued: Queued, batch: Batch) -> None:
        queued.dropped += len(batch.events)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Queued, "write", drop)
        _, err = run(capfd, f"-o {file}")
    *_, line = err.splitlines()
    assert line.startswith(f"tcpconnect: in total, 3 attempts not written to '{file}'")


def test_one_file_twice(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two spellings of it are refused: each would overwrite the other's lines."""
    trace.script = batches_of(1)
    words = ["-o", f"{tmp_path}/a", "-o", f"{tmp_path}/./a"]
    assert cli.main(words) == 2
    assert "twice" in capfd.readouterr().err


def test_losses_at_the_end(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What was lost after the last batch, as with --limit, is in the totals."""

    def batches() -> Iterator[Batch]:
        yield Batch([], Losses(), [], 0)
        yield Batch([connection()], Losses(), [], 0)
        pytest.fail("the limit is reached")

    trace.losses = Losses(ring=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "batches", batches)
        _, err = run(capfd, f"--limit 1 -o {tmp_path}/a.jsonl")
    assert "in total, 5 attempts lost" in err
    *_, last = (tmp_path / "a.jsonl").read_text().splitlines()
    assert json.loads(last)["total"] == {"events": 1, "dropped": 0, "lost": {"ring": 5}}


def test_histogram_that_cant_be_read(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The error is told, and what was counted is written."""
    file = tmp_path / "flows"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "histogram", lambda: 1 / 0)
        assert cli.main(["-c", "--histogram", "-o", str(file)]) == 1
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert len(file.read_text().splitlines()) == 1 + 3


def test_one_output_that_fails(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The others get the batch, and are closed; the error names the one."""
    trace.script = batches_of(2)
    file = tmp_path / "events"
    words = ["--columns", "dport", "-o", "/dev/full", "-o", str(file)]
    assert cli.main(words) == 1
    assert "check where '/dev/full' goes" in capfd.readouterr().err
    assert file.read_text().split()[0] == "DPORT"
