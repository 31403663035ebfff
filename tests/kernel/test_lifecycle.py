"""How the tool ends: by signals, by its reader, by force; and what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.attempts import attempt, kernel_objects, run_tool
from tests.support.launch import TOOL
from tests.support.tool import READY, Tool
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")


def start(*options: object, **popen: Any) -> Tool:
    """Trace this process."""
    return Tool("-p", os.getpid(), *options, **popen)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("-r",), ("-j",), ("--format", "csv")])
def test_signal_flushes(number: int, options: tuple[str, ...]) -> None:
    """What was made before the signal is printed, and the exit code is 0."""
    made = 200
    with start(*options) as tool:
        for _ in range(made):
            attempt("127.0.0.1", 1)
        assert tool.stop(number) == 0
        assert tool.stdout.count(b"\n") == made + ("-j" not in options)
        assert tool.stderr == READY


def test_second_signal_kills() -> None:
    """When it can't end because its output is not read, a second SIGINT kills it."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    with start(stdout=write) as tool:
        os.close(write)
        for _ in range(200):
            attempt("127.0.0.1", 1)
        tool.process.send_signal(signal.SIGINT)
        status = Path(f"/proc/{tool.process.pid}/status")
        wait_until(lambda: not catches(status, signal.SIGINT), "the first to be taken")
        assert tool.process.poll() is None
        assert tool.stop() == -signal.SIGINT
    os.close(read)


@pytest.mark.parametrize("module", ["ctypes", "typing", "tcpconnect", "msgspec"])
def test_ctrl_c_while_starting(tmp_path: Path, module: str) -> None:
    """Ctrl-C before the tool is ready ends it without a word, in whatever import."""
    slow = "import os, signal\nos.write(1, b'here')\nsignal.pause()\n"
    (tmp_path / f"{module}.py").write_text(slow)
    with shell(f"PYTHONPATH={tmp_path} exec $TOOL") as process:
        assert process.stdout
        assert process.stdout.read(4) == b"here"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode in {-signal.SIGINT, 130}


def catches(status: Path, number: int) -> bool:
    """Tell whether a process has a handler for a signal."""
    mask = int(status.read_text().partition("SigCgt:")[2].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def exists(kind: str, number: int) -> bool:
    """Tell whether a BPF program, link or map is there."""
    command = ["bpftool", "-j", kind, "show", "id", str(number)]
    # Not its exit status: for a link that is there, Linux 5.10 has it fail.
    shown = subprocess.run(command, check=False, capture_output=True).stdout
    return f'"id":{number},'.encode() in shown


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("-c",), ("-r",)])
def test_nothing_is_left_behind(number: int, options: tuple[str, ...]) -> None:
    """However it ends, its program, link and maps are gone from the kernel."""
    with start(*options) as tool:
        attempt("127.0.0.1", 1)
        found = kernel_objects(tool.process.pid)
        assert all(found.values())
        everything = [(kind, n) for kind, numbers in found.items() for n in numbers]
        assert [item for item in everything if not exists(*item)] == []
        tool.stop(number)
        wait_until(
            lambda: [item for item in everything if exists(*item)] == [],
            "the kernel to free all",
        )


@pytest.mark.parametrize("options", [(), ("-r",), ("-c",), ("-j",)])
def test_reader_closes(options: tuple[str, ...]) -> None:
    """When its reader closes the pipe it ends, without waiting for an event."""
    read, write = os.pipe()
    with start(*options, stdout=write) as tool:
        os.close(write)
        os.close(read)
        assert tool.wait() == 0
        assert tool.stderr == READY


def test_reader_closes_under_load() -> None:
    """The same while there is much to write."""
    read, write = os.pipe()
    with start(stdout=write) as tool:
        os.close(write)
        for _ in range(1000):
            attempt("127.0.0.1", 1)
        os.close(read)
        for _ in range(1000):
            attempt("127.0.0.1", 1)
        assert tool.wait() == 0
        assert tool.stderr == READY


def shell(script: str) -> subprocess.Popen[bytes]:
    """Run a script of bash, in which $TOOL traces this process."""
    environment = {**os.environ, "TOOL": f"{TOOL} -p {os.getpid()}"}
    return subprocess.Popen(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def test_head_ends_it() -> None:
    """``tcpconnect | head -3`` ends by itself, with the third line, quietly."""
    with shell("$TOOL | head -3; echo ${PIPESTATUS[*]} >&2") as process:
        assert process.stderr
        assert process.stderr.readline() == READY
        attempt("127.0.0.1", 1)
        attempt("127.0.0.1", 2)
        output, errors = process.communicate(timeout=20)
    assert output.count(b"\n") == 3
    assert errors == b"0 0\n"


def test_output_into_a_file(tmp_path: Path) -> None:
    """A file gets all, as a pipe does."""
    with open(tmp_path / "out", "wb") as file, start(stdout=file) as tool:
        for port in range(1, 101):
            attempt("127.0.0.1", port)
        assert tool.stop() == 0
    _, *lines = (tmp_path / "out").read_text().splitlines()
    assert [int(line.split()[-1]) for line in lines] == list(range(1, 101))


def test_two_at_once() -> None:
    """Two instances see the same, and one continues when the other has ended."""
    with start("--columns", "dport") as first, start("--columns", "dport") as second:
        attempt("127.0.0.1", 1)
        assert first.lines(2) == second.lines(2) == ["DPORT", "1"]
        assert first.stop() == 0
        attempt("127.0.0.1", 2)
        assert second.lines(3) == ["DPORT", "1", "2"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")],
)
@pytest.mark.parametrize("options", ["", "-c --duration 0.1", "-j"])
def test_output_that_fails(target: str, reason: str, options: str) -> None:
    """It ends with exit code 1 and a line that says why."""
    with shell(f"exec $TOOL {options} {target}") as process:
        assert process.stderr
        assert process.stderr.readline() == READY
        attempt("127.0.0.1", 1)
        # Not communicate(): it leaves out what came with the ready line.
        errors = process.stderr.read()
        assert process.wait() == 1
    assert errors.decode() == (
        f"tcpconnect: can't write the output: {reason}; "
        "nothing more is shown; check where stdout goes\n"
    )


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "2>/dev/full"])
def test_no_stderr(closed: str) -> None:
    """It traces on when it can't say anything."""
    with shell(f"exec $TOOL --columns dport {closed}") as process:
        assert process.stdout
        assert process.stdout.readline() == b"DPORT\n"
        attempt("127.0.0.1", 1)
        assert process.stdout.readline() == b"1\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 0


def test_verbose() -> None:
    """-v shows libbpf's log, and the traceback of an error before its line."""
    traced = run_tool("-v", "--duration", "0.01", "-p", os.getpid())
    assert traced.returncode == 0
    assert "libbpf: " in traced.stderr
    failed = run_tool("-v", "--columns", "none")
    assert failed.returncode == 2
    first, *_, last = failed.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last.startswith("tcpconnect: unknown column 'none'")
