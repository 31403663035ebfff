"""A filter is added in a copy, in the files that ARCHITECTURE.md names: it works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.process.test_to_add import ROOT, row
from tests.support.attempts import Child, attempt
from tests.support.folding import recorded
from tests.support.tool import READY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.usefixtures("netns"),
    pytest.mark.skipif(not find_spec("ziglang"), reason="there is no compiler here"),
]

PORT = 4718
# File: texts in it, and what they become.
EDITS = {
    "src/tcpconnect/options/whose.py": {
        "WHOSE = (\n": (
            'WHOSE = (\n    Option(("--not-uid",), "not_uids", "x", UIDS),\n'
        ),
    },
    "src/tcpconnect/settings.py": {
        "    ports: Collection[int] = frozenset()\n": (
            "    ports: Collection[int] = frozenset()\n"
            "    not_uids: Collection[int] = frozenset()\n"
        ),
    },
    "src/tcpconnect/kernel/filters.py": {
        "    MNTNSMAP = 1 << 7\n": "    MNTNSMAP = 1 << 7\n    NOT_UID = 1 << 8\n",
        "            (TaskFilter.UID, settings.uids),\n": (
            "            (TaskFilter.UID, settings.uids),\n"
            "            (TaskFilter.NOT_UID, settings.not_uids),\n"
        ),
        '            "uids": _numbers(settings.uids, 4),\n': (
            '            "uids": _numbers(settings.uids, 4),\n'
            '            "not_uids": _numbers(settings.not_uids, 4),\n'
        ),
    },
    "bpf/filters.bpf.h": {
        "\tBY_MNTNSMAP = 1 << 7,\n": (
            "\tBY_MNTNSMAP = 1 << 7,\n\tBY_NOT_UID = 1 << 8,\n"
        ),
        '} pids SEC(".maps"), uids SEC(".maps"),': (
            '} not_uids SEC(".maps"), pids SEC(".maps"), uids SEC(".maps"),'
        ),
        "\tif (filters & BY_UID && !bpf_map_lookup_elem(&uids, &c->uid))\n": (
            "\tif (filters & BY_NOT_UID &&\n"
            "\t    bpf_map_lookup_elem(&not_uids, &c->uid))\n\t\treturn 0;\n"
            "\tif (filters & BY_UID && !bpf_map_lookup_elem(&uids, &c->uid))\n"
        ),
    },
}


# All objects have the header, but this trace loads one, and each takes 2 s to compile.
COMPILE = """
from bpf import __main__ as build
build.SOURCE_OF = {"attempts": build.SOURCE_OF["attempts"]}
build.compile_objects()
"""


def edited(folder: Path) -> Path:
    """Return a copy of package and C, with a filter more, compiled."""
    ignored = shutil.ignore_patterns("*.o", "__pycache__")
    for name in ("src", "bpf"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, changes in EDITS.items():
        text = (folder / name).read_text()
        for before, after in changes.items():
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        (folder / name).write_text(text)
    subprocess.run([sys.executable, "-c", COMPILE], check=True, cwd=folder)
    return folder / "src"


def test_a_filter(tmp_path: Path) -> None:
    """Who is left out is not shown, all others are."""
    of_addresses = {"networks.bpf.h", "options/where.py"}
    named = row("a filter") - of_addresses
    assert named == {re.sub("^(src/tcpconnect|bpf)/", "", name) for name in EDITS}
    env = {**os.environ, "PYTHONPATH": str(edited(tmp_path))}
    added = [sys.executable, "-m", "tcpconnect"]
    words = f"-P {PORT} --columns uid --not-uid 0".split()
    with subprocess.Popen(
        [*added, *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr
        assert process.stdout
        assert process.stderr.readline() == READY
        connect = partial(attempt, "127.0.0.1", PORT)
        with Child(connect, partial(os.setuid, 4718)) as other:
            connect()
            other.run()
            connect()
        process.terminate()
        assert process.stdout.read().split() == [b"UID", b"4718"]
        assert process.wait() == 0
    code = "from tcpconnect import parsing, summary\n"
    code += "print(summary.filters_of(parsing.parse(['--not-uid', '0'])))"
    told = subprocess.check_output([sys.executable, "-c", code], env=env)
    assert told == b"--not-uid 0\n"
    words = ["replay", str(recorded(tmp_path / "a.jsonl")), "--not-uid", "0"]
    ended = subprocess.run([*added, *words], env=env, check=False, capture_output=True)
    assert ended.returncode == 2
    refused = b"tcpconnect: a recording can't be filtered by --not-uid: only a trace"
    assert ended.stderr.startswith(refused)
