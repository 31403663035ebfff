"""-p and commands in PID namespaces."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.support.launch import TOOL
from tests.support.tool import ENDED, READY

pytestmark = pytest.mark.usefixtures("netns")


def in_pid_namespace(
    script: str, *, own_proc: bool
) -> subprocess.CompletedProcess[str]:
    """Run a script of the shell to its end, in a PID namespace of its own."""
    options = ["--mount-proc"] if own_proc else []
    return subprocess.run(
        ["unshare", "--pid", "--fork", *options, "bash", "-c", script],
        check=False,
        capture_output=True,
        text=True,
    )


CONNECT = ": </dev/tcp/127.0.0.1"
# A process, and a child of it, connect.
WORK = f"{CONNECT}/1; ({CONNECT}/2; true); true"
OWN_PROC = pytest.mark.parametrize("own_proc", [True, False], ids=["own", "foreign"])


@OWN_PROC
@pytest.mark.parametrize(
    ("options", "expected"), [("", [1]), ("-f", [1, 2])], ids=["-p", "-f -p"]
)
def test_in_a_pid_namespace(
    tmp_path: os.PathLike[str], options: str, expected: list[int], *, own_proc: bool
) -> None:
    """A PID is one of our own namespace, whatever /proc shows."""
    go, said = f"{tmp_path}/go", f"{tmp_path}/said"
    os.mkfifo(go)
    os.mkfifo(said)
    script = f"""
    (read _ <{go}; {WORK}) 2>/dev/null &
    {TOOL} -j {options} -p $! 2>{said} &
    tool=$!
    exec 3<{said}
    read line <&3; echo "$line" >&2
    echo >{go}
    cat <&3 >&2
    wait $tool
    """
    result = in_pid_namespace(script, own_proc=own_proc)
    assert result.stderr.encode() == READY + ENDED
    assert result.returncode == 0
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["dport"] for event in events] == expected


@OWN_PROC
def test_command_in_a_pid_namespace(
    tmp_path: os.PathLike[str], *, own_proc: bool
) -> None:
    """A command is traced there, too, with its children."""
    output = f"{tmp_path}/output"
    script = f"{TOOL} -j -o {output} -- bash -c '{WORK}'"
    result = in_pid_namespace(script, own_proc=own_proc)
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.encode().startswith(READY)
    with open(output, encoding="utf-8") as lines:
        assert [json.loads(line)["dport"] for line in lines] == [1, 2]


@OWN_PROC
def test_not_there_in_a_pid_namespace(*, own_proc: bool) -> None:
    """The machine's numbers are not those of the namespace."""
    result = in_pid_namespace(f"{TOOL} -p {os.getpid()}", own_proc=own_proc)
    assert result.stderr.startswith(f"tcpconnect: no process {os.getpid()}: ")
    assert result.returncode == 1
