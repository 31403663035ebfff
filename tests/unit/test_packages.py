"""Packages: what is in them agrees with what they say."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from release import previous, publish, rpm, source, tree, vendored
from release.trial import TrialError
from tcpconnect import extras
from tcpconnect.optionfile import words_of
from tcpconnect.options.verbs import verb_named
from tcpconnect.parsing import parse_verb

if TYPE_CHECKING:
    from pathlib import Path

PACKAGING = source.TOP / "packaging"
CONF = "etc/tcpconnect/record.conf"


def minor(version: str) -> int:
    """Return the 11 of 3.11."""
    return int(version.removeprefix("3."))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with as much in it as packages need."""
    path = tmp_path / "tcpconnect.whl"
    program = (source.TOP / "bin/tcpconnect").read_text()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tcpconnect/__init__.py", '__version__ = "0.1.0"\n')
        archive.writestr("tcpconnect/start.py", "def main():\n    return 7\n")
        archive.writestr("tcpconnect-1.data/scripts/tcpconnect", program)
        archive.writestr("tcpconnect-1.data/data/share/man/man8/tcpconnect.8", "")
    return path


@pytest.fixture
def laid_out(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a package installs, without the wheels that are downloaded."""
    monkeypatch.setattr(vendored, "unpack", lambda *_: "")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    root = tmp_path / "tree"
    tree.lay_out(wheel, "amd64", root, tmp_path / "room")
    return root


def test_modes_and_times(laid_out: Path) -> None:
    """The same, whoever makes it, and when."""
    found = {path: path.stat() for path in laid_out.rglob("*")}
    assert {int(stat.st_mtime) for stat in found.values()} == {1700000000}
    assert {path.name for path in found if found[path].st_mode == 0o100755} == {
        "tcpconnect"
    }


def test_command(laid_out: Path) -> None:
    """The command runs what the package has, whatever the user's variables say."""
    text = (laid_out / "usr/bin/tcpconnect").read_text()
    assert text.startswith("#!/usr/bin/python3 -I\n")
    here = text.replace(f"/{tree.LIBRARY}", str(laid_out / tree.LIBRARY))
    ran = subprocess.run([sys.executable, "-I", "-c", here], check=False)
    assert ran.returncode == 7


def test_another_script(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that imports nothing of ours is refused, rather than packed."""
    monkeypatch.setattr(vendored, "unpack", lambda *_: "")
    with zipfile.ZipFile(wheel, "a") as archive, pytest.warns(UserWarning, match="Dup"):
        archive.writestr("tcpconnect-1.data/scripts/tcpconnect", "#!python\n")
    with pytest.raises(TrialError, match="no line 'from tcpconnect"):
        tree.lay_out(wheel, "amd64", tmp_path / "tree", tmp_path / "room")


def test_unit_reads_the_options(laid_out: Path) -> None:
    """The service takes its options from the file that the package installs."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(laid_out / tree.UNITS / tree.UNIT)
    command = shlex.split(unit["Service"]["ExecStart"])
    assert command == ["/usr/bin/tcpconnect", "record", "--quiet", f"@/{CONF}"]
    assert words_of(str(laid_out / CONF)) == []


def test_examples_of_options() -> None:
    """What record.conf shows as a comment is what record takes."""
    text = (PACKAGING / "record.conf").read_text()
    shown = re.findall(r"^#   (-.*)", text, re.MULTILINE)
    assert len(shown) == 5
    parse_verb(verb_named("record"), shlex.split(" ".join(shown)))


def test_licenses(laid_out: Path) -> None:
    """Those of others come along where documentation is left out, as in images."""
    debian = (PACKAGING / "debian/copyright").read_text()
    assert f"/{tree.LICENSES}.gz" in debian
    (laid_out / "usr/share/doc/tcpconnect/third-party.txt").write_text("MIT")
    rpm.arrange(laid_out)
    licenses = laid_out / "usr/share/licenses/tcpconnect"
    assert (licenses / "third-party.txt").read_text() == "MIT"
    copyrights = (licenses / "copyright").read_text()
    assert re.findall(r"\S+third-party\S+", copyrights) == [
        "/usr/share/licenses/tcpconnect/third-party.txt,"
    ]


def test_examples(laid_out: Path) -> None:
    """What docs/ has for other programs comes along."""
    pages = "".join(path.read_text() for path in (source.TOP / "docs").glob("*.md"))
    named = set(re.findall(r"`(?:packaging/)?([\w-]+\.[a-z]+)`", pages))
    there = {name for name in named if (PACKAGING / name).is_file()}
    shown = {path.name for path in (laid_out / tree.SHOWN).iterdir()}
    assert shown == there - {tree.UNIT, "record.conf"}


def test_pythons() -> None:
    """The package depends on those Pythons that it has modules for."""
    first, last = minor(vendored.PYTHONS[0]), minor(vendored.PYTHONS[-1])
    for name in ("debian/control", "tcpconnect.spec"):
        text = (PACKAGING / name).read_text()
        bounds = re.findall(r"python3 \(?(?:>=|<<?) 3\.(\d+)", text)
        assert bounds == [str(first), str(last + 1)]
    assert [minor(version) for version in vendored.PYTHONS] == [*range(first, last + 1)]


@pytest.mark.parametrize("given", ["yesterday", "-1"])
def test_wrong_epoch(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a package is given in seconds."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    with pytest.raises(TrialError, match="expected seconds"):
        source.epoch()


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("/usr/lib/tcpconnect/tcpconnect/extras.py", "install python3-psycopg ("),
        ("/opt/venv/lib/tcpconnect/extras.py", "pip install"),
    ],
    ids=["packaged", "elsewhere"],
)
def test_psycopg(path: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a package does not bring along is the system's; pip has no part there."""
    monkeypatch.setattr(extras, "__file__", path)
    assert remedy in str(extras.psycopg_missing())


def test_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A version that the changelog does not have is not released."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n")
    monkeypatch.setattr(publish, "CHANGELOG", changelog)
    monkeypatch.setattr(publish, "run", lambda *_: "")
    publish.check_ready("1.0.0")
    with pytest.raises(TrialError, match=r"no section \[1.0\]; use --rehearse"):
        publish.check_ready("1.0")


def test_changes_without_a_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the changelog has of no version yet is not released unseen."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        "## [Unreleased]\n\n### Added\n- x\n\n## [1.0.0] - 2026-01-01\n"
    )
    monkeypatch.setattr(publish, "CHANGELOG", changelog)
    monkeypatch.setattr(publish, "run", lambda *_: "")
    with pytest.raises(
        TrialError, match=r"under \[Unreleased\] to \[1\.0\.0\], or use"
    ):
        publish.check_ready("1.0.0")


def test_maintainer() -> None:
    """The RPM names whom Debian's control file names, with an address."""
    name, _, address = source.maintainer().partition(" <")
    assert name
    assert re.fullmatch(r"[\w.-]+@[\w.-]+>", address)


def test_last_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is upgraded from is the newest tag that is not of this version, or 0.1.0."""
    tags = [f"v{source.version()}"]
    monkeypatch.setattr(previous, "run", lambda *_: "\n".join(tags))
    assert previous.commit() == previous.LAST_OF_0_1_0
    tags += ["v0.1.9", "v0.1.8"]
    assert previous.commit() == "v0.1.9"


def test_uncommitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not committed is not released: its time is that of the commit."""
    monkeypatch.setattr(publish, "run", lambda *_: " M README.md\n?? new\n")
    with pytest.raises(TrialError, match=r"remove README\.md, or use --rehearse"):
        publish.check_ready("1.0.0")


def test_another_commit_has_the_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is tagged elsewhere is not released again; the tag may be this commit's."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("## [1.0.0] - 2026-01-01\n")
    monkeypatch.setattr(publish, "CHANGELOG", changelog)
    tags = {"--list": "v1.0.0\n", "--points-at": ""}
    monkeypatch.setattr(publish, "run", lambda *words: tags.get(words[-2], ""))
    with pytest.raises(TrialError, match=r"v1\.0\.0 is another commit; change src/"):
        publish.check_ready("1.0.0")
    tags["--points-at"] = "v1.0.0\n"
    publish.check_ready("1.0.0")


def test_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are for this machine; one that has none is named."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert vendored.own_arch() == "arm64"
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(TrialError, match="for amd64, arm64, not for riscv64"):
        vendored.own_arch()


def test_sums(tmp_path: Path) -> None:
    """sha256sum finds the files of a release as they were."""
    for name in ("b.deb", "a.rpm"):
        (tmp_path / name).write_text(name)
    (tmp_path / "SHA256SUMS").write_text(publish.sums(tmp_path))
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    checked = subprocess.run(
        command, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert checked.stdout == "a.rpm: OK\nb.deb: OK\n"
