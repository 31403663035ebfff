"""Files of a trace that are rotated and moved after privileges have gone."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt, run_tool
from tests.support.children import children
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

ADDRESS = "127.0.0.1"
OWNER = 54321


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that only root may write to, or look into."""
    made = tmp_path / "folder"
    made.mkdir(mode=0o700)
    yield made
    assert all(each.stat().st_uid == os.getuid() for each in made.iterdir())
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in made.iterdir())


def ports(path: Path) -> list[int]:
    """Return the destination ports of a whole recording; nothing while it is written.

    Its total says how many there are.
    """
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    found = [line["dport"] for line in lines if "daddr" in line]
    if not lines or "total" not in lines[-1]:
        return []
    assert lines[-1]["total"]["events"] == len(found)
    assert "tcpconnect" in lines[0]
    return found


def test_moved(folder: Path) -> None:
    """As logrotate does it: moved, then SIGHUP. No attempt is missing."""
    path, moved = folder / "a.jsonl", folder / "a.jsonl.1"
    with Tool("-p", os.getpid(), "-o", path) as tool:
        attempt(ADDRESS, 1)
        wait_until(lambda: b'"dport":1,' in path.read_bytes(), "the first attempt")
        path.rename(moved)
        tool.process.send_signal(signal.SIGHUP)
        wait_until(lambda: ports(moved) == [1], "the end of the old file")
        attempt(ADDRESS, 2)
        tool.process.send_signal(signal.SIGHUP)  # nothing was moved: nothing happens
        attempt(ADDRESS, 3)
        assert tool.stop() == 0
        assert tool.said.count(b"\n") == 1
    assert (ports(moved), ports(path)) == ([1], [2, 3])


def test_tables_moved(folder: Path) -> None:
    """Those of -c, too, which come again and again."""
    path = folder / "a.csv"
    with Tool("-p", os.getpid(), "-c", "-i", "1", "-o", path) as tool:
        attempt(ADDRESS, 1)
        wait_until(lambda: b",1," in path.read_bytes(), "the first table")
        path.rename(folder / "moved")
        tool.process.send_signal(signal.SIGHUP)
        wait_until(path.exists, "another file")
        attempt(ADDRESS, 2)
        wait_until(lambda: b",2," in path.read_bytes(), "the next table")
        assert tool.stop() == 0
    heads = {each.read_text().splitlines()[0] for each in folder.iterdir()}
    assert len(heads) == 1


def test_truncated(folder: Path) -> None:
    """As logrotate's copytruncate does it: no hole, and the header again."""
    path = folder / "a.csv"
    with Tool("-p", os.getpid(), "--columns", "dport", "-o", path) as tool:
        attempt(ADDRESS, 1)
        wait_until(lambda: path.read_text() == "dport\n1\n", "the first attempt")
        os.truncate(path, 0)
        attempt(ADDRESS, 2)
        wait_until(lambda: path.read_text() == "dport\n2\n", "the next one")
        assert tool.stop() == 0


def test_rotated(folder: Path) -> None:
    """By size: each file is whole, the newest attempts are in those that are kept."""
    path = folder / "a.csv"
    words = "--columns dport,cmdline --rotate 64K --keep-files 2".split()
    with Tool("-p", os.getpid(), "-o", path, *words) as tool:
        for port in range(1, 3000):
            attempt(ADDRESS, port)
        assert tool.stop() == 0
        assert tool.said.count(b"\n") == 1
    names = ["a.2.csv", "a.1.csv", "a.csv"]
    assert sorted(os.listdir(folder)) == sorted(names)
    rows = []
    for name in names:
        header, *more = (folder / name).read_text().splitlines()
        assert header == "dport,cmdline"
        rows += [int(row.split(",")[0]) for row in more]
    assert rows == [*range(3000 - len(rows), 3000)]


def test_many_moved(folder: Path) -> None:
    """Each goes on under its own name: they are opened again at the same time."""
    ports_of = {".csv": "dport\n", ".jsonl": '{"tcpconnect"', ".txt": "DPORT"}
    paths = [folder / f"{n}{suffix}" for n in range(4) for suffix in ports_of]
    words = [word for path in paths for word in ("-o", path)]
    with Tool("-p", os.getpid(), "--columns", "dport", *words) as tool:
        for _ in range(5):
            attempt(ADDRESS, 1)
            wait_until(lambda: all(path.stat().st_size for path in paths), "lines")
            for path in paths:
                path.rename(f"{path}.1")
            tool.process.send_signal(signal.SIGHUP)
            wait_until(lambda: all(path.exists() for path in paths), "new files")
        attempt(ADDRESS, 1)
        assert tool.stop() == 0
    for path in paths:
        for file in (path, Path(f"{path}.1")):
            assert file.read_text().startswith(ports_of[path.suffix])


def test_rotated_by_a_recorder(folder: Path) -> None:
    """Which is another user by then: the history has another owner."""
    path = folder / "a.jsonl"
    with TemporaryDirectory(prefix="tcpconnect-test-") as history:
        os.chown(history, OWNER, OWNER)
        words = ("-o", path, "-o", f"sqlite:{history}/h.db", "--rotate", "64K")
        with Tool("record", "-p", os.getpid(), *words, "--keep-files", 2) as tool:
            for port in range(1, 1500):
                attempt(ADDRESS, port)
            assert tool.stop() == 0
            assert b"can't write" not in tool.stderr
    names = ["a.2.jsonl", "a.1.jsonl", "a.jsonl"]
    assert sorted(os.listdir(folder)) == sorted(names)
    rows = [port for name in names for port in ports(folder / name)]
    assert rows == [*range(1500 - len(rows), 1500)]


def test_without_files() -> None:
    """SIGHUP ends what writes to stdout, as ever."""
    with Tool("-p", os.getpid()) as tool:
        assert tool.stop(signal.SIGHUP) == 0


def test_its_process(folder: Path) -> None:
    """What opens files hears no signal, and ends with the tool, also when killed."""
    path = folder / "a.jsonl"
    with Tool("-p", os.getpid(), "-o", path) as tool:
        (helper,) = children(tool.process.pid)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGUSR1):
            os.kill(helper, number)  # as systemctl does, or a terminal
        path.rename(folder / "moved.jsonl")
        tool.process.send_signal(signal.SIGHUP)
        wait_until(path.exists, "another file")
        assert tool.stop(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: not Path(f"/proc/{helper}/exe").exists(), "its end")


@pytest.mark.parametrize(("rotates", "processes"), [((), 1), (("--rotate", "1M"), 2)])
def test_no_process_for_a_command(
    folder: Path, rotates: tuple[str, ...], processes: int
) -> None:
    """Its SIGHUP is the command's: only what rotates is opened again."""
    look = 'wc -w < "/proc/$PPID/task/$PPID/children"'
    words = ["-o", folder / "a.jsonl", *rotates, "--", "sh", "-c", look]
    ended = run_tool(*words)
    assert (ended.returncode, ended.stdout) == (0, f"{processes}\n")
