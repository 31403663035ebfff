"""ClickHouse's engine alone: files of JSON into the table of attempts."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.remote.clickhouse import statements

if TYPE_CHECKING:
    from pathlib import Path

# Makes the tables, inserts each file, and prints rows, seconds, CPU, bytes of a row.
CODE = """
import json, pathlib, resource, sys, time
from chdb import session
folder, data, ddl = sys.argv[1:]
engine = session.Session(data)
ask = lambda statement: str(engine.query(statement))
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
ask("CREATE DATABASE t")
ask("USE t")
for statement in json.loads(ddl):
    ask(statement)
files = sorted(pathlib.Path(folder).iterdir())
began, before = time.monotonic(), cpu()
for path in files:
    ask(f"INSERT INTO attempts FROM INFILE '{path}' FORMAT JSONEachRow")
took, used = time.monotonic() - began, cpu() - before
ask("OPTIMIZE TABLE attempts FINAL")
size = ask("SELECT sum(data_compressed_bytes) / sum(rows) FROM system.parts "
    "WHERE active AND database = 't' AND table = 'attempts'")
rows = ask("SELECT count() FROM attempts")
print(json.dumps([int(rows), took, used, float(size)]))
"""


class Engine(NamedTuple):
    """What inserts took: seconds, those of CPU, and bytes of a row on disk."""

    rows: int
    wall_s: float
    cpu_s: float
    bytes: float


def inserted(folder: Path) -> Engine:
    """Insert the files of a folder, one after another, in their order."""
    ddl = json.dumps([statement.decode() for statement in statements()])
    with tempfile.TemporaryDirectory() as data:
        argv = [sys.executable, "-c", CODE, str(folder), data, ddl]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return Engine(*json.loads(done.stdout))
