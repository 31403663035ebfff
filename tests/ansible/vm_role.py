"""The role, carried out on the machine itself: installed, changed, removed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from tests.support.recorder import asked
from tests.support.tracing import CONNECTING, PORT, sh, wait_until

PLAYBOOK = Path(__file__).parents[2] / "packaging/ansible/site.yml"
UNIT = "tcpconnect-record"
CONFIGURATION = Path("/etc/tcpconnect/record.conf")
HISTORY = Path("/var/lib/tcpconnect/history.db")
READER = "alice"
SETTINGS = {
    "ANSIBLE_LOG_PATH": "/dev/console",  # a task takes seconds: how far it is
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_PIPELINING": "1",
    "LC_ALL": "C.UTF-8",
}


def carry_out(*words: str, **given: object) -> subprocess.CompletedProcess[str]:
    """Have Ansible carry the playbook out."""
    (package,) = Path("/packages").glob("*.deb")
    variables = json.dumps({"tcpconnect_package": str(package), **given})
    return subprocess.run(
        [
            *("ansible-playbook", "--inventory", "localhost,", "--connection", "local"),
            *("--extra-vars", variables, PLAYBOOK),
            *words,
        ],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **SETTINGS},
    )


def play(*words: str, **given: object) -> dict[str, int]:
    """Have Ansible carry it out; return how many tasks did what."""
    done = carry_out(*words, **given)
    recap = re.findall(r"(\w+)=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return {name: int(count) for name, count in recap}


def state() -> str:
    """Return whether the recorder runs."""
    command = ["systemctl", "is-active", UNIT]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip()


def test_role() -> None:
    """It installs a recorder that records; again it changes nothing; it goes away."""
    sh("useradd", "--no-create-home", READER)
    given = {
        "tcpconnect_options": ["--keep 90d", "--max-size 50M"],
        "tcpconnect_readers": [READER],
    }
    # Only to look: it says what would change, and changes nothing.
    assert play("--check", "--diff", **given)["changed"] > 0
    assert state() == "inactive"
    assert not CONFIGURATION.exists()
    assert play(**given)["changed"] > 0
    assert state() == "active"
    assert CONFIGURATION.read_text().splitlines()[1:] == given["tcpconnect_options"]
    assert "tcpconnect" in sh("id", "-Gn", READER).split()
    sh(*CONNECTING)

    def recorded() -> bool:
        sh("systemctl", "kill", "--signal=SIGUSR1", UNIT)
        return (PORT,) in asked(HISTORY, "SELECT dport FROM destinations")

    wait_until(recorded, "the attempt in the history")
    before = sh("systemctl", "show", "--property=MainPID", UNIT)
    assert play(**given)["changed"] == 0
    assert sh("systemctl", "show", "--property=MainPID", UNIT) == before
    # Options with a mistake are refused: the recorder goes on with those that it has.
    done = carry_out(**{**given, "tcpconnect_options": ["--max-sise 50M"]})
    assert done.returncode == 2
    assert "unknown option --max-sise; did you mean --max-size?" in done.stdout
    assert CONFIGURATION.read_text().splitlines()[1:] == given["tcpconnect_options"]
    assert sh("systemctl", "show", "--property=MainPID", UNIT) == before
    # Changed options: written, and the recorder started with them.
    assert play(**{**given, "tcpconnect_options": []})["changed"] == 2
    assert state() == "active"
    assert sh("systemctl", "show", "--property=MainPID", UNIT) != before
    assert play(tcpconnect_state="absent")["changed"] > 0
    assert state() == "inactive"
    assert HISTORY.exists()
    assert play(tcpconnect_state="absent")["changed"] == 0
