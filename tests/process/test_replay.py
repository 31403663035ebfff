"""``tcpconnect replay``: recordings to every output, without root."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.recordings import BEGAN, EVENTS, TOOL, line, recorded, run

if TYPE_CHECKING:
    from pathlib import Path

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


def test_history_of_several_files(tmp_path: Path) -> None:
    """Each recording is a run of its machine, without gaps in it, at its own time."""
    history, at = tmp_path / "h.db", [0, 7200, 3600]
    for number, begin in enumerate(at):
        made_by = {"version": "1", "host": f"web{number}", "options": [], "schema": 1}
        begun = (line(begin + n, dport=80, result="OK", pid=1) for n in (0, 600, 1200))
        lines = [{"tcpconnect": made_by}, *begun, {"total": {}}]
        path = tmp_path / f"{number}.jsonl"
        path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    files = [tmp_path / f"{number}.jsonl" for number in range(3)]
    assert run(*files, "-o", f"sqlite:{history}").returncode == 0
    with closing(sqlite3.connect(history)) as database:
        rows = database.execute("SELECT time FROM windows ORDER BY time").fetchall()
        runs = database.execute(
            "SELECT host, boot, started, watched, ended FROM runs ORDER BY run_id"
        ).fetchall()
    began = BEGAN // 10**9
    minutes = [began + begin + n for begin in sorted(at) for n in (0, 600, 1200)]
    assert [time for (time,) in rows] == [time - time % 60 for time in minutes]
    assert runs == [
        (f"web{n}", "", began + begin, began + begin + 1210, began + begin + 1210)
        for n, begin in enumerate(at)
    ]


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


def test_columns_help() -> None:
    """What can be shown is listed without a recording."""
    assert run("--columns", "help").stdout.startswith("elapsed_s ")


def test_interrupted_while_it_comes(tmp_path: Path) -> None:
    """Lines of a pipe are shown as they come; Ctrl-C ends the input, not the output."""
    recorded(tmp_path / "a.jsonl", end=False)
    with subprocess.Popen(
        [TOOL, "replay", "-", "-rj", "-o", "-", "-o", tmp_path / "b.jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write((tmp_path / "a.jsonl").read_bytes())
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in EVENTS]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
    assert [json.loads(line)["pid"] for line in lines] == [1, 2, 3, 4, 5, 6]
    *_, total = (tmp_path / "b.jsonl").read_text().splitlines()
    assert json.loads(total)["total"]["events"] == len(EVENTS)
