"""Rotel: a collector of OpenTelemetry that is not ours, from PyPI."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = find_spec("rotel")
WITH_ROTEL = _PACKAGE is not None


@contextmanager
def rotel(folder: Path, to: int) -> Iterator[int]:
    """Run one that sends all on to a port, as protobuf; yield the port that it has."""
    assert _PACKAGE
    assert _PACKAGE.origin
    program = folder / "rotel"
    shutil.copy(Path(_PACKAGE.origin).with_name("rotel-agent"), program)
    program.chmod(0o755)
    http, grpc = _free_port(), _free_port()
    words = {
        "otlp-http-endpoint": f"127.0.0.1:{http}",
        "otlp-grpc-endpoint": f"127.0.0.1:{grpc}",
        "exporter": "otlp",
        "otlp-exporter-endpoint": f"http://127.0.0.1:{to}",
        "otlp-exporter-protocol": "http",
        "pid-file": folder / "rotel.pid",
    }
    argv = [str(program), "start", *(f"--{key}={x}" for key, x in words.items())]
    with (
        (folder / "rotel.log").open("wb") as log,
        subprocess.Popen(
            argv, env={"PATH": os.environ["PATH"]}, stdout=log, stderr=log, cwd=folder
        ) as process,
    ):
        try:
            wait_until(lambda: _listens(http), "Rotel")
            yield http
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
