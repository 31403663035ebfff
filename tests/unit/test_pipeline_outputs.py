"""The run with several outputs, slow ones and ones that fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect import cli, messages
from tcpconnect.batch import Batch, Losses, Totals
from tcpconnect.connection import MEMBERS
from tcpconnect.errors import OutputError
from tcpconnect.flow import Flow
from tcpconnect.outputs.queued import Queued
from tests.support.faketrace import READY, FakeTrace, batches_of, run
from tests.support.samples import connection, whole

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    assert set(events[0]) == set(MEMBERS)
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


def test_several_outputs_that_fail(
    trace: FakeTrace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each has a line of its own, in their order."""
    trace.script = batches_of(2)
    names = [str(tmp_path / name) for name in "abc"]

    close = Queued.close

    def fail(queued: Queued, totals: Totals) -> None:
        close(queued, totals)
        raise OutputError(messages.CANT_WRITE, output=queued.name, reason="full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Queued, "close", fail)
        words = [word for name in names for word in ("-o", name)]
        assert cli.main(words) == 1
    _, *lines = capfd.readouterr().err.splitlines()
    assert [line.split("where ")[1] for line in lines] == [
        f"{name!r} goes" for name in names
    ]
