"""The run from the first line to the last, with a trace that is made up."""

from __future__ import annotations

import errno
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import asdict

from tcpconnect import cli, messages
from tcpconnect.batch import Batch, Losses
from tcpconnect.errors import Line
from tests.support.faketrace import READY, SIGNALS, FakeTrace, batches_of, run

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_quiet(trace: FakeTrace, capfd: pytest.CaptureFixture[str]) -> None:
    """No ready line and no notices; warnings, losses and what was asked for stay."""
    trace.script, trace.processes_ended = batches_of(2), True
    ended = messages.SOME_NOT_RUNNING.line(processes="process 7")
    trace.warnings = [messages.NO_DROP_REASONS.line(reason="", remedy=""), ended]
    trace.losses = Losses(ring=3)
    lost = "3 attempts lost: the ring buffer was full"
    lines, err = run(capfd, "--quiet --summary --columns dport -p 1")
    assert lines == ["DPORT", "1", "2"]
    said = err.splitlines()
    assert said[0] == f"tcpconnect: {ended}"
    assert said[1].startswith(f"tcpconnect: warning: {lost}")
    assert said[2].startswith(f"tcpconnect: in total, {lost}")
    assert said[3].startswith("2 attempts in")
    assert len(said) == 4


@pytest.mark.parametrize(
    ("options", "expected"),
    [("", True), ("--quiet", False), ("--quiet --summary", True)],
)
def test_summary_on_a_terminal(
    trace: FakeTrace,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    *,
    expected: bool,
) -> None:
    """It comes by itself, but not with --quiet."""
    monkeypatch.setattr("tcpconnect.pipeline.os.isatty", lambda _: True)
    trace.script = batches_of(2)
    _, err = run(capfd, options)
    assert ("2 attempts in" in err) == expected


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
    assert len([line for line in lines if line != "[1 more row]"]) == 1 + expected


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

    def fail(*_: object) -> None:
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
