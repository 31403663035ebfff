"""What is in the image, and what it says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image.packages import STATUS
from share.readme import repository
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
import json, os, re, stat
found = {"shells": [], "special": [], "unlicensed": [], "list": open("%s").read()}
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
for name in {each.removesuffix(".md5sums") for each in os.listdir("%s")}:
    path = f"/usr/share/doc/{name}/copyright"
    said = open(path).read() if os.path.exists(path) else f"no {path}"
    needed = re.findall(r"/usr/share/common-licenses/[\\w.+-]*\\w", said) or [path]
    found["unlicensed"] += [name for each in needed if not os.path.exists(each)]
print(json.dumps(found))
"""


def test_labels(podman: Podman) -> None:
    """It says what it is, of which source, and what it runs."""
    (about,) = json.loads(podman("image", "inspect", "tcpconnect"))
    labels = about["Labels"]
    expected = LABELS | ({"source"} if repository() else set())
    assert labels.keys() == {f"{LABEL}{name}" for name in expected}
    assert labels[f"{LABEL}version"] == __version__
    assert about["Size"] < MOST_BYTES
    assert about["Config"]["Entrypoint"] == ["/usr/bin/tcpconnect"]
    assert about["Config"]["Cmd"] == ["record"]
    assert about["Config"]["Volumes"].keys() == {"/var/lib/tcpconnect"}


def test_nothing_else(podman: Podman) -> None:
    """No shell, package manager or setuid program; licenses, and the list of dist/."""
    code = LOOK % (LIST, f"/{STATUS}")
    python = f"--entrypoint={json.dumps(['/usr/bin/python3', '-c', code])}"
    told = podman("run", "--rm", "--network=none", *LIMITS, python, "tcpconnect")
    found: dict[str, Any] = json.loads(told)
    (listed,) = (TOP / "dist").glob(f"tcpconnect-{__version__}-*.spdx.json")
    assert found.pop("list") == listed.read_text()
    assert found == {"shells": [], "special": [], "unlicensed": []}
