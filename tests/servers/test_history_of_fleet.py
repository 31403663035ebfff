"""The history of a fleet, in ClickHouse and in PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.output import harmless
from tests.support.asking import NOW, ask, filled, on_terminal, said
from tests.support.clickhouse import PASSWORD, USER, serve_clickhouse
from tests.support.engines import NEEDS_POSTGRESQL, WITH_CLICKHOUSE
from tests.support.postgresql import PASSWORD as PASSWORD_OF_POSTGRESQL
from tests.support.postgresql import USER as USER_OF_POSTGRESQL
from tests.support.postgresql import serve_postgresql
from tests.support.rights import WATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVERS = [
    pytest.param(
        serve_clickhouse,
        marks=pytest.mark.skipif(not WITH_CLICKHOUSE, reason="needs chdb-core-lite"),
    ),
    pytest.param(serve_postgresql, marks=NEEDS_POSTGRESQL),
]
SECRETS = {
    "CLICKHOUSE_USER": USER,
    "CLICKHOUSE_PASSWORD": PASSWORD,
    "PGUSER": USER_OF_POSTGRESQL,
    "PGPASSWORD": PASSWORD_OF_POSTGRESQL,
}
ROWS = """
SELECT w.time, w.span, p.program, p.container, p.unit, p.pod, p.uid, d.destination,
    d.dport, d.query, d.address, o.result, o.why, o.failed, w.attempts, w.latency_us,
    w.latency_max_us, w.dns_us, w.syns
FROM windows w JOIN programs p USING (program_id) JOIN destinations d
    USING (destination_id) JOIN outcomes o USING (outcome_id)"""


class Fleet:
    """A server with the rows of a history, as two hosts have them."""

    def __init__(self, server: Any, path: Path) -> None:
        self.server, self.path = server, path

    def fill(self) -> None:
        """Put the rows of the file there: "first" had all of them a minute before."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(ROWS)]
        rows = [
            {"host": host, **row, "latencies": {"8": 1}, "time": row["time"] - before}
            for host, before in (("second", 0), ("first", 60))
            for row in found
        ]
        self.server.insert("window_rows", rows)

    def run(self, host: str, started: int, watched: int, ended: int = 0) -> None:
        """Have a recorder have run there."""
        values = {"host": host, "boot": "b", "version": "1", "options": "", "pid": 1}
        times = {"started": started, "watched": watched, "ended": ended}
        self.server.insert("run_rows", [values | times])

    def ask(self, *words: str, **environment: str) -> Any:
        """Ask as users do."""
        given = os.environ | SECRETS | environment
        return ask("--db", self.server.url, *words, env=given)

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """Return the answer; nothing is said beside it."""
        done = self.ask("-j", *words)
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", params=SERVERS)
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Return a fleet of two hosts, both of which watch."""
    # Not pytest's: the server of PostgreSQL runs as another user.
    with (
        tempfile.TemporaryDirectory() as folder,
        request.param(Path(folder)) as server,
    ):
        made = Fleet(server, filled(Path(folder) / "history.db"))
        made.fill()
        for host in ("first", "second"):
            made.run(host, NOW - 3 * 86_400, NOW + 3_600)
        yield made


COMMON = ("program", "destination", "dport", "result", "why", "latency_ms")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--failing",
        "--program curl",
        "--by program --since -3d",
        "-P 443",
        "-u 1000",
    ],
)
def test_as_a_file(fleet: Fleet, words: str) -> None:
    """A fleet answers as a file does, of twice the attempts."""
    file = ask("-j", *words.split(), db=fleet.path)
    expected = [json.loads(line) for line in file.stdout.splitlines()]
    assert expected
    found = fleet.rows(*words.split())
    assert [row["attempts"] for row in found] == [2 * e["attempts"] for e in expected]
    for member in COMMON:
        assert [r.get(member) for r in found] == [e.get(member) for e in expected]


def test_hosts(fleet: Fleet) -> None:
    """Pairs say on how many hosts they were seen, and where first."""
    rows = fleet.rows("--program", "nginx")
    assert [(row["hosts"], row["first_host"]) for row in rows] == [(2, "first")]
    assert "hosts" not in fleet.rows("--by", "program")[0]


def test_by_host(fleet: Fleet) -> None:
    """Attempts are counted by the host, too."""
    rows = fleet.rows("--by", "host,program", "--program", "nginx")
    assert {(row["host"], row["attempts"]) for row in rows} == {
        ("first", 99),
        ("second", 99),
    }


def test_new(fleet: Fleet) -> None:
    """New is what no host of the fleet had."""
    rows = fleet.rows("--new", "--since", "-1d", "--program", "curl")
    assert [row["destination"] for row in rows] == ["gone.example"]


def test_hostile_names(fleet: Fleet) -> None:
    """Names are values of a statement, whatever they have."""
    names = [
        "O'Brien\\t",
        "a\tb\nc",
        "%s:since",
        "{x:Int64}",
        "\\'; DROP TABLE attempts",
    ]
    row = dict.fromkeys("container unit pod query address why".split(), "") | {
        **dict.fromkeys("span uid failed latency_us latency_max_us".split(), 0),
        **dict.fromkeys("dns_us syns".split(), 0),
        "host": "h",
        "time": NOW - 60,
        "destination": "d",
        "dport": 9,
        "result": "OK",
        "attempts": 1,
        "latencies": {},
    }
    fleet.server.insert("window_rows", [row | {"program": name} for name in names])
    try:
        rows = fleet.rows("-P", "9", "--result", "OK", "--by", "program")
        assert {row["program"] for row in rows} == {harmless(name) for name in names}
    finally:
        fleet.server.delete("window_rows", "dport = 9")


def test_silent_hosts_and_losses(fleet: Fleet) -> None:
    """Who did not watch all the time is named, and so is what was lost."""
    fleet.run("third", NOW - 7_200, NOW - 3_000)
    fleet.server.insert(
        "loss_rows",
        [{"host": "third", "time": NOW - 3_060, "reason": "ring", "lost": 5}],
    )
    done = fleet.ask("--by", "program", "--since", "-2h")
    one, other = done.stderr.splitlines()
    assert one.startswith("tcpconnect: 1 of 3 hosts did not watch all the time: third")
    assert other == "tcpconnect: 5 attempts were lost: the ring buffer was full (5)"
    status = json.loads(fleet.ask("--status", "-j", "--since", "-2h").stdout)
    assert status["silent"] == ["third"]
    assert (status["hosts"], status["lost"]) == (3, {"ring": 5})


@pytest.mark.parametrize(
    ("words", "start"),
    [
        ("--forget x", "--forget needs a file of SQLite: "),
        ("--new --accept", "--accept needs a file of SQLite: "),
    ],
)
def test_refused(fleet: Fleet, words: str, start: str) -> None:
    """What only files can do is refused in a line."""
    code, line = said(fleet.ask(*words.split()))
    assert code == 2
    assert line.startswith(start)


@pytest.mark.parametrize("words", ["--new", "-j", "--status", "--by host --since -1d"])
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_gives_up_its_rights(fleet: Fleet, tmp_path: Path, words: str) -> None:
    """Before it talks; files of root's with a password have been read."""
    secrets = {}
    for name in ("CLICKHOUSE_PASSWORD", "PGPASSWORD"):
        path = tmp_path / name
        path.write_text(SECRETS[name])
        path.chmod(0o400)
        secrets[f"{name}_FILE"] = str(path)
    given = {name: text for name, text in SECRETS.items() if name.endswith("USER")}
    ours = {name: x for name, x in os.environ.items() if name not in SECRETS}
    argv = [sys.executable, "-c", WATCH, "history", "--db", fleet.server.url]
    argv += words.split()
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env=ours | given | secrets
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("given up, root: False\n")
    assert "imported late" not in done.stderr
    assert done.stdout


@pytest.mark.parametrize("words", ["", "--new", "--by host,program,destination,dport"])
def test_narrow(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """On 80 columns no row lacks what tells it from the others."""
    for name, text in SECRETS.items():
        monkeypatch.setenv(name, text)
    head, *_ = on_terminal(*words.split(), db=fleet.server.url)
    named = {"PROGRAM", "DESTINATION", "HOST" if words.startswith("--by") else "HOSTS"}
    assert named <= set(re.sub(r"\x1b\[\d*m", "", head).split())


def test_unknown_group(fleet: Fleet) -> None:
    """Hosts are among what a fleet is counted by."""
    code, line = said(fleet.ask("--by", "hots"))
    assert code == 2
    assert "why, hour, host; did you mean host?" in line


def test_no_tables(fleet: Fleet) -> None:
    """A database without our tables: a line says how they are made."""
    server, _, _ = fleet.server.url.rpartition("/")
    other = "default" if server.startswith("clickhouse") else "template1"
    code, line = said(ask("--db", f"{server}/{other}", env=os.environ | SECRETS))
    assert code == 1
    assert "no tables of tcpconnect there; make them with record --create" in line


def test_wrong_password(fleet: Fleet) -> None:
    """The server's own words say why it refuses."""
    wrong = {"CLICKHOUSE_PASSWORD": "no", "PGPASSWORD": "no"}
    code, line = said(fleet.ask(**wrong))
    assert code == 1
    assert line.startswith(f"can't read the history '{fleet.server.url}': ")
    assert "uthentication failed" in line


@pytest.mark.parametrize("scheme", ["clickhouse", "clickhouses", "postgresql"])
def test_no_server(scheme: str) -> None:
    """Where nobody listens, one line says so."""
    code, line = said(ask("--db", f"{scheme}://127.0.0.1:1/d"))
    assert code == 1
    assert "refused" in line
