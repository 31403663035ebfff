"""What can go wrong before a test runs, and how commands are called."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Root's programs too, where su(1) has not put them there.
PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


class VmError(Exception):
    """No test could be run; the message is a sentence, with the reason."""


def run(
    *command: object,
    what: str,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: object = None,
) -> str:
    """Return what a command prints.

    Raises VmError with ``what`` it was to do and the end of its complaint.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            check=False,
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": PATH, **(env or {})},
            cwd=None if cwd is None else str(cwd),
        )
    except FileNotFoundError as error:
        raise VmError(f"can't {what}: no command {words[0]}") from error
    if done.returncode:
        complaint = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise VmError("\n  ".join([f"can't {what}:", *complaint]))
    return done.stdout
