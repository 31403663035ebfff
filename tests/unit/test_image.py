"""The list of what is in the image."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from image.contents import contents
from image.packages import STATUS
from image.root import forget_machine, settle

TOP = Path(__file__).parents[2]
CONTROL = """\
Package: libbpf1
Version: 1:1.5.0-3
Architecture: amd64
Maintainer: Sudip <sudip@example.org>
Description: eBPF helper library
 more of it
"""
EMPTY = hashlib.sha256(b"").hexdigest()
METADATA = "Metadata-Version: 2.4\nName: {}\nVersion: {}\n{}\n"


@pytest.fixture
def listed(tmp_path: Path) -> dict[str, Any]:
    """The list of a root with three packages."""
    status, site = tmp_path / STATUS, tmp_path / "site"
    status.mkdir(parents=True)
    (status / "libbpf1").write_text(CONTROL)
    (status / "libbpf1.md5sums").write_text("0  usr/lib/libbpf.so.1\n")
    for name, version, more in (
        ("msgspec", "0.23.0", "License-Expression: BSD-3-Clause"),
        ("Backports.Zstd", "1.8.0", "License: see the file\n of that name"),
    ):
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(METADATA.format(name, version, more))
    library = site / "msgspec.libs/libyaml-0-2-3a0647ea.so.2.0.9"
    library.parent.mkdir()
    library.write_bytes(b"")
    record = f"msgspec/__init__.py,,\n{library.relative_to(site)},,\n"
    (site / "msgspec-0.23.0.dist-info/RECORD").write_text(record)
    made: dict[str, Any] = json.loads(contents(tmp_path, site, "trixie", "0.2.0", 0))
    return made


def test_packages(listed: dict[str, Any]) -> None:
    """Each package has its version, and what scanners know it by."""
    *packages, library = listed["packages"]
    found = [
        (
            each["name"],
            each["versionInfo"],
            each.get("licenseDeclared"),
            *(ref["referenceLocator"] for ref in each.get("externalRefs", [])),
        )
        for each in packages
    ]
    assert found == [
        ("tcpconnect-image", "0.2.0", None),
        (
            "libbpf1",
            "1:1.5.0-3",
            None,
            "pkg:deb/debian/libbpf1@1%3A1.5.0-3?arch=amd64&distro=trixie",
        ),
        ("Backports.Zstd", "1.8.0", "NOASSERTION", "pkg:pypi/backports-zstd@1.8.0"),
        ("msgspec", "0.23.0", "BSD-3-Clause", "pkg:pypi/msgspec@0.23.0"),
    ]
    assert library["name"] == "libyaml-0-2.so.2.0.9"
    assert (
        library["packageFileName"] == "/site/msgspec.libs/libyaml-0-2-3a0647ea.so.2.0.9"
    )
    assert library["checksums"] == [{"algorithm": "SHA256", "checksumValue": EMPTY}]


def test_document(listed: dict[str, Any]) -> None:
    """The document describes the image, which contains the others, and they theirs."""
    ids = [each["SPDXID"] for each in listed["packages"]]
    assert len(set(ids)) == 5
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", each) for each in ids)
    assert listed["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
    assert [
        (each["spdxElementId"], each["relationshipType"], each["relatedSpdxElement"])
        for each in listed["relationships"]
    ] == [
        ("SPDXRef-DOCUMENT", "DESCRIBES", ids[0]),
        *((ids[0], "CONTAINS", each) for each in ids[1:-1]),
        ("SPDXRef-python-msgspec", "CONTAINS", ids[-1]),
    ]


def test_modes(tmp_path: Path) -> None:
    """They do not depend on the umask, and nothing is setuid."""
    for name in ("tmp", "root", "usr"):
        (tmp_path / name).mkdir(mode=0o700)
    for name, mode in (("file", 0o600), ("program", 0o700), ("setuid", 0o4711)):
        (tmp_path / "usr" / name).touch()
        (tmp_path / "usr" / name).chmod(mode)
    (tmp_path / "usr/link").symlink_to("/nowhere")
    settle(tmp_path)
    modes = {
        path.name: os.lstat(path).st_mode & 0o7777
        for path in tmp_path.rglob("*")
        if not path.is_symlink()
    }
    assert modes == {
        "tmp": 0o1777,
        "root": 0o700,
        "usr": 0o755,
        "file": 0o644,
        "program": 0o755,
        "setuid": 0o755,
    }


def test_nothing_of_this_machine(tmp_path: Path) -> None:
    """Neither where the wheel was nor what pip was asked for is in the image."""
    info = tmp_path / "tcpconnect-0.2.0.dist-info"
    info.mkdir()
    names = ("METADATA", "REQUESTED", "direct_url.json")
    for name in names:
        (info / name).touch()
    listed = "".join(f"{info.name}/{name},sha256=x,1\n" for name in (*names, "RECORD"))
    (info / "RECORD").write_text(listed)
    forget_machine(tmp_path)
    assert {path.name for path in info.iterdir()} == {"METADATA", "RECORD"}
    left = [f"{info.name}/{name},sha256=x,1" for name in ("METADATA", "RECORD")]
    assert (info / "RECORD").read_text().splitlines() == left


def test_extras_have_versions() -> None:
    """Each package that the extras name has a version in the image."""
    project = (TOP / "pyproject.toml").read_text()
    extras = project.partition("[project.optional-dependencies]")[2].partition("[dep")[
        0
    ]
    wanted = set(re.findall(r'"([a-z.-]+)(?:\[binary\])?>=', extras))
    pinned = (TOP / "packaging/image/constraints.txt").read_text()
    assert wanted
    assert {each.replace(".", "-") for each in wanted} <= set(
        re.findall(r"^([a-z0-9-]+)==", pinned, re.MULTILINE)
    )
