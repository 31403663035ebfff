"""The tool without its imports, which are most of what a start of it costs.

A process that has imported all forks for each run. Else it is as users have it: a run
is a process, with its own descriptors, environment and exit code. Whether the tool
starts, and what it imports when, tests with real starts look at.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 60
# Forks for each message: words, a folder, an environment, and three descriptors.
FORKS = """
import gc, json, os, signal, socket, sys, time, traceback
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import tcpconnect
for module in walk_packages(tcpconnect.__path__, "tcpconnect."):
    if not module.name.endswith("__main__"):
        import_module(module.name)
from tcpconnect import signals
from tcpconnect.report import page
from tcpconnect.start import main
signals.PATIENCE_S = 60  # a test that stands still is no reader that has stopped
if find_spec("jinja2"):
    page.load()

def run(words, folder, environment):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["tcpconnect", *words]
    try:
        return main()
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1

server = socket.socket(fileno=int(sys.argv[1]))
gc.freeze()
while True:
    message, descriptors, *_ = socket.recv_fds(server, 1 << 20, 3)
    if not message:
        break
    pid = os.fork()
    if not pid:
        server.close()
        for number, fd in enumerate(descriptors):
            os.dup2(fd, number)
            os.close(fd)
        os._exit(run(*json.loads(message)))
    for fd in descriptors:
        os.close(fd)
    _, status = os.waitpid(pid, 0)
    server.send(b"%d" % os.waitstatus_to_exitcode(status))
"""


class Forks:
    """The process that forks, for one run after the other."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(TIMEOUT_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", FORKS, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.close)

    def begin(
        self,
        words: list[str],
        folder: str,
        environment: Mapping[str, str],
        descriptors: list[int],
    ) -> None:
        """Begin a run with these for stdin, stdout and stderr."""
        message = json.dumps([words, folder, {**environment}]).encode()
        socket.send_fds(self._socket, [message], descriptors)

    def end(self) -> int:
        """Wait for its end; return its exit code."""
        return int(self._socket.recv(100))

    def close(self) -> None:
        """End the process, once the run that it waits for has ended."""
        with suppress(OSError):  # it has ended
            self._socket.send(b"")  # others that were forked may have the socket, too
        self._socket.close()
        self._process.wait(TIMEOUT_S)


forks = cache(Forks)


def run(
    *words: object,
    stdin: int | IO[Any] = 0,
    stdout: int | IO[Any] = subprocess.PIPE,
    stderr: int | IO[Any] = subprocess.PIPE,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the tool to its end, as subprocess.run() does."""
    argv = [*map(str, words)]
    files = (stdin, stdout, stderr)
    given = [file if isinstance(file, int) else file.fileno() for file in files]
    pipes: dict[int, int] = {}
    for number in (1, 2):
        if given[number] == subprocess.PIPE:
            pipes[number], given[number] = os.pipe()
    try:
        forks().begin(argv, str(cwd or Path.cwd()), env or os.environ, given)
        for number in pipes:
            os.close(given[number])
        said = _read([*pipes.values()])
        code = forks().end()
    except BaseException:  # what comes of it later is no answer to the next one
        forks().close()
        forks.cache_clear()
        raise
    texts = {number: said[pipe].decode() for number, pipe in pipes.items()}
    return subprocess.CompletedProcess(argv, code, texts.get(1), texts.get(2))


def _read(pipes: list[int]) -> dict[int, bytes]:
    """Return all that comes from some pipes, and close them."""
    said = dict.fromkeys(pipes, b"")
    while pipes:
        ready, _, _ = select.select(pipes, (), (), TIMEOUT_S)
        assert ready, f"it does not end, and said {said}"
        for pipe in ready:
            data = os.read(pipe, 1 << 16)
            said[pipe] += data
            if not data:
                os.close(pipe)
                pipes.remove(pipe)
    return said
