"""What reads metrics: requests, their samples, and a real Prometheus."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.support.attempts import PORT
from tests.support.launch import EMULATED
from tests.support.ports import reserved
from tests.support.programs import needs
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where scripts/prometheus unpacks it: one that is installed is started at boot.
UNPACKED = Path(__file__).parents[2] / ".cache/prometheus/usr/bin"
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
CONFIGURATION = """
global: {{evaluation_interval: 1s}}
scrape_configs:
  - job_name: tcpconnect
    scrape_interval: 1s
    static_configs: [{{targets: ['{target}']}}]
rule_files: {rules}
"""

ATTEMPTS = "tcpconnect_attempts_total"
Samples = dict[tuple[str, ...], float]


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    """Return the status and the text of an answer."""
    connection = HTTPConnection(host, port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def samples(text: str, name: str) -> Samples:
    """Return the samples of a name, by the values of their labels in order."""
    found: Samples = {}
    for line in text.splitlines():
        sample = _SAMPLE.fullmatch(line)
        if sample and sample[1] == name:
            labels = sorted(_LABEL.findall(sample[2] or ""))
            found[tuple(value for _, value in labels)] = float(sample[3])
    return found


def serve(port: int | str, *options: object, verb: str = "") -> Tool:
    """Return the tool, which traces this process and serves metrics."""
    place = f"prometheus://{port}"
    words = [verb] if verb else []
    who = ("-p", os.getpid(), "-P", PORT)  # what reads metrics connects, too
    return Tool(*words, *who, "-o", place, *options)


def counted(port: int, name: str = ATTEMPTS) -> list[float]:
    """Return the values of a metric's samples."""
    return sorted(samples(get(port, "/metrics")[1], name).values())


def _needs(program: Path) -> None:
    """Skip the test where a virtual machine has none; elsewhere, see ``needs``."""
    if EMULATED and not program.exists():
        pytest.skip("Prometheus is not in these machines")
    needs(str(program))


def promtool(*words: str, text: str = "") -> str:
    """Return what Debian's promtool says, which must find nothing wrong."""
    program = UNPACKED / "promtool"
    _needs(program)
    ended = subprocess.run(
        [program, *words], input=text, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


class Prometheus:
    """A server, and what it knows."""

    def __init__(self, port: int) -> None:
        self._port = port

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return get(self._port, "/-/ready")[0] == 200
        except OSError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an expression now."""
        status, text = get(self._port, f"/api/v1/query?query={quote(expression)}")
        assert status == 200, text
        found: list[dict[str, Any]] = json.loads(text)["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Return the groups of rules, and how they are."""
        _, text = get(self._port, "/api/v1/rules")
        found: list[dict[str, Any]] = json.loads(text)["data"]["groups"]
        return found

    def value(self, expression: str) -> float | None:
        """Return the value of the only sample."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if len(found) == 1 else None


@contextmanager
def prometheus(folder: Path, target: str, *rules: Path) -> Iterator[Prometheus]:
    """Run one that reads ``target`` each second, and keeps its data in a folder."""
    program = UNPACKED / "prometheus"
    _needs(program)
    configuration = folder / "prometheus.yml"
    named = json.dumps([str(path) for path in rules])
    configuration.write_text(CONFIGURATION.format(target=target, rules=named))
    with (
        reserved() as port,
        subprocess.Popen(
            [
                program,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            server = Prometheus(port)
            wait_until(server.is_ready, "Prometheus")
            yield server
        finally:
            process.kill()
