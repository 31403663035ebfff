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

from tests.support.ports import reserved
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
    with (
        reserved() as http,
        reserved() as grpc,
        (folder / "rotel.log").open("wb") as log,
    ):
        words = {
            "otlp-http-endpoint": f"127.0.0.1:{http}",
            "otlp-grpc-endpoint": f"127.0.0.1:{grpc}",
            "exporter": "otlp",
            "otlp-exporter-endpoint": f"http://127.0.0.1:{to}",
            "otlp-exporter-protocol": "http",
            "pid-file": folder / "rotel.pid",
        }
        argv = [str(program), "start", *(f"--{key}={x}" for key, x in words.items())]
        env = {"PATH": os.environ["PATH"]}
        with subprocess.Popen(
            argv, env=env, stdout=log, stderr=log, cwd=folder
        ) as process:
            try:
                wait_until(lambda: _listens(http), "Rotel")
                yield http
            finally:
                process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
