"""One trial: the wheel in an empty environment, tracing a real connection.

As a program: PYTHON WHEEL FOLDER, and options for pip.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

SHARED = (
    "man/man8/tcpconnect.8",
    "bash-completion/completions/tcpconnect",
    "zsh/site-functions/_tcpconnect",
    "fish/vendor_completions.d/tcpconnect.fish",
)
TEMPLATE = "site-packages/tcpconnect/report/templates/page.html.j2"
READY = "Tracing connect ... Hit Ctrl-C to end\n"
LIMITS = ("--limit", "1", "--duration", "60")


class TrialError(Exception):
    """What went wrong, in a line."""


def run(*command: str | Path) -> str:
    """Run a command; return what it printed. Raises TrialError with what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise TrialError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing said"]
        raise TrialError(f"{' '.join(map(str, command[:3]))}: {said[-1]}")
    return done.stdout


def try_wheel(python: str, wheel: Path, folder: Path, *options: str) -> str:
    """Install the wheel for an interpreter and use it; return a line of what was seen.

    ``options`` are pip's. Raises TrialError.
    """
    run(python, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--quiet", *options, wheel)
    tool = folder / "bin/tcpconnect"
    version = run(tool, "--version").strip()
    for name in SHARED:
        if not (folder / "share" / name).is_file():
            raise TrialError(f"the wheel installs no share/{name}")
    if not list(folder.glob(f"lib/python*/{TEMPLATE}")):
        raise TrialError("the wheel has no template of the report")
    run(tool, "--check")
    ran = run(folder / "bin/python", "--version").strip()
    return f"{ran}: {version} traced {trace(tool)}"


def trace(tool: Path) -> str:
    """Trace a connect of this process; return what was shown of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ours = ("-p", str(os.getpid()), "-P", str(port))
        with subprocess.Popen(
            [str(tool), "-rj", *ours, *LIMITS],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            said = process.stderr.readline() if process.stderr else ""
            if said != READY:
                raise TrialError(f"tcpconnect did not begin: {said.strip()}")
            socket.create_connection(("127.0.0.1", port)).close()
            shown = process.stdout.readline() if process.stdout else ""
        if not shown:
            raise TrialError("a connection was not shown")
        event = json.loads(shown)
    expected = (os.getpid(), "127.0.0.1", port, "OK")
    actual = tuple(event[name] for name in ("pid", "daddr", "dport", "result"))
    if actual != expected:
        raise TrialError(f"a connection was shown as {actual}, not as {expected}")
    return f"{event['comm']} -> {event['daddr']}:{port} {event['result']}"


def main(python: str, wheel: str, folder: str, *options: str) -> int:
    """Print what was seen, or say on stderr what went wrong."""
    try:
        print(try_wheel(python, Path(wheel), Path(folder), *options))
    except TrialError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
