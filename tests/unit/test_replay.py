"""``tcpconnect replay``: recordings to every output, without root."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tcpconnect.times import rfc3339

TOOL = str(Path(sys.executable).with_name("tcpconnect"))
BEGAN = 1_700_000_000 * 10**9  # 22:13:20 UTC
LOOKUP = {"event": "lookup", "daddr": None, "result": "NXDOMAIN", "dns_ms": 2500.0}
EVENTS: list[dict[str, Any]] = [
    {"pid": 1, "dport": 80, "result": "OK", "latency_ms": 1.0},
    {"pid": 2, "dport": 81, "result": "ECONNREFUSED", "latency_ms": 500.0},
    {"pid": 3, "dport": 82, "result": "ENETUNREACH", "latency_ms": 0.0},
    {"pid": 4, "query": "no.example", **LOOKUP},
    {"pid": 5, "dport": 80, "result": "OK", "latency_ms": 3.0, "query": "a.example"},
    {"pid": 6, "dport": 80, "result": "PENDING", "latency_ms": 90.0},
]


TABLE = """\
TIME(s)  PID    COMM         IP SADDR            DADDR            DPORT LAT(ms)   \
RESULT       QUERY
0.000    2      curl         4  10.0.0.1         192.0.2.1        81    500.000   \
ECONNREFUSED No DNS Query
1.000    3      curl         4  10.0.0.1         192.0.2.1        82    0.000     \
ENETUNREACH  No DNS Query
2.000    4      curl         4  10.0.0.1         -                -     -         \
NXDOMAIN     no.example
4.000    6      curl         4  10.0.0.1         192.0.2.1        80    90.000    \
PENDING      No DNS Query
"""


def line(n: int, **event: Any) -> dict[str, Any]:
    """Return a line of a recording: of one attempt each second."""
    about = {"uid": 0, "comm": "curl", "ip": 4, "saddr": "10.0.0.1"}
    where = {"time": rfc3339(BEGAN + n * 10**9), "daddr": "192.0.2.1"}
    return {**about, **where, **event}


def recorded(path: Path, *more: dict[str, Any], end: bool = True) -> str:
    """Write a recording of the events above; return its path."""
    made_by = {"version": "1", "host": "web", "options": ["-rd"], "schema": 1}
    lines = [{"tcpconnect": made_by}, *(line(n, **e) for n, e in enumerate(EVENTS))]
    lines += [*more, *([{"total": {"events": len(EVENTS)}}] if end else [])]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    return str(path)


def run(*words: object, **popen: Any) -> subprocess.CompletedProcess[str]:
    """Run the tool to its end."""
    return subprocess.run(
        [TOOL, "replay", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "TZ": "UTC", "COLUMNS": "80"},
        timeout=60,
        **popen,
    )


def shown(*words: object) -> list[str]:
    """Return the PIDs that are shown."""
    ran = run(*words, "--format", "csv", "--columns", "pid", "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.split()[1:]


def test_table(tmp_path: Path) -> None:
    """The same table as of a trace; times count from the first line shown."""
    ran = run(recorded(tmp_path / "a.jsonl"), "-rdt", "--failed")
    assert ran.stdout == TABLE
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "1 2 5 6"),
        ("-r", "1 2 3 5 6"),
        ("-rd", "1 2 3 4 5 6"),
        ("-P 80", "1 5 6"),
        ("-rd -P 80", "1 4 5 6"),
        ("--slower 100", "2"),
        ("-d --slower 100", "2 4"),
        ("-p 1,5 --limit 1", "1"),
        ("--to-name a.example", "5"),
    ],
)
def test_filters(words: str, expected: str, tmp_path: Path) -> None:
    """What a trace with these options would have shown."""
    ran = shown(recorded(tmp_path / "a.jsonl"), *words.split())
    assert ran == expected.split()


def test_left_out(tmp_path: Path) -> None:
    """What is not shown because of no option that says so is counted."""
    ran = run(recorded(tmp_path / "a.jsonl"))
    assert ran.stderr.startswith(
        "tcpconnect: 2 attempts without a SYN and failed lookups are left out"
    )


def test_counts(tmp_path: Path) -> None:
    """-c has the rows that the kernel would have counted."""
    path = recorded(tmp_path / "a.jsonl")
    ran = run(path, "-c", "--format", "csv", "--quiet")
    assert ran.stdout.splitlines() == [
        "saddr,daddr,dport,connects,ok,failed",
        "10.0.0.1,192.0.2.1,80,3,2,0",
        "10.0.0.1,192.0.2.1,81,1,0,1",
    ]
    columns = "pid,connects,latency_max_ms"
    by = run(path, *"-cr --by pid --sort latency_max_ms --columns".split(), columns)
    assert by.stdout.split()[3:6] == ["2", "1", "500.000"]


def test_intervals(tmp_path: Path) -> None:
    """-i counts by the recorded time; where nothing ended, there is no table."""
    late = line(3600, pid=7, dport=80, result="OK", latency_ms=1.0)
    path = recorded(tmp_path / "a.jsonl", late)
    columns = "dport,connects,failed"
    ran = run(path, *"-c -i 5 -rd --by dport --columns".split(), columns)
    tables = [table.splitlines() for table in ran.stdout.rstrip("\n").split("\n\n")]
    assert [table[0] for table in tables] == ["[22:13:25]", "[22:13:30]", "[23:13:25]"]
    rows = [[row.split() for row in table[2:]] for table in tables]
    assert rows == [
        [["80", "1", "0"], ["81", "1", "1"], ["82", "1", "1"]],
        [["80", "2", "0"], ["-", "0", "1"]],
        [["80", "1", "0"]],
    ]


def test_another_recording(tmp_path: Path) -> None:
    """-o FILE.jsonl keeps all that is recorded of what passes, and its host."""
    again = tmp_path / "b.jsonl"
    path = recorded(tmp_path / "a.jsonl", end=False)
    assert run(path, "--to", "192.0.2.0/24", "-o", again, "-o", "-").returncode == 0
    head = json.loads(again.read_text().splitlines()[0])
    assert head["tcpconnect"]["host"] == "web"
    assert shown(again, "-rd") == shown(path, "-rd")


def test_history(tmp_path: Path) -> None:
    """-o sqlite:PATH keeps attempts under the time at which they were recorded."""
    late = line(3600, pid=7, dport=80, result="OK", latency_ms=1.0)
    history = tmp_path / "h.db"
    path = recorded(tmp_path / "a.jsonl", late)
    assert run(path, "-rd", "-o", f"sqlite:{history}").returncode == 0
    with closing(sqlite3.connect(history)) as database:
        sums = "SELECT time / 3600, sum(attempts) FROM windows GROUP BY 1 ORDER BY 1"
        rows = database.execute(sums).fetchall()
    hour = BEGAN // 10**9 // 3600
    assert rows == [(hour, len(EVENTS)), (hour + 1, 1)]


def test_several_files(tmp_path: Path) -> None:
    """They are read in their order, also from stdin; losses are added."""
    lost = {"lost": {"ring": 2}}
    first = recorded(tmp_path / "a.jsonl", lost)
    second = recorded(tmp_path / "b.jsonl", lost)
    ran = run(first, second, "-c", "--by", "comm", "--columns", "connects")
    assert ran.stdout.split() == ["CONNECTS", "8"]
    assert "tcpconnect: in total, 4 attempts lost" in ran.stderr
    with open(second) as stdin:
        ran = run(first, "-", "-j", "--columns", "pid", stdin=stdin)
    assert ran.stdout.count("\n") == 8


def test_summary(tmp_path: Path) -> None:
    """The time that passed is that of the recording."""
    ran = run(recorded(tmp_path / "a.jsonl"), "-rd", "--summary")
    assert ran.stderr.splitlines()[0] == (
        "5 attempts in 5.0 s: 2 OK, 2 failed, 1 pending; 1 lookup failed"
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("", 2, "no recording to replay; name a file of"),
        ("nope", 1, "can't read 'nope': No such file or directory"),
        (". ", 1, "'.' is not a recording: it is a directory"),
        ("empty", 1, "'empty' is not a recording: it is empty"),
        ("history.db", 1, "'history.db' is not a recording: it is a database; "),
        ("text", 1, "can't read 'text', line 1: JSON is malformed"),
        ("a.jsonl -- curl", 2, "replay takes no command: what is recorded"),
        ("a.jsonl -o a.jsonl", 2, "'a.jsonl' would be read and written; write to"),
        ("a.jsonl -o ./link", 2, "'./link' would be read and written; write to"),
        ("a.jsonl -f", 2, "a recording can't be filtered by -f: who began whom"),
        ("a.jsonl --cgroup a", 2, "a recording can't be filtered by --cgroup: it is"),
        ("a.jsonl --cgroupmap a", 2, "a recording can't be filtered by --cgroupmap"),
        ("a.jsonl --netns blue", 2, "argument --netns: invalid inode of a network"),
        ("a.jsonl --duration 3", 2, "unknown option --duration: replay does not take"),
        ("a.jsonl --clear", 2, "--clear needs -c"),
    ],
)
def test_refused(words: str, code: int, said: str, tmp_path: Path) -> None:
    """One line says what is wrong; nothing is written."""
    before = Path(recorded(tmp_path / "a.jsonl")).read_bytes()
    (tmp_path / "link").symlink_to("a.jsonl")
    (tmp_path / "empty").touch()
    (tmp_path / "history.db").write_bytes(b"SQLite format 3\0" + bytes(80))
    (tmp_path / "text").write_text("some text")
    ran = run(*words.split(), cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith(f"tcpconnect: {said}")
    assert ran.stderr.count("\n") == 1
    assert (tmp_path / "a.jsonl").read_bytes() == before


def test_appended_to_itself(tmp_path: Path) -> None:
    """It would never end."""
    path = recorded(tmp_path / "a.jsonl")
    with open(path, "a") as file:
        ran = subprocess.run(
            [TOOL, "replay", path], stdout=file, stderr=subprocess.PIPE, check=False
        )
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"tcpconnect: stdout would be read and written")


def test_cut(tmp_path: Path) -> None:
    """What is whole is shown, and that the rest is missing is said."""
    path = tmp_path / "a.jsonl"
    recorded(path, end=False)
    path.write_bytes(path.read_bytes()[:-5])
    ran = run(path, "-rd")
    assert ran.stdout.count("\n") == len(EVENTS)
    assert ran.stderr == (
        f"tcpconnect: '{path}' ends within a line: it was truncated\n"
    )
    assert ran.returncode == 0


@pytest.mark.parametrize("words", ["--failed", "--slower 1", "--result OK"])
def test_not_recorded(words: str, tmp_path: Path) -> None:
    """A filter by what the recording does not have says so."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"daddr": "192.0.2.1", "dport": 80}\n')
    ran = run(path, *words.split(), "-j")
    option = words.partition(" ")[0]
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f"tcpconnect: warning: {option} passes nothing: no ")


def test_columns_help() -> None:
    """What can be shown is listed without a recording."""
    assert run("--columns", "help").stdout.startswith("elapsed_s ")


# What is imported once privileges are dropped is named on stderr.
WATCH = """
import os, sys
class Finder:
    def find_spec(self, name, *_):
        os.write(2, f"{name} is imported late\\n".encode())
from tcpconnect.commands import replay
replay.keep_only = lambda *_: sys.meta_path.insert(0, Finder())
from tcpconnect.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    "words",
    [
        "-rdt --summary",
        "-j -T",
        "-c -i 1 --histogram -rd",
        "--format csv --to 10.0.0.0/8 --from ::/0 --pod a --unit b --container cccc",
        "-o {path}.jsonl -o {path}.csv",
        "-rd -o sqlite:{path}.db",
    ],
)
def test_nothing_is_imported_late(words: str, tmp_path: Path) -> None:
    """By then it may run as a user who can't read modules."""
    path = recorded(tmp_path / "a.jsonl", end=False)
    ran = subprocess.run(
        [sys.executable, "-c", WATCH, "replay", path, *words.format(path=path).split()],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0
    assert " late" not in ran.stderr
