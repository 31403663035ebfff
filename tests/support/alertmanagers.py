"""A real Alertmanager."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

from tests.support.ports import reserved
from tests.support.programs import needs
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where scripts/prometheus unpacks it: one that is installed is started at boot.
UNPACKED = Path(__file__).parents[2] / ".cache/alertmanager/usr"
EXECUTABLE = UNPACKED / "bin/prometheus-alertmanager"
TEMPLATES = "share/prometheus/alertmanager"
# It finds its templates in /usr only.
IN_PLACE = """
mount -t tmpfs none /usr/share
mkdir -p /usr/share/prometheus
cp -r "$0" /usr/share/prometheus
exec "$@"
"""
CONFIGURATION = "route: {receiver: none}\nreceivers: [{name: none}]\n"


class Alertmanager:
    """A server at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open = build_opener(ProxyHandler({})).open

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it shows as active."""
        with self._open(f"{self.url}/api/v2/alerts", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with self._open(f"{self.url}/-/ready", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def alertmanager(folder: Path) -> Iterator[Alertmanager]:
    """Run one that keeps its data in a folder; it needs root."""
    needs(str(EXECUTABLE))
    configuration = folder / "alertmanager.yml"
    configuration.write_text(CONFIGURATION)
    with (
        reserved() as port,
        subprocess.Popen(
            [
                *("unshare", "--mount", "sh", "-ec", IN_PLACE),
                *(UNPACKED / TEMPLATES, EXECUTABLE),
                f"--config.file={configuration}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            server = Alertmanager(f"http://127.0.0.1:{port}")
            wait_until(server.is_ready, "Alertmanager")
            yield server
        finally:
            process.kill()
