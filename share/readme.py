"""README.md as package indexes show it: with links that work there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!\w+:|#)([^)]+)\)")
# git@host:owner/name.git, ssh://git@host/owner/name.git
BY_SSH = re.compile(r"(?:ssh://)?git@([^:/]+)[:/](.+)")
PKG_INFO = re.compile(r"^Project-URL: Source, (\S+)$", re.MULTILINE)


def urls() -> dict[str, str]:
    """Return the URLs of the project: where this source was cloned from, if it was."""
    source = repository()
    if not source:
        return {}
    return {
        "Source": source,
        "Issues": f"{source}/issues",
        "Security": f"{source}/security/policy",
        "Changelog": f"{source}/blob/HEAD/CHANGELOG.md",
        "Documentation": f"{source}/tree/HEAD/docs",
    }


def repository() -> str:
    """Return the URL of the repository, "" if it is not known or not public.

    An sdist has it in its PKG-INFO.
    """
    info = ROOT / "PKG-INFO"
    if info.exists():
        found = PKG_INFO.search(info.read_text(encoding="utf-8"))
        return found[1] if found else ""
    if not (ROOT / ".git").exists():
        return ""
    # The checkout may be another user's.
    command = ["git", "-c", "safe.directory=*", "remote", "get-url", "origin"]
    try:
        asked = subprocess.run(
            command, cwd=ROOT, check=False, capture_output=True, text=True
        )
    except OSError:  # there is no git
        return ""
    return public(asked.stdout.strip())


def public(remote: str) -> str:
    """Return the URL of a page for that of a remote, "" for a path and the like."""
    if by_ssh := BY_SSH.fullmatch(remote):
        remote = f"https://{by_ssh[1]}/{by_ssh[2]}"
    if not re.fullmatch(r"https://[\w.-]+/[\w./~-]+", remote):
        return ""
    return remote.rstrip("/").removesuffix(".git")


def absolute(text: str, source: str) -> str:
    """Return Markdown whose links to files of the tree are links to its repository."""

    def link(found: re.Match[str]) -> str:
        kind = "raw" if found[1] else "blob"
        return f"{found[1]}{found[2]}({source}/{kind}/HEAD/{found[3]})"

    return LINK.sub(link, text) if source else text


def page() -> str:
    """Return README.md with absolute links."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return absolute(text, repository())
