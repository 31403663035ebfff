"""How the tests start the tool: as users do, or forked, where exec takes too long.

Under software emulation most of the time of a test goes into the start of Python and of
its modules, which the kernel has no part in. With TCPCONNECT_TESTS=fork the tool is a
fork of the tests, where its modules are there already: all else is the same.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconnect.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterable

INSTALLED = Path(sys.executable).with_name("tcpconnect")
TOOL = INSTALLED  # a test may replace it
FORK = os.environ.get("TCPCONNECT_TESTS") == "fork"
IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}
PR_SET_NAME = 15

if FORK:
    import tcpconnect.cli
    import tcpconnect.formats.jsonl
    import tcpconnect.formats.table
    import tcpconnect.pipeline
    import tcpconnect.view  # noqa: F401 (so that they are there in every fork)
    from tcpconnect.bpf.libbpf import load_library

    LOADED = (load_library(), ctypes.CDLL(None).prctl)


def hear_ignored_signals() -> None:
    """Have what is started from now on hear the signals that we were to ignore.

    nohup(1) ignores SIGHUP, and a shell SIGINT and SIGQUIT for what it starts in the
    background; programs inherit that. We go on to ignore them, but by a handler, which
    execve(2) replaces by the default.
    """
    for number in signal.valid_signals() - IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def command(
    options: Iterable[object], env: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the arguments of Popen that start the tool with these options."""
    words = [str(TOOL), *map(str, options)]
    if not FORK or TOOL != INSTALLED:
        return {"args": words, "env": env}

    def begin() -> None:
        # Popen has put the standard descriptors in their places.
        _close_as_exec()
        if env is not None:
            os.environ.clear()
            os.environ.update(env)
        _set_signals_as_exec()
        LOADED[1](PR_SET_NAME, TOOL.name.encode())
        sys.argv = words
        code: Any = 70
        try:
            code = main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:  # noqa: BLE001 (what the interpreter would show)
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)

    return {"args": words, "preexec_fn": begin}


def _descriptors() -> Iterable[int]:
    try:
        return map(int, os.listdir("/proc/self/fd"))
    except FileNotFoundError:  # a test has taken /proc away
        return range(os.sysconf("SC_OPEN_MAX"))


def _close_as_exec() -> None:
    for fd in _descriptors():
        with suppress(OSError):  # that of the folder has been closed
            if not os.get_inheritable(fd):
                os.close(fd)


def _set_signals_as_exec() -> None:
    """Set them as they are in a Python that begins."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
