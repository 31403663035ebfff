"""A package: installed, started, upgraded with its history kept, and removed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.packages.managers import CONF, DEB, RPM, Manager
from tests.support.tracing import CONNECTING, PORT, event, sh, tracing, wait_until

# Emulated, an installation of arm64 takes minutes.
pytestmark = pytest.mark.timeout(900)

UNIT = "tcpconnect-record"
LIBRARY = Path("/usr/lib/tcpconnect")
FOLDER = Path("/var/lib/tcpconnect")
NETWORK = Path("packaging/network.conf")
DROP_IN = Path(f"/etc/systemd/system/{UNIT}.service.d/network.conf")
OTHER = FOLDER / "other.db"
OPTIONS = f"# mine\n-o sqlite:{FOLDER}/history.db -o sqlite:{OTHER}\n"
SHARED = (
    "man/man8/tcpconnect.8.gz",
    "bash-completion/completions/tcpconnect",
    "fish/vendor_completions.d/tcpconnect.fish",
)
MB = 1 << 20


@pytest.fixture(scope="module", params=[DEB, RPM], ids=lambda each: each.name)
def manager(request: pytest.FixtureRequest) -> Manager:
    """A package manager; all tests are run with the first one, then with the next."""
    # The machine was made without manuals.
    Path("/etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink(missing_ok=True)
    manager: Manager = request.param
    return manager


def shown(name: str) -> str:
    """Return a property of the service."""
    return sh("systemctl", "show", f"-P{name}", UNIT).strip()


def version() -> str:
    """Return what the tool says that it is."""
    return sh("tcpconnect", "--version").split()[1]


def status() -> str:
    """Return what systemctl says of the service, as a user types it."""
    words = ["systemctl", "status", "--no-pager", "--lines=0", UNIT]
    return subprocess.run(words, check=False, capture_output=True, text=True).stdout


def journal() -> list[str]:
    """Return what the service has ever said, without systemd's lines."""
    sh("journalctl", "--sync")
    found = sh("journalctl", "-ojson", f"_SYSTEMD_UNIT={UNIT}.service")
    return [json.loads(line)["MESSAGE"] for line in found.splitlines()]


def attempts(path: Path = FOLDER / "history.db") -> int:
    """Return how many attempts of the tests a history has."""
    return sum(row["attempts"] for row in history(path))


def history(path: Path = FOLDER / "history.db") -> list[dict[str, Any]]:
    """Return who made the attempts of the tests, from a history."""
    words = ["--db", str(path), "-j", "-P", str(PORT)]
    rows = sh("tcpconnect", "history", *words).splitlines()
    return [json.loads(row) for row in rows]


def attempt() -> None:
    """Connect, and have that written."""
    before = attempts()
    sh(*CONNECTING)
    sh("systemctl", "kill", "--signal=USR1", UNIT)
    wait_until(lambda: attempts() == before + 1, "the attempt")


def exposure() -> float:
    """Return how exposed systemd says the service is."""
    said = sh("systemd-analyze", "security", "--no-pager", UNIT)
    found = re.search(r"Overall exposure level.*: ([\d.]+)", said)
    assert found
    return float(found[1])


def ours() -> set[str]:
    """Return what there is of ours, but for where the packages come from."""
    found = sh("find", "/", "-xdev", "-name", "*tcpconnect*").splitlines()
    return {path for path in found if not path.startswith(("/packages", "/project"))}


def test_installed(manager: Manager) -> None:
    """All is in its place; the service waits until somebody enables it."""
    manager.run(manager.install, manager.package("old"))
    assert version() == manager.version("old")
    assert (shown("ActiveState"), shown("UnitFileState")) == ("inactive", "disabled")
    assert [name for name in SHARED if not Path("/usr/share", name).is_file()] == []
    assert list(Path("/usr/share/zsh").glob("*/_tcpconnect"))
    assert sh("stat", "-c", "%U:%G %a", str(CONF)) == "root:root 644\n"
    assert sh("id", "-gn", "tcpconnect") == "tcpconnect\n"
    # With bytecode, or each start would take three times the CPU.
    modules = sum(1 for _ in LIBRARY.rglob("*.py"))
    assert sum(1 for _ in LIBRARY.rglob("*.pyc")) == modules


def test_traces(manager: Manager) -> None:  # noqa: ARG001
    """The command traces."""
    with tracing("tcpconnect", "-rj", "-P", str(PORT)) as tool:
        sh(*CONNECTING)
        assert event(tool)["result"] == "ECONNREFUSED"


def test_extras(manager: Manager, tmp_path: Path) -> None:  # noqa: ARG001
    """Compressed recordings and reports work at once, and so would the live view."""
    recording, page = tmp_path / "r.jsonl.zst", tmp_path / "r.html"
    database = tmp_path / "h.db"
    with tracing("tcpconnect", "-rd", "-o", str(recording)) as tool:
        sh(*CONNECTING)
        tool.terminate()
        assert tool.wait() == 0
    sh("tcpconnect", "replay", str(recording), "-o", f"sqlite:{database}")
    sh("tcpconnect", "report", "--db", str(database), "-o", str(page))
    assert "<html" in page.read_text()
    imported = f"import sys; sys.path.insert(0, '{LIBRARY}'); import textual.widgets"
    sh("python3", "-Ic", f"{imported}, prometheus_client")


def test_started(manager: Manager) -> None:  # noqa: ARG001
    """The service writes a history."""
    assert "Active: inactive (dead)" in status()
    sh("systemctl", "enable", "--now", UNIT)
    assert "Active: active (running)" in status()
    attempt()
    assert attempts() == 1


def test_options(manager: Manager) -> None:  # noqa: ARG001
    """It has the options of its file."""
    CONF.write_text(OPTIONS)
    sh("systemctl", "restart", UNIT)
    attempt()
    assert (attempts(), attempts(OTHER)) == (2, 1)


def test_wrong_options(manager: Manager) -> None:  # noqa: ARG001
    """With these it is not started again, and says why, in a line."""
    before = len(journal())
    CONF.write_text("--keep 90x\n")
    ended = subprocess.run(["systemctl", "restart", UNIT], check=False)
    assert ended.returncode == 1
    assert (shown("ActiveState"), shown("NRestarts")) == ("failed", "0")
    (said,) = journal()[before:]
    assert said.startswith("tcpconnect: argument --keep: invalid time '90x': expected")
    CONF.write_text(OPTIONS)
    sh("systemctl", "restart", UNIT)


def test_upgraded(manager: Manager) -> None:
    """The new version goes on with the history, and with the changed options."""
    process, rows = shown("MainPID"), history()
    manager.run(manager.install, manager.package("new"))
    assert version() == manager.version("new") != manager.version("old")
    assert (shown("ActiveState"), shown("UnitFileState")) == ("active", "enabled")
    assert shown("MainPID") != process
    assert CONF.read_text() == OPTIONS
    assert history() == rows
    attempt()
    assert (attempts(), attempts(OTHER)) == (3, 2)


def test_limits(manager: Manager) -> None:  # noqa: ARG001
    """It may use one CPU; what it needs of its memory is less than half."""
    assert shown("CPUQuotaPerSecUSec") == "1s"
    assert int(shown("MemoryMax")) == 256 * MB
    assert int(shown("MemoryPeak")) < 128 * MB


def test_exposure(manager: Manager) -> None:  # noqa: ARG001
    """It is as confined as documented, without a network and with one."""
    assert exposure() <= 1.6
    DROP_IN.parent.mkdir()
    DROP_IN.write_text(NETWORK.read_text().replace("#IPA", "IPA"))
    sh("systemctl", "daemon-reload")
    assert exposure() <= 2.5
    shutil.rmtree(DROP_IN.parent)
    sh("systemctl", "daemon-reload")


def test_removed(manager: Manager) -> None:
    """It is stopped, and gone; history and options are kept."""
    manager.run(manager.remove, "tcpconnect")
    assert shown("LoadState") == "not-found"
    assert not LIBRARY.exists()
    assert shutil.which("tcpconnect") is None
    assert (FOLDER / "history.db").is_file()
    assert manager.kept.read_text() == OPTIONS


def test_installed_again(manager: Manager) -> None:
    """It goes on where it was."""
    manager.run(manager.install, manager.package("new"))
    sh("systemctl", "enable", "--now", UNIT)
    attempt()
    assert attempts() == 4


def test_purged(manager: Manager) -> None:
    """Nothing is left but the user; by RPM also what it never owned, the history."""
    manager.run(manager.remove, "tcpconnect")
    manager.run(manager.purge, "tcpconnect")
    if manager is RPM:
        assert ours() == {str(CONF.parent), str(FOLDER)}
        shutil.rmtree(CONF.parent)
        shutil.rmtree(FOLDER)
    assert ours() == set()
    failed = subprocess.run(["systemctl", "is-failed", UNIT], check=False)
    assert failed.returncode != 0
