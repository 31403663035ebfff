"""What is in the image, and what it says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconnect import __version__
from tests.support.pods import LIMITS

if TYPE_CHECKING:
    from tests.support.pods import Podman

TOP = Path(__file__).parents[2]
MOST_BYTES = 120_000_000
LABEL = "org.opencontainers.image."
LABELS = {"created", "description", "licenses", "revision", "title", "version"}
LIST = "/usr/share/doc/tcpconnect/image.spdx.json"
LOOK = """
import json, os, stat
found = {"shells": [], "special": [], "list": open("%s").read()}
for parent, _, names in os.walk("/"):
    if parent.startswith(("/proc", "/sys", "/dev")):
        continue
    for name in names:
        path = os.path.join(parent, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            found["special"].append(path)
        if name in {"sh", "bash", "dash", "busybox", "dpkg", "apt-get", "pip"}:
            found["shells"].append(path)
print(json.dumps(found))
"""


def test_labels(podman: Podman) -> None:
    """It says what it is, of which source, and what it runs."""
    (about,) = json.loads(podman("image", "inspect", "tcpconnect"))
    labels = about["Labels"]
    assert labels.keys() == {f"{LABEL}{name}" for name in LABELS}
    assert labels[f"{LABEL}version"] == __version__
    assert about["Size"] < MOST_BYTES
    assert about["Config"]["Entrypoint"] == ["/usr/bin/tcpconnect"]
    assert about["Config"]["Cmd"] == ["record"]
    assert about["Config"]["Volumes"].keys() == {"/var/lib/tcpconnect"}


def test_nothing_else(podman: Podman) -> None:
    """No shell, no package manager, no setuid program; the list is the one of dist/."""
    python = f"--entrypoint={json.dumps(['/usr/bin/python3', '-c', LOOK % LIST])}"
    told = podman("run", "--rm", "--network=none", *LIMITS, python, "tcpconnect")
    found: dict[str, Any] = json.loads(told)
    (listed,) = (TOP / "dist").glob(f"tcpconnect-{__version__}-*.spdx.json")
    assert found == {"shells": [], "special": [], "list": listed.read_text()}
