"""The check before a release: which Pythons it finds, and when it fails."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from release import __main__ as release
from release import publish, smoke
from release.pythons import PROJECT, find, promised
from release.trial import TrialError, run

if TYPE_CHECKING:
    from pathlib import Path

OURS = f"{sys.version_info[0]}.{sys.version_info[1]}"


def python(folder: Path, version: str, code: int = 0) -> str:
    """Make what looks like an interpreter; return its path."""
    path = folder / f"python{version}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder that is all of PATH, and pyenv's; there is no Python in it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    return tmp_path


def test_on_path(nowhere: Path) -> None:
    """An interpreter on PATH comes first."""
    expected = python(nowhere, "3.12")
    python(nowhere / "versions/3.12.1/bin", "3.12")
    assert find("3.12") == expected


def test_of_pyenv(nowhere: Path) -> None:
    """A shim without this version is skipped for one of pyenv's versions."""
    python(nowhere, "3.12", code=127)
    expected = python(nowhere / "versions/3.12.1/bin", "3.12")
    assert find("3.12") == expected


def test_none(nowhere: Path) -> None:
    """Another version does not count."""
    python(nowhere, "3.11")
    assert find("3.1") is None


def test_promised_are_all_from_the_oldest_on() -> None:
    """The classifiers have no gap, and begin where the wheel can be installed."""
    oldest = re.search(r'requires-python = ">=3\.(\d+)"', PROJECT.read_text())
    assert oldest
    first = int(oldest[1])
    versions = promised()
    assert versions == [f"3.{minor}" for minor in range(first, first + len(versions))]
    assert OURS in versions


def test_asked_must_be_there(
    capsys: pytest.CaptureFixture[str], nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that was asked for and is not there is a failure, before any work."""
    python(nowhere, "3.11")
    monkeypatch.setattr(release, "_try_all", pytest.fail)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert release.main(["3.11", "3.12"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("not found  python3.12\nFAILED ")


def test_one_is_enough(
    capsys: pytest.CaptureFixture[str], nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unasked, those that are there are tried, and the others named."""
    only = python(nowhere, promised()[0])
    tried: dict[str, str] = {}
    monkeypatch.setattr(release, "_try_all", lambda here, _: tried.update(here) or 0)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert release.main([]) == 0
    assert tried == {promised()[0]: only}
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"1 passed, 0 failed, not tried: {', '.join(promised()[1:])}"


@pytest.mark.usefixtures("nowhere")
def test_none_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be tried, nothing has passed."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert release.main([]) == 1


def test_failure_is_a_failure(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One trial that fails fails all."""
    python(nowhere, "3.11")
    monkeypatch.setattr(release, "_try_all", lambda here, _: len(here))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert release.main(["3.11"]) == 1


def test_missing_ones_are_fetched(
    capsys: pytest.CaptureFixture[str], nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --debian, those that are not here are tried elsewhere."""
    python(nowhere, "3.11")
    fetched: list[str] = []

    def try_all(_: dict[str, str], others: list[str]) -> int:
        fetched.extend(others)
        return 0

    monkeypatch.setattr(release, "_try_all", try_all)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert release.main(["--debian", "3.11", "3.12"]) == 0
    assert fetched == ["3.12"]
    assert capsys.readouterr().out == "2 passed, 0 failed\n"


def test_what_prepares_trials_fails(
    capsys: pytest.CaptureFixture[str], nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong before the first trial is a line, and a failure."""
    python(nowhere, "3.11")
    monkeypatch.setattr("sys.executable", str(nowhere / "missing"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert release.main(["3.11"]) == 1
    missing = f"FAILED     {nowhere}/missing: No such file or directory\n"
    assert capsys.readouterr().out == missing


def test_command_that_fails() -> None:
    """The last line of a command is shown."""
    code = "import sys; print('much'); sys.exit('why')"
    with pytest.raises(TrialError, match=r"-c .*: why"):
        run(sys.executable, "-c", code)


MADE = (
    *("t-1-py3-none-any.whl", "t_1-1_amd64.deb", "t_1-1_arm64.deb"),
    *("t-1-1.x86_64.rpm", "t-1-1.aarch64.rpm", "t-1-amd64.oci.tar"),
)


def test_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is made twice, and what runs here is tried, before it is in its place."""
    made: list[Path] = []
    tried: list[str] = []

    def make_all(folder: Path) -> list[Path]:
        folder.mkdir()
        made.append(folder)
        for name in MADE:
            (folder / name).write_text(name)
        return sorted(folder.iterdir())

    def try_in_copy(package: Path, _: Path) -> str:
        tried.append(package.name)
        return "seen"

    monkeypatch.setattr(publish, "_make_all", make_all)
    monkeypatch.setattr(publish, "own_arch", lambda: "arm64")
    monkeypatch.setattr(publish, "try_wheel", lambda *_: "seen")
    monkeypatch.setattr(smoke, "try_in_copy", try_in_copy)
    publish.publish(tmp_path, tmp_path / "dist")
    assert len(made) == 2
    assert tried == ["t_1-1_arm64.deb", "t-1-1.aarch64.rpm"]
    there = {path.name for path in (tmp_path / "dist").iterdir()}
    assert there == {*MADE, "SHA256SUMS"}


def test_not_the_same_again(tmp_path: Path) -> None:
    """What differs when it is made again is named."""
    one, again = tmp_path / "t.deb", tmp_path / "again.deb"
    one.write_text("a")
    again.write_text("b")
    with pytest.raises(TrialError, match=r"t\.deb is not the same when made again"):
        publish.check_same(one, again)
