"""apt for one suite and architecture, apart from the host's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .errors import VmError, run

if TYPE_CHECKING:
    from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
OS_RELEASE = "/etc/os-release"

# The host's /etc/apt is not read, but for how to reach the network (the Acquire tree,
# appended) and passwords of mirrors (auth.conf). Old suites are no longer signed anew.
CONFIGURATION = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::sourcelist "{folder}/sources.list";
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
{network}\
Acquire::Check-Valid-Until "false";
"""


def host_mirror() -> str:
    """Return the address from which this host gets Debian's main archive."""
    if address := _source(""):
        return address
    raise VmError(
        f"this host's apt sources name no archive of the suite in {OS_RELEASE}; "
        "give the address of a mirror of Debian with --mirror"
    )


def security_mirror() -> str:
    """Return the address from which it gets security updates, "" if it does not."""
    return _source("-security")


def _source(suffix: str) -> str:
    """Return where this host's suite, with a suffix, comes from."""
    with open(OS_RELEASE) as lines:
        codename = re.search(r"^VERSION_CODENAME=(\w+)", lines.read(), re.MULTILINE)
    targets = run(
        *("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"),
        "Created-By: Packages",
        what="read this host's apt sources",
    )
    for target in targets.splitlines():
        address, suite = target.rsplit(maxsplit=1)
        if codename and suite == codename[1] + suffix:
            return address
    return ""


def network_settings() -> str:
    """Return the host's settings of apt for proxies and the like."""
    return run("apt-config", "dump", "Acquire", what="read this host's apt settings")


class Apt:
    """Looks for packages of a suite and downloads them; installs nothing.

    With the address of ``security`` updates it takes these. Raises VmError when the
    suite can't be reached.
    """

    def __init__(
        self, folder: Path, mirror: str, suite: str, arch: str, security: str = ""
    ) -> None:
        self._env = {"APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        source = f"deb [signed-by={KEYRING}] {mirror} {suite} main\n"
        if security:
            source += f"deb [signed-by={KEYRING}] {security} {suite}-security main\n"
        (folder / "sources.list").write_text(source)
        configuration = CONFIGURATION.format(
            folder=folder, arch=arch, network=network_settings()
        )
        (folder / "apt.conf").touch(mode=0o600)
        (folder / "apt.conf").write_text(configuration)
        self._call(
            *("apt-get", "update", "--error-on=any"),
            what=f"reach Debian's suite {suite} for {arch} at {mirror}",
        )

    def _call(self, *command: str, what: str, cwd: Path | None = None) -> str:
        return run(*command, what=what, env=self._env, cwd=cwd)

    def dependencies(self, package: str) -> list[str]:
        """Return the packages that a package depends on, itself."""
        told = self._call(
            *("apt-cache", "depends", "--important", package),
            what=f"look up the package {package}",
        )
        return re.findall(r"Depends: (\S+)", told)

    def closure(self, *packages: str) -> list[str]:
        """Return these packages and all that they depend on, sorted."""
        told = self._call(
            *("apt-get", "install", "--simulate", *packages),
            what=f"look up what {' '.join(packages)} depend on",
        )
        return sorted(re.findall(r"^Inst (\S+)", told, re.MULTILINE))

    def download(self, packages: list[str], folder: Path) -> list[Path]:
        """Put packages into a folder; return their paths."""
        what = f"download {' '.join(packages)}"
        self._call("apt-get", "download", *packages, what=what, cwd=folder)
        return sorted(folder.glob("*.deb"))
