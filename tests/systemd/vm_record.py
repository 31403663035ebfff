"""packaging/tcpconnect-record.service: installed, killed, stuck, stopped, and read."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tracing import CONNECTING, PORT, privileges, sh, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)  # starts and stops are slow under emulation

PAGE = Path("docs/install.md")
UNIT = "tcpconnect-record"
FOLDER = Path("/var/lib/tcpconnect")
HISTORY = FOLDER / "history.db"
DROP_IN = Path(f"/run/systemd/system/{UNIT}.service.d/test.conf")
DELETE = b"\x01\x01"  # how a database is read and written: not with WAL
AT = slice(18, 20)


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """The service as docs/install.md installs it, a member of its group, a stranger."""
    section = PAGE.read_text().partition("## The recorder")[2]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    assert block
    for name in ("alex", "mallory2"):
        sh("useradd", name)
    commands = block[1].replace("# ", "").replace("alice", "alex")
    subprocess.run(["sh", "-eu"], input=commands, check=True, text=True)
    yield
    sh("systemctl", "disable", "--now", UNIT)


def shown(name: str) -> str:
    """Return a property of the service."""
    return sh("systemctl", "show", f"-P{name}", UNIT).strip()


@pytest.fixture
def stopped() -> None:
    """The service is not running."""
    sh("systemctl", "stop", UNIT)


def drop_in(text: str) -> None:
    """Change the unit until the machine is off."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(f"[Service]\n{text}\n")
    sh("systemctl", "daemon-reload")


def journal() -> list[str]:
    """Return what the service has ever said, without systemd's lines."""
    sh("journalctl", "--sync")
    found = sh("journalctl", "-ojson", f"_SYSTEMD_UNIT={UNIT}.service")
    return [json.loads(line)["MESSAGE"] for line in found.splitlines()]


def ask(user: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Ask the history as a user."""
    command = ["runuser", "-u", user, "--", "tcpconnect", "history", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def attempts(path: Path = HISTORY) -> int:
    """Return how many attempts of the tests a member of the group finds there."""
    ended = ask("alex", "--db", path, "-j", "-P", PORT)
    assert ended.returncode == 0, ended.stderr
    rows: list[dict[str, Any]] = [json.loads(x) for x in ended.stdout.splitlines()]
    assert {row["result"] for row in rows} <= {"ECONNREFUSED"}
    return sum(row["attempts"] for row in rows)


def attempt() -> int:
    """Connect, and have that written; return how many attempts there are then."""
    before = attempts()
    sh(*CONNECTING)
    sh("systemctl", "kill", "--signal=USR1", UNIT)
    now: int = wait_until(lambda: (n := attempts()) > before and n, "the attempt")
    return now


def check_whole(path: Path = HISTORY) -> None:
    """Have SQLite look at the whole file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def wait_for_restart(number: int) -> None:
    """Wait until it was started again, and is ready."""
    wait_until(
        lambda: shown("NRestarts") == str(number) and shown("ActiveState") == "active",
        "another start",
    )


def test_ready() -> None:
    """It is active once it traces: as its user, by nothing that it could give up."""
    assert shown("ActiveState") == "active"
    assert sh("stat", "-c", "%U:%G %a", str(FOLDER)) == "tcpconnect:tcpconnect 750\n"
    status = privileges(shown("MainPID"))
    assert set(status["Uid"].split()) == {sh("id", "-u", "tcpconnect").strip()}
    assert (int(status["CapPrm"], 16), status["NoNewPrivs"]) == (0, "1")
    assert journal() == []


def test_readers() -> None:
    """A member of the group reads while it is written; a stranger may not."""
    assert attempt() == 1
    assert "\nrecording  since " in ask("alex", "--status").stdout
    refused = ask("mallory2")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Permission denied; ask for read permission" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_reload() -> None:
    """A file that was moved is left alone; the same process begins another one."""
    process, moved = shown("MainPID"), FOLDER / "moved.db"
    HISTORY.rename(moved)
    sh("systemctl", "reload", UNIT)
    wait_until(HISTORY.exists, "the new file")
    assert attempt() == 1
    assert attempts(moved) == 1
    assert shown("MainPID") == process
    moved.unlink()


def test_killed() -> None:
    """It starts again, on what was kept; the gap is known."""
    sh("systemctl", "kill", "--signal=KILL", UNIT)
    wait_for_restart(1)
    assert attempt() == 2
    check_whole()
    assert " s: recorder killed\n" in ask("alex", "--status").stdout


def test_stuck() -> None:
    """When its loop stands still, systemd kills it, and starts it again."""
    drop_in("WatchdogSec=10")
    sh("systemctl", "restart", UNIT)
    os.kill(int(shown("MainPID")), signal.SIGSTOP)
    wait_for_restart(1)
    said = sh("journalctl", "-ocat", f"--unit={UNIT}")
    assert "Watchdog timeout" in said
    assert attempt() == 3
    check_whole()


def test_stopped() -> None:
    """What waited is written, to one file, which the group reads."""
    sh(*CONNECTING)
    sh("systemctl", "stop", UNIT)
    assert shown("Result") == "success"
    assert [each.name for each in FOLDER.iterdir()] == [HISTORY.name]
    assert HISTORY.read_bytes()[AT] == DELETE
    assert sh("stat", "-c", "%U:%G %a", str(HISTORY)) == "tcpconnect:tcpconnect 640\n"
    assert attempts() == 4


@pytest.mark.usefixtures("stopped")
def test_starts_late() -> None:
    """It tries again until it can, in this case until nobody else has the file."""
    other = ["systemd-run", "--unit=tcpconnect-other", "--property=Type=notify"]
    sh(*other, "tcpconnect", "record")
    try:
        sh("systemctl", "start", "--no-block", UNIT)
        wait_until(lambda: int(shown("NRestarts")) > 1, "two starts in vain")
        assert "writes it already; stop that one" in journal()[-1]
    finally:
        sh("systemctl", "stop", "tcpconnect-other")
    wait_until(lambda: shown("ActiveState") == "active", "the next start")
    assert attempt()


@pytest.mark.usefixtures("stopped")
def test_wrong_options() -> None:
    """With these it is not started again."""
    drop_in("ExecStart=\nExecStart=/usr/bin/env tcpconnect record --keep 1s")
    sh("systemctl", "start", "--no-block", UNIT)
    wait_until(lambda: shown("ActiveState") == "failed", "its end")
    assert (shown("NRestarts"), shown("ExecMainStatus")) == ("0", "2")
    assert "--keep: invalid time '1s': expected from" in journal()[-1]


def test_exposure() -> None:
    """It is as confined as it says, by the unit that systemd has loaded."""
    said = sh("systemd-analyze", "security", "--no-pager", UNIT)
    found = re.search(r"Overall exposure level.*: ([\d.]+)", said)
    assert found
    assert float(found[1]) <= 1.6


@pytest.mark.usefixtures("stopped")
def test_another_user() -> None:
    """A drop-in gives it another user, to whom systemd gives the directory."""
    before = attempts()
    drop_in("User=alex")
    sh("systemctl", "start", UNIT)
    assert set(privileges(shown("MainPID"))["Uid"].split()) == {
        sh("id", "-u", "alex").strip()
    }
    assert attempt() == before + 1
    assert sh("stat", "-c", "%U", str(HISTORY)) == "alex\n"


@pytest.mark.usefixtures("stopped")
def test_root_without_that_user() -> None:
    """As a service of root it becomes the owner of the directory."""
    before = attempts()
    sh("userdel", "tcpconnect")
    unit = "--unit=tcpconnect-owner"
    sh("systemd-run", unit, "--property=Type=notify", "tcpconnect", "record")
    try:
        process = sh("systemctl", "show", "-PMainPID", "tcpconnect-owner").strip()
        owner = sh("id", "-u", "alex").strip()
        assert set(privileges(process)["Uid"].split()) == {owner}
    finally:
        sh("systemctl", "stop", "tcpconnect-owner")
    assert attempts() == before
    assert [each.name for each in FOLDER.iterdir()] == [HISTORY.name]
