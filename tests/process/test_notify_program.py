"""Programs that are started for alerts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tcpconnect.notify.program import run
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.descriptors import left_open
from tests.support.waiting import wait_until


def script(folder: Path, text: str) -> str:
    """Return the path of a shell script."""
    path = folder / "script"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_what_it_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON on stdin, a small environment, a session of its own."""
    monkeypatch.setenv("SECRET", "x")
    out = tmp_path / "out"
    run(
        script(tmp_path, f"{{ cat; echo; env; ps -o sid= -p $$; echo $$; }} >{out}"),
        b'{"a": 1}',
    )
    data, *environment, session, pid = out.read_text().splitlines()
    assert data == '{"a": 1}'
    names = {each.partition("=")[0] for each in environment}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "LANG"}
    assert session.strip() == pid


def test_no_descriptors(tmp_path: Path) -> None:
    """Nor what the recorder was started with; and it goes on where there are none."""
    out = tmp_path / "out"
    hook = script(tmp_path, f"exec ls /proc/self/fd >{out}")
    code = f"""if True:
        import os, resource
        from tcpconnect.transport.undelivered import UndeliveredError
        from tcpconnect.notify.program import keep_descriptors, run
        kept = os.open("/etc/hostname", os.O_RDONLY)
        os.set_inheritable(kept, True)
        keep_descriptors()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        run({hook!r}, b"")
        for more in range(3):  # of those that it needs there is room for
            resource.setrlimit(resource.RLIMIT_NOFILE, (kept + 1 + more, most))
            try:
                run({hook!r}, b"")
            except UndeliveredError as error:
                print(error)
    """
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.read_text().split() == ["0", "1", "2", "3"]  # the last one is of ls
    reasons = ended.stdout.splitlines()
    assert set(reasons) == {"Too many open files"}, ended


def test_signals_are_not_blocked(tmp_path: Path) -> None:
    """A script may be ended as any other."""
    status = Path("/proc/self/status").name
    out = tmp_path / "out"
    run(script(tmp_path, f"grep SigBlk /proc/self/{status} >{out}"), b"")
    assert int(out.read_text().split()[1], 16) == 0


def test_much_is_not_read(tmp_path: Path) -> None:
    """A program need not read what it gets, nor all of it."""
    run(script(tmp_path, "exec true"), b"x" * 1_000_000)
    out = tmp_path / "out"
    run(script(tmp_path, f"wc -c >{out}"), b"x" * 1_000_000)
    assert int(out.read_text()) == 1_000_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [("exit 3", "exit code 3"), ("kill -9 $$", "killed by signal 9")],
)
def test_failures(tmp_path: Path, text: str, reason: str) -> None:
    """How it ended is the reason."""
    with pytest.raises(UndeliveredError, match=reason):
        run(script(tmp_path, text), b"")


def test_one_that_hangs_is_killed(tmp_path: Path) -> None:
    """With what it has started."""
    out = tmp_path / "out"
    begin = time.monotonic()
    hanging = script(tmp_path, f"sleep 1000 & echo $! >{out}; trap '' TERM; wait")
    with pytest.raises(UndeliveredError, match="it did not end within"):
        run(hanging, b"x", 0.3)
    assert time.monotonic() - begin < 10
    child = out.read_text().strip()
    wait_until(lambda: not is_running(child), "the end of its child")


def is_running(pid: str) -> bool:
    """Whether a process has not ended."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_program(tmp_path: Path) -> None:
    """One that has gone meanwhile."""

    def start() -> None:
        with pytest.raises(UndeliveredError, match="No such file"):
            run(str(tmp_path / "nope"), b"")

    assert left_open(start) == 0
