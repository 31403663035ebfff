"""What happens from the start to the ready line."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.support.launch import INSTALLED

IMPORTED = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)


@pytest.mark.parametrize("options", ["", "-rdj", "-c"])
def test_no_more_than_needed(options: str) -> None:
    """What takes longer than all of ours is not imported, by any Python."""
    ended = subprocess.run(
        [INSTALLED, *options.split(), "-p", str(os.getpid()), "--duration", "0.01"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
    )
    imported = set(IMPORTED.findall(ended.stderr))
    assert "tcpconnect.pipeline" in imported
    assert not imported & {"inspect", "ast", "dis", "dataclasses", "threading"}
