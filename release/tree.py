"""What packages install: the files of a system, laid out from the wheel.

The tool runs on the system's Python, with a folder of its own that no other program
imports from.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from typing import TYPE_CHECKING

from release import source, vendored
from release.trial import TrialError

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "usr/lib/tcpconnect"
PACKAGING = source.TOP / "packaging"
# The tool may be root's: neither variables nor files of a user choose what it imports.
INTERPRETER = "#!/usr/bin/python3 -I\n"
BEFORE = "from tcpconnect.start import main"
OWN_FOLDER = f'import sys\n\nsys.path.insert(0, "/{LIBRARY}")\n\n'

FILES = {
    "record.conf": "etc/tcpconnect/record.conf",
    "tcpconnect.sysusers": "usr/lib/sysusers.d/tcpconnect.conf",
    "network.conf": "usr/share/doc/tcpconnect/examples/network.conf",
}
LICENSES = "usr/share/doc/tcpconnect/third-party.txt"
UNIT = "tcpconnect-record.service"
UNITS = "usr/lib/systemd/system"
EXAMPLES = (
    *("*.sql", "*.json", "*.yml", "otelcol.yaml", "vector.toml"),
    "tcpconnect.service",
)
SHOWN = "usr/share/doc/tcpconnect/examples"


def lay_out(wheel: Path, arch: str, root: Path, room: Path) -> None:
    """Put all files into ``root``; ``room`` is for what is needed on the way.

    Raises TrialError.
    """
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(room / "wheel")
    (data,) = (room / "wheel").glob("*.data")
    library = root / LIBRARY
    shutil.copytree(room / "wheel/tcpconnect", library / "tcpconnect")
    licenses = vendored.unpack(arch, library, room)
    shutil.copytree(data / "data/share", root / "usr/share")
    _write(root / LICENSES, licenses)
    _write(root / "usr/bin/tcpconnect", _program(data / "scripts/tcpconnect"))
    for name, path in FILES.items():
        _write(root / path, (PACKAGING / name).read_text())
    for pattern in EXAMPLES:
        for example in sorted(PACKAGING.glob(pattern)):
            _write(root / SHOWN / example.name, example.read_text())
    unit = (PACKAGING / UNIT).read_text().replace("/usr/bin/env tcp", "/usr/bin/tcp")
    _write(root / UNITS / UNIT, unit)
    set_modes(root)


def _program(script: Path) -> str:
    """Return the command, which finds what the packages bring along."""
    _, _, rest = script.read_text().partition("\n")
    before, found, after = rest.partition(BEFORE)
    if not found:
        raise TrialError(f"{script.name}: no line '{BEFORE}'")
    return f"{INTERPRETER}{before}{OWN_FOLDER}{found}{after}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def set_modes(root: Path) -> None:
    """Give all the mode and time that they have whoever makes the package."""
    for path in root.rglob("*"):
        executable = path.is_dir() or path.parent.name == "bin"
        path.chmod(0o755 if executable else 0o644)
    set_times(root)


def set_times(root: Path) -> None:
    """Give all the time of the commit: packers keep those that are earlier."""
    moment = source.epoch()
    for path in (root, *root.rglob("*")):
        os.utime(path, (moment, moment))
