"""The package managers: what each is called with, and what it leaves."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

PACKAGES = Path("/packages")
CONF = Path("/etc/tcpconnect/record.conf")


class Manager(NamedTuple):
    """How packages are installed, removed, and removed with all that was theirs."""

    name: str
    install: str
    remove: str
    purge: str
    kept: Path  # the options, after the removal

    def package(self, which: str) -> str:
        """Return the path of the old package, or the new one."""
        (path,) = (PACKAGES / which).glob(f"*.{self.name}")
        return str(path)

    def version(self, which: str) -> str:
        """Return the version that a package's name has."""
        name = Path(self.package(which)).name
        found = re.match(r"tcpconnect[_-]([^-]+)-1[_.]", name)
        assert found, name
        return found[1].replace("~", "-")

    def run(self, command: str, *words: str) -> str:
        """Call it; return all that it says."""
        ended = subprocess.run(
            [*command.split(), *words],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout


DEB = Manager("deb", "dpkg --install", "dpkg --remove", "dpkg --purge", CONF)
# Debian's rpm knows nothing of what dpkg has installed, such as Python.
RPM = Manager(
    "rpm",
    "rpm --upgrade --nodeps",
    "rpm --erase",
    "true",
    CONF.with_name("record.conf.rpmsave"),
)
