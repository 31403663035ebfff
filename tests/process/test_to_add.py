"""What is added in a copy takes the files that ARCHITECTURE.md names, and no others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# File: a text in it, and what is put behind that.
Edits = dict[str, tuple[str, str]]

AT_HAND: Edits = {
    "connection.py": (
        'Field("DPORT", 5, "destination port", "d", fit=fit.ALWAYS)\n    ]\n',
        '    added: Annotated[int, Field("ADDED", 5, "the same", "d", unit="s")]\n',
    ),
    "decode.py": (
        '    "dport": "dport",\n',
        '    "added": "dport",\n',
    ),
}
OF_A_CGROUP: Edits = {
    "image.py": (
        """\
            "UID of the pod",
            needs="process",
            reads="cgroup",
            fit=fit.TEXT,
        ),
    ] = None
""",
        """\
    added: Annotated[
        str | None, Field("ADDED", 5, "x", unit="s", needs="process", reads="cgroup")
    ] = None
""",
    ),
    "enrich/place.py": ("            pod_uid=uid,\n", '            added="443",\n'),
    "connection.py": (
        "        return self.image.place.pod_uid\n",
        """\
    @property
    def added(self) -> str | None:
        return self.image.place.added
""",
    ),
}

# What is shown of a connection to port 443, and all that is said of the column.
SHOW = """
from tcpconnect.bpf.ring import HEADER_BYTES, Run
from tcpconnect.connection import CONNECTION
from tcpconnect.decode import Decoder
from tcpconnect.enrich.process import Processes
from tcpconnect.kernel.records import ATTEMPT, ORIGIN, CALL, SMALL_PROCESS
from tcpconnect.info import columns_help, schema
from tcpconnect.settings import Settings
from tcpconnect.formats import open_format

settings = Settings(columns=["added"])
raw = bytearray(ATTEMPT.pack(*[0] * 3, *[bytes(16)] * 2, *[0] * 5, 443, 0, 4, b""))
raw += ORIGIN.pack(1, 0, 0, 0, 0, 0) + bytes(CALL.size)
run = Run(len(raw), bytes(HEADER_BYTES) + raw)
processes = Processes(settings.process_details)
process = SMALL_PROCESS.layout.pack(1, 0, 0, 2, 0, 0, b"a\\0")
processes.learn(Run(SMALL_PROCESS.length, bytes(HEADER_BYTES) + process))
decoder = Decoder([processes.added])
events = decoder.connections()(run, 0)
for output in ("table", "json", "csv"):
    format = open_format(output, [CONNECTION["added"]])
    rows = format.rows(events)
    assert format.text(format.maker(decoder)(run, 0)) == rows
    print((format.header() + rows).decode().strip())
print(events[0].added, settings.with_process)
print("added" in columns_help(count=False), '"added"' in schema(count=False))
"""


def row(what: str) -> set[str]:
    """Return the files that the table names for what is to be added."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    (touch,) = re.findall(rf"^\| {what} \| (.*) \|$", text, re.MULTILINE)
    return set(re.findall(r"`([\w/.]+\.\w+)`", touch))


def copied(folder: Path) -> Path:
    """Return a copy of the package in a folder."""
    ignored = shutil.ignore_patterns("*.o", "__pycache__")
    return Path(
        shutil.copytree(ROOT / "src/tcpconnect", folder / "tcpconnect", ignore=ignored)
    )


def run(folder: Path, code: str) -> list[str]:
    """Return the lines that code prints, with the package in a folder."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


@pytest.mark.parametrize(
    ("what", "edits", "quoted", "process"),
    [
        ("a column from data at hand", AT_HAND, "443", "False"),
        ("a column from the cgroup", OF_A_CGROUP, '"443"', "True"),
    ],
)
def test_a_column(
    tmp_path: Path, what: str, edits: Edits, quoted: str, process: str
) -> None:
    """It is in every output, in the help and in the schema, and is traced."""
    assert row(what) == set(edits)
    copy = copied(tmp_path)
    for name, (place, added) in edits.items():
        text = (copy / name).read_text()
        assert text.count(place) == 1
        (copy / name).write_text(text.replace(place, place + added))
    assert run(tmp_path, SHOW) == [
        *("ADDED(s)", "443"),
        json.dumps({"added": json.loads(quoted)}, separators=(",", ":")),
        *("added", "443", f"443 {process}", "True True"),
    ]


A_FORMAT = """
from tcpconnect.formats import jsonl


class Lines(jsonl.JsonLines):
    def header(self):
        return b"first\\n"
"""
ROW = '    "json": ("tcpconnect.formats.jsonl", "JsonLines"),\n'
SHOW_FORMAT = """
from tcpconnect.connection import CONNECTION
from tcpconnect.formats import open_format
from tcpconnect.parsing import parse
from tcpconnect.view import View

shown = View(parse(["--format", "x", "--columns", "pid"])).displays[None]
print(open_format(shown.format, shown.columns).header())
"""


def test_a_format(tmp_path: Path) -> None:
    """It has an option, and its lines."""
    assert row("an output format") == {"formats/x.py", "formats/__init__.py"}
    copy = copied(tmp_path)
    (copy / "formats/x.py").write_text(A_FORMAT)
    formats = copy / "formats/__init__.py"
    added = ROW.replace("json", "x", 1).replace("jsonl", "x").replace("Json", "")
    formats.write_text(formats.read_text().replace(ROW, ROW + added))
    assert run(tmp_path, SHOW_FORMAT) == ["b'first\\n'"]
