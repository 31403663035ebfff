"""PostgreSQL and ClickHouse, which tests fill with the rows of a history."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.history.queries import literal, with_values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping

    Values = Mapping[str, int | str]
    Ask = Callable[[list[tuple[str, Values]]], list[list[Any]]]

TABLES = "programs destinations outcomes windows pairs runs losses alerts".split()
POSTGRESQL = {"INTEGER": "BIGINT", "TEXT": "TEXT", "BLOB": "TEXT"}
CLICKHOUSE = {"INTEGER": "Int64", "TEXT": "String", "BLOB": "String"}
PROGRAMS = (Path("/usr/local/bin"), *sorted(Path("/usr/lib/postgresql").glob("*/bin")))
SERVER = next((path for path in PROGRAMS if (path / "initdb").exists()), None)
# Makes the files of a server: a first log of 1 MB instead of 16, none of it waited for.
INITDB = f"{SERVER}/initdb --locale=C -EUTF8 --wal-segsize=1 --no-sync".split()
WITH_POSTGRESQL = SERVER is not None and shutil.which("psql") is not None
NEEDS_POSTGRESQL = (
    pytest.mark.packages,
    pytest.mark.skipif(not WITH_POSTGRESQL, reason="needs PostgreSQL"),
)
WITH_CLICKHOUSE = importlib.util.find_spec("chdb") is not None
# Runs the statements of stdin, and prints the rows of each as JSON.
CHDB = """
import json, sys
from chdb import session
database = session.Session(sys.argv[1])
answers = (str(database.query(text, "JSONCompact")) for text in json.load(sys.stdin))
print(json.dumps([json.loads(a)["data"] if a.strip() else [] for a in answers]))
"""


def needs_postgresql(test: Any) -> Any:
    """Have a test run where the server of PostgreSQL is."""
    for mark in NEEDS_POSTGRESQL:
        test = mark(test)
    return test


def statements(
    connection: sqlite3.Connection, types: Mapping[str, str], end: str
) -> Iterator[str]:
    """Yield what makes the tables of a history in another database, with its rows."""
    for table in TABLES:
        columns = list(connection.execute(f"PRAGMA table_info({table})"))
        members = ", ".join(f"{name} {types[kind]}" for _, name, kind, *_ in columns)
        yield f"CREATE TABLE {table} ({members}){end}"
        for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608
            cells = (x.hex() if isinstance(x, bytes) else x for x in row)
            values = ", ".join(map(literal, cells))
            yield f"INSERT INTO {table} VALUES ({values})"  # noqa: S608


@contextmanager
def clickhouse(connection: sqlite3.Connection, folder: Path) -> Iterator[Ask]:
    """Put a history into ClickHouse; yield what asks it."""

    def answers(texts: list[str]) -> list[list[Any]]:
        argv = [sys.executable, "-c", CHDB, str(folder / "chdb")]
        done = subprocess.run(
            argv, input=json.dumps(texts), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found = json.loads(done.stdout)
        return [[[*map(_number, row)] for row in rows] for rows in found]

    end = " ENGINE = MergeTree ORDER BY tuple()"
    answers([*statements(connection, CLICKHOUSE, end)])
    yield lambda asked: answers(
        [with_values(*each).replace("\\", "\\\\") for each in asked]
    )


@contextmanager
def postgresql(connection: sqlite3.Connection, folder: Path) -> Iterator[Ask]:
    """Do the same in PostgreSQL, which listens at a socket only."""
    assert SERVER
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    user: list[str] = []
    if os.getuid() == 0:  # it refuses to run as root
        shutil.chown(data, "nobody", "nogroup")
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    options = f"-c listen_addresses= -c unix_socket_directories={data}"
    run([*user, *INITDB, "-D", data, "-U", "us"])
    control = [*user, SERVER / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
    run([*control, "-o", options, "start"])
    psql = ["psql", "-XqAt", "-h", str(data), "-U", "us", "-d", "postgres"]

    def rows(statement: str, values: Values) -> list[list[Any]]:
        text = with_values(statement, values)
        text = f"SELECT to_json(found) FROM ({text}) found"  # noqa: S608
        found = run([*psql, "-c", text])
        return [[*json.loads(row).values()] for row in found.splitlines()]

    try:
        texts = statements(connection, POSTGRESQL, "")
        run([*psql, "-v", "ON_ERROR_STOP=1"], ";\n".join(texts))
        yield lambda asked: [rows(*each) for each in asked]
    finally:
        run([*control, "-m", "immediate", "stop"])


def _number(cell: object) -> object:
    """Return a number of 64 bits, which ClickHouse quotes."""
    text = str(cell)
    return int(text) if text.lstrip("-").isdigit() else cell


def run(argv: list[Any], given: str = "") -> str:
    """Run a program to its end; return what it prints."""
    done = subprocess.run(
        [str(word) for word in argv],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


ENGINES = [
    pytest.param(postgresql, marks=NEEDS_POSTGRESQL),
    pytest.param(
        clickhouse,
        marks=pytest.mark.skipif(not WITH_CLICKHOUSE, reason="needs chdb-core-lite"),
    ),
]
