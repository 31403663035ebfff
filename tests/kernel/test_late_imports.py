"""Nothing is imported after privileges have gone: the new user may not read it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import PORT, Child, attempt
from tests.support.launch import EMULATED
from tests.support.mounts import private_mounts
from tests.support.recorder import baseline_of
from tests.support.rights import FINDER
from tests.support.scraping import get
from tests.support.servers import Server
from tests.support.tool import READY
from tests.support.waiting import TIMEOUT_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")


WATCH = f"""{FINDER}
from tcpconnect import pipeline
give_up = pipeline.keep_only
def keep_only(*given):
    shared = give_up(*given)
    sys.meta_path.insert(0, Finder())
    return shared
pipeline.keep_only = keep_only
from tcpconnect.cli import main
sys.exit(main())
"""

EVERY_MODE = (
    *(
        "-t",
        "-r -L",
        "-j",
        "--format csv",
        "--format ecs",
        "-v -4 -u 0 --to 127.0.0.0/8",
    ),
    *("--color always", "-c", "-cj", "-cr --histogram", "-c --format csv"),
    *("-rdj", "-cd", "--dns-latency --names-ttl 1"),
    *("-c --why --summary", "--why --summary --failed"),
    *("-c -i 0.1", "-cj -i 0.1 --summary", "-cr --by comm,unit --sort ok --limit 1"),
    *("--result ECONNREFUSED --to-name local*", "-c --unit a* --pod b/c --histogram"),
    *("--columns exe,cmdline,container,pod,unit,time -f", "-o /dev/null"),
    "-o sqlite:h.db",
)
# What ends in another way: a stream, a table, tables and a histogram, names, a file.
# With --limit and --duration the last lines and totals come as after a signal.
ENDINGS = (
    *((mode, "SIGINT") for mode in (EVERY_MODE[:1] if EMULATED else EVERY_MODE)),
    *(
        (mode, end)
        for mode in ("-t", "-c", "-cr --histogram", "-cj -i 0.1 --summary", "-rdj")
        for end in ("--limit", "--duration")
    ),
    ("-o sqlite:h.db", "--limit"),
)


@contextmanager
def watched(*options: object, **popen: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run the tool until it is ready; what it then imports it says on stderr."""
    words = [sys.executable, "-c", WATCH, *map(str, options)]
    with subprocess.Popen(
        words, **{"stdout": subprocess.PIPE, **popen}, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        said = b""
        while said != READY:
            said = process.stderr.readline()
            assert said
        yield process


def late(process: subprocess.Popen[bytes]) -> tuple[int, list[bytes]]:
    """Return the exit code, and what is imported, until the tool has ended."""
    _, said = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, [x for x in said.splitlines() if b" late" in x]


def run(*options: object, **popen: Any) -> tuple[int, list[bytes]]:
    """Return the exit code of a run that ends by itself, and what is imported late."""
    with watched(*options, **popen) as process:
        return late(process)


def test_an_import_is_seen() -> None:
    """What the other tests rely on: an import is noticed."""
    code = WATCH.replace("sys.exit(main())", "main()\nimport this")
    words = [sys.executable, "-c", code, "--duration", "0.01", "-P", str(PORT)]
    ended = subprocess.run(words, check=False, capture_output=True, timeout=60)
    assert ended.stderr.startswith(READY + b"this is imported late\n")


@pytest.mark.parametrize(("options", "end"), ENDINGS)
def test_trace(options: str, end: str, tmp_path: Path) -> None:
    """In every mode, with an attempt, whatever ends it."""
    ends = {"--limit": ("--limit", 1), "--duration": ("--duration", 0.3)}
    words = ("-p", os.getpid(), *options.split(), *ends.get(end, ()))
    with watched(*words, cwd=tmp_path) as process:
        attempt("127.0.0.1", PORT)
        if end not in ends or options.startswith("-c"):
            process.send_signal(signal.SIGINT)
        assert late(process) == (0, [])


@pytest.mark.parametrize("options", ["", "-c"])
def test_several_outputs(options: str, tmp_path: Path) -> None:
    """Each format has a thread, and what it imports is there before."""
    names = ["a.csv", "b.jsonl", "c", *(() if options else ("sqlite:d",))]
    files = [word for name in names for word in ("-o", name)]
    with watched(*options.split(), *files, cwd=tmp_path) as process:
        attempt("127.0.0.1", PORT)
        process.send_signal(signal.SIGINT)
        assert late(process) == (0, [])
    assert all(file.stat().st_size for file in tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a", "b.csv", "c.jsonl"])
def test_opened_again(name: str, tmp_path: Path) -> None:
    """A file was moved, and another one begins."""
    path = tmp_path / name
    with watched("-p", os.getpid(), "-o", path) as process:
        attempt("127.0.0.1", PORT)
        path.rename(tmp_path / "moved")
        process.send_signal(signal.SIGHUP)
        wait_until(path.exists, "another file")
        process.send_signal(signal.SIGINT)
        assert late(process) == (0, [])


@pytest.mark.parametrize("options", ["", "-v", "-c", "-cr --histogram", "-j -v"])
def test_lost_output(options: str) -> None:
    """The output can't be written, or is not read."""
    more = ("-p", os.getpid(), *options.split(), "--duration", 0.3)
    with watched(*more, "-o", "/dev/full") as process:
        attempt("127.0.0.1", PORT)
        assert late(process) == (1, [])
    read, write = os.pipe()
    with watched(*more, stdout=write) as process:
        os.close(write)
        os.close(read)
        attempt("127.0.0.1", PORT)
        assert late(process) == (0, [])


def test_record(tmp_path: Path) -> None:
    """A flush, and a file that was moved."""
    place = f"sqlite:{tmp_path}/h.db"
    with watched("record", "-p", os.getpid(), "-o", place) as process:
        attempt("127.0.0.1", PORT)
        (tmp_path / "h.db").rename(tmp_path / "old.db")
        process.send_signal(signal.SIGHUP)
        wait_until((tmp_path / "h.db").exists, "a new file")
        process.send_signal(signal.SIGTERM)
        assert late(process) == (0, [])


def test_metrics(port: int) -> None:
    """Pages are made while it runs."""
    with watched("-p", os.getpid(), "-o", f"prometheus://{port}") as process:
        attempt("127.0.0.1", PORT)
        wait_until(lambda: "ECONNREFUSED" in get(port, "/metrics")[1], "a page")
        process.send_signal(signal.SIGINT)
        assert late(process) == (0, [])


def test_alerts(tmp_path: Path) -> None:
    """What is new, sent to a program and to servers, one of which is not there."""
    known = baseline_of(tmp_path, "127.1.0.1")
    with Server() as server:
        url = f"http://localhost:{server.port}"
        places = (url, f"otlp+{url}", f"http://127.0.0.1:{PORT}", "exec:/bin/true")
        words = [word for place in places for word in ("--notify", place)]
        with watched(
            *("record", "-p", os.getpid(), "-o", f"sqlite:{tmp_path}/h.db"),
            *("--alert", "new,failing", "--baseline", known, *words),
        ) as process:
            attempt("127.0.0.1", PORT)
            process.send_signal(signal.SIGTERM)
            assert late(process) == (0, [])
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [200, 503])
def test_collector(status: int, tmp_path: Path) -> None:
    """Windows and attempts, sent or not; the name is resolved late."""
    with Server(status=status) as server:
        place = f"otlp+http://localhost:{server.port}?events=all&metrics=yes"
        words = ("record", "-p", os.getpid(), "-o", place, "--spool", tmp_path)
        with watched(*words) as process:
            attempt("127.0.0.1", PORT)
            process.send_signal(signal.SIGTERM)
            assert late(process) == (0, [])
        assert server.requests


@pytest.mark.parametrize(
    "scheme",
    [
        "clickhouse",
        pytest.param(
            "postgresql",
            marks=pytest.mark.skipif(
                not find_spec("psycopg"), reason="psycopg is not here"
            ),
        ),
    ],
)
def test_database(scheme: str, tmp_path: Path) -> None:
    """A database that is not there: its name is resolved late, and what waits stays."""
    place = f"{scheme}://localhost:{PORT}/d?events=all"
    words = ("record", "-p", os.getpid(), "-o", place, "--spool", tmp_path, "--create")
    with watched(*words) as process:
        attempt("127.0.0.1", PORT)
        process.send_signal(signal.SIGTERM)
        assert late(process) == (0, [])
    assert list(tmp_path.glob("*/*-windows-*"))


def test_losses() -> None:
    """Losses are reported."""
    with watched("-p", os.getpid(), "--ring-bytes", 4096) as process:
        process.send_signal(signal.SIGSTOP)
        for _ in range(200):
            attempt("127.0.0.1", PORT)
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert b"attempts lost" in said
    assert b" late" not in said


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("false", 1), ("/no/such/command", 127), ("/", 126)],
)
def test_command(command: str, code: int) -> None:
    """A command has ended, or can't be started; under sudo, or not."""
    assert run("--", command) == (code, [])
    sudo = {"SUDO_UID": "1", "SUDO_GID": "1", "SUDO_USER": "daemon"}
    assert run("-v", "--", command, env={**os.environ, **sudo}) == (code, [])


def test_names_of_a_container_to_come() -> None:
    """A process with another root is looked at when it is seen."""
    with watched("-d", "-j") as process, private_mounts():
        with Child(lambda: attempt("127.0.0.1", PORT)) as child:
            child.run()
        process.send_signal(signal.SIGINT)
        assert late(process) == (0, [])


def test_unexpected_error() -> None:
    """A bug is one line, with -v what led to it."""
    broken = "from tcpconnect.outputs.text import Text\n"
    broken += "Text.write = lambda self, batch: 1 / 0\nfrom tcpconnect.cli"
    code = WATCH.replace("from tcpconnect.cli", broken)
    words = [sys.executable, "-c", code, "-v", "-P", str(PORT)]
    ended = subprocess.run(words, check=False, capture_output=True, timeout=60)
    assert ended.returncode == 1
    *_, last = ended.stderr.splitlines()
    assert last.startswith(b"tcpconnect: internal error: ZeroDivisionError: ")
    assert b" late" not in ended.stderr
    assert b"Traceback (most recent call last):\n" in ended.stderr
