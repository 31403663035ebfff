"""Containers of runc, from the files of their state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tcpconnect.enrich.runc import State, states
from tests.support.runtime_files import DAMAGED, write

if TYPE_CHECKING:
    from pathlib import Path


RUNC_STATE = "run/runc/web/state.json"
CGROUPS = {"": "/sys/fs/cgroup/web", "pids": "/sys/fs/cgroup/pids/web"}


def test_states_of_runc(tmp_path: Path) -> None:
    """The name that the user gave, and the cgroups of both versions."""
    state = {"id": "web", "init_process_pid": 1, "cgroup_paths": CGROUPS}
    write(tmp_path, RUNC_STATE, json.dumps(state))
    assert list(states(str(tmp_path))) == [State("web", CGROUPS)]


@pytest.mark.parametrize("content", [*DAMAGED, '{"id": "x", "cgroup_paths": [1]}'])
def test_damaged_state_of_runc(tmp_path: Path, content: str) -> None:
    """A file that can't be understood is no container, and no error."""
    write(tmp_path, RUNC_STATE, content)
    assert list(states(str(tmp_path))) == []
