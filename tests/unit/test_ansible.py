"""packaging/ansible: the variables of the role are the same wherever they are named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[2]
ROLE = TOP / "packaging/ansible/roles/tcpconnect"
VARIABLE = re.compile(r"\btcpconnect_(?!stopped)\w+")


def read(name: str) -> Any:
    """Return what a file of the role has."""
    return yaml.safe_load((ROLE / name).read_text())


def test_variables() -> None:
    """Each has a default, which is the one that its description says, and a row."""
    defaults = read("defaults/main.yml")
    described = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert described.keys() == defaults.keys()
    said = {n: each["default"] for n, each in described.items() if "default" in each}
    assert said == {name: defaults[name] for name in said}
    texts = [path.read_text() for path in ROLE.glob("[tht]*/*")]
    assert set(VARIABLE.findall("".join(texts))) == defaults.keys()
    page = (TOP / "docs/install.md").read_text()
    assert set(re.findall(r"^\| `(tcpconnect_\w+)`", page, re.MULTILINE)) == set(
        defaults
    )


def test_tasks() -> None:
    """Each task has a name, and modules are named in full."""
    for path in (ROLE / "tasks").glob("*.yml"):
        for task in yaml.safe_load(path.read_text()):
            assert task["name"][0].isupper()
            assert any(word.startswith("ansible.builtin.") for word in task)


def test_commands() -> None:
    """A path of a package is whole: Ansible looks for others beside the playbook."""
    texts = [TOP / "README.md", TOP / "docs/install.md", ROLE.parents[1] / "site.yml"]
    for path in texts:
        (given,) = re.findall(r"tcpconnect_package=(\S+?)/dist/", path.read_text())
        assert given == "$PWD"
