"""A checkout that is another user's: root builds packages and the image from it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from image import __main__ as image
from release import source
from share import readme
from vmtest import project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root
SOURCE = "https://git.example/owner/name"
NOBODY = 65534


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit, and a machine that makes no exceptions for git."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    made = tmp_path / "made"
    made.mkdir()
    (made / "file").touch()
    whose = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (
        ("init", "--quiet"),
        ("remote", "add", "origin", f"{SOURCE}.git"),
        ("add", "file"),
        (*whose, "commit", "--quiet", "--message=a"),
    ):
        subprocess.run(["git", "-C", made, *words], check=True)
    for path in (made, *made.rglob("*")):
        shutil.chown(path, NOBODY)
    return made


def test_checkout_of_another_user(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that asks git about the source gets its answer."""
    refused = subprocess.run(["git", "-C", checkout, "status"], check=False)
    assert refused.returncode
    for module, name in ((image, "PROJECT"), (source, "TOP"), (readme, "ROOT")):
        monkeypatch.setattr(module, name, checkout)
    monkeypatch.setattr(project, "TOP", checkout)
    assert re.fullmatch("[0-9a-f]{40}", image.git("rev-parse", "HEAD"))
    assert source.epoch() == int(image.git("log", "-1", "--format=%ct"))
    assert readme.repository() == SOURCE
    assert project.files() == ["file"]
