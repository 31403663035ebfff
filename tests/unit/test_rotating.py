"""Files that are rotated, and opened again when they were moved."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import zstd
from tcpconnect.abilities import reopens
from tcpconnect.batch import NO_LOSSES, Batch, Losses, Totals
from tcpconnect.errors import OutputError, UsageError
from tcpconnect.outputs.again import numbered
from tcpconnect.outputs.opening import open_outputs
from tcpconnect.parsing import parse
from tcpconnect.view import View
from tests.support.samples import connection

if TYPE_CHECKING:
    from tcpconnect.batch import Output

BATCH = [connection(pid=n, cmdline="x" * 100) for n in range(1, 101)]  # some 70 KB


def opened(*words: object) -> Output:
    """Return the only output of a command line."""
    line = parse([*map(str, words)])
    (output,) = open_outputs(line, View(line))
    return output


def write(output: Output, *batches: Batch) -> None:
    """Write batches and the end."""
    for batch in batches:
        output.write(batch)
    events = sum(len(batch.events) for batch in batches)
    output.close(Totals(events, batches[-1].losses))


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a recording."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("path", "older"),
    [
        ("a.jsonl", "a.7.jsonl"),
        ("a/b.c/d.jsonl.zst", "a/b.c/d.7.jsonl.zst"),
        ("host.example.csv", "host.example.7.csv"),
        ("a/log", "a/log.7"),
        (".hidden", ".hidden.7"),
    ],
)
def test_names(path: str, older: str) -> None:
    """The number comes before the suffix."""
    assert numbered(path, 7) == older


def test_each_file_is_whole(tmp_path: Path) -> None:
    """It has a head, its events, what was lost then, and totals of that."""
    path = tmp_path / "a.jsonl"
    output = opened("-o", path, "--rotate", "64K", "--keep-files", 2)
    lost = [NO_LOSSES, Losses(ring=2), Losses(ring=2), Losses(ring=5)]
    write(output, *(Batch(BATCH, losses, [], 0) for losses in lost))
    assert sorted(os.listdir(tmp_path)) == ["a.1.jsonl", "a.2.jsonl", "a.jsonl"]
    totals = []
    for name in ("a.2.jsonl", "a.1.jsonl"):
        head, *events, total = lines(tmp_path / name)
        assert "tcpconnect" in head
        assert len([event for event in events if "daddr" in event]) == len(BATCH)
        totals.append(total["total"])
    assert totals == [
        {"events": 100, "dropped": 0, "lost": {}},
        {"events": 100, "dropped": 0, "lost": {"ring": 3}},
    ]
    head, total = lines(path)
    assert total["total"] == {"events": 0, "dropped": 0, "lost": {}}


def test_compressed(tmp_path: Path) -> None:
    """The limit is that of the file."""
    path = tmp_path / "a.jsonl.zst"
    output = opened("-o", path, "--rotate", "64K")
    noisy = [connection(cmdline=os.urandom(800).hex()) for _ in range(200)]
    write(output, *(Batch(noisy, NO_LOSSES, [], 0) for _ in range(2)))
    assert "a.1.jsonl.zst" in os.listdir(tmp_path)


def test_csv(tmp_path: Path) -> None:
    """Other files begin with their header again."""
    path = tmp_path / "a.csv"
    output = opened("-o", path, "--rotate", "64K", "--columns", "cmdline")
    many = [connection(cmdline="y" * 1000) for _ in range(100)]
    write(output, *(Batch(many, NO_LOSSES, [], 0) for _ in range(2)))
    for name in ("a.1.csv", "a.2.csv"):
        assert (tmp_path / name).read_text().splitlines()[0] == "cmdline"


def test_idle(tmp_path: Path) -> None:
    """Without events there are no more files."""
    output = opened("-o", tmp_path / "a.jsonl", "--rotate", "64K")
    write(output, *(Batch([], NO_LOSSES, [], 0) for _ in range(100)))
    assert os.listdir(tmp_path) == ["a.jsonl"]


def test_reopened(tmp_path: Path) -> None:
    """A file that was moved is whole, and another one begins; else nothing happens."""
    path, moved = tmp_path / "a.jsonl", tmp_path / "moved"
    output = opened("-o", path)
    batch = Batch(BATCH[:3], NO_LOSSES, [], 0)
    output.write(batch)
    output.reopen()  # type: ignore[attr-defined]
    output.write(batch)
    path.rename(moved)
    output.reopen()  # type: ignore[attr-defined]
    output.write(batch)
    output.write(batch)
    output.close(Totals(12, NO_LOSSES))
    counts = [lines(each)[-1]["total"]["events"] for each in (moved, path)]
    assert sum(counts) == 12
    assert counts[1] > 0
    assert lines(path)[0]["tcpconnect"]["schema"] == 1


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.jsonl.zst"])
def test_truncated(tmp_path: Path, name: str) -> None:
    """As logrotate's copytruncate does it: a file is whole again from there on."""
    path = tmp_path / name
    line = parse(["-o", str(path), "--columns", "dport"])
    view = View(line)
    output: Any = open_outputs(line, view)[0]
    output = output._output  # noqa: SLF001 (in this thread)
    for ports in ((1, 2), (3,), (4, 5)):
        os.truncate(path, 0)
        for port in ports:
            batch = Batch([connection(dport=port)], NO_LOSSES, [], 0)
            output.write(batch)
    os.truncate(path, 0)
    output.write(batch)
    output.close(Totals(6, NO_LOSSES))
    if name == "a.csv":
        assert path.read_text() == "dport\n5\n"
        return
    found = path.read_bytes()
    if name == "a.jsonl.zst":
        found = zstd.library().decompress(found)
    head, event, total = [json.loads(each) for each in found.splitlines()]
    assert "tcpconnect" in head
    assert event["dport"] == 5
    assert total["total"] == {"events": 1, "dropped": 0, "lost": {}}


def test_folder_is_gone(tmp_path: Path) -> None:
    """What can't be opened again ends the output, with the reason."""
    folder = tmp_path / "folder"
    folder.mkdir()
    output = opened("-o", folder / "a.jsonl", "--rotate", "64K")
    folder.rename(tmp_path / "other")
    with pytest.raises(OutputError, match=r"can't write '.*a\.jsonl': No such file"):
        write(output, *(Batch(BATCH, NO_LOSSES, [], 0) for _ in range(3)))


def test_link_in_its_place(tmp_path: Path) -> None:
    """Where somebody has put a link, nothing is written."""
    path, other = tmp_path / "a.jsonl", tmp_path / "other"
    other.write_text("precious")
    output = opened("-o", path)
    batch = Batch(BATCH[:1], NO_LOSSES, [], 0)
    output.write(batch)
    path.unlink()
    path.symlink_to(other)
    output.reopen()  # type: ignore[attr-defined]
    with pytest.raises(OutputError, match="it is a symbolic link"):
        write(output, *[batch] * 3)
    assert other.read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-o a --rotate 1", "invalid size '1': expected 64K to 1T"),
        ("-o a --rotate 63K", "invalid size '63K': expected 64K to 1T"),
        ("-o a --rotate big", "invalid size 'big'"),
        ("-o a --rotate -1M", "invalid size '-1M'"),
        ("-o a --rotate 1M --keep-files 0", "invalid count '0'"),
        ("-o a --keep-files 3", "--keep-files needs --rotate"),
        ("--rotate 1M", "--rotate needs -o FILE"),
        ("-o - --rotate 1M", "--rotate needs -o FILE"),
    ],
)
def test_refused(words: str, said: str) -> None:
    """Sizes that make thousands of files, and options that do nothing."""
    with pytest.raises(UsageError) as refused:
        View(parse(words.split()))
    assert said in refused.value.line


def children() -> set[str]:
    """Return the processes that this one has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}


def test_process_ends(tmp_path: Path) -> None:
    """What opens files for root has ended when the outputs are closed."""
    before = children()
    output = opened("-o", tmp_path / "a.jsonl")
    write(output, Batch([], NO_LOSSES, [], 0))
    assert children() <= before


def test_not_opened_again(tmp_path: Path) -> None:
    """Under nohup(1) nothing asks for it; --rotate needs it all the same."""
    path, before = tmp_path / "a.jsonl", signal.getsignal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        for words, has in (((), False), (("--rotate", "1M"), True)):
            output = opened("-o", path, *words)
            assert reopens(output)
            assert output.has_file is has
            write(output, Batch([], NO_LOSSES, [], 0))
    finally:
        signal.signal(signal.SIGHUP, before)
