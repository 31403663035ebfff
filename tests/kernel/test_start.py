"""What happens from the start to the ready line."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import pytest

from tcpconnect.errors import TcpconnectError
from tcpconnect.kernel.ahead import Ahead, attached
from tcpconnect.settings import Settings
from tests.support.descriptors import left_open
from tests.support.imports import imported, imported_on_a_terminal
from tests.support.launch import INSTALLED
from tests.support.tool import READY

COMPILED = """
import builtins, sys
known = compile
def compiles(source, *given, **more):
    if isinstance(source, str):
        sys.exit(f"compiled: {source}")
    return known(source, *given, **more)
builtins.compile = compiles
from tcpconnect.start import main
sys.exit(main())
"""
THREADS = """
import os, sys
from tcpconnect import cli, pipeline
from tcpconnect.kernel import ahead
class Ahead(ahead.Ahead):
    def take(self):
        os.write(2, b"begun\\n")
        return super().take()
ahead.Ahead = Ahead
give_up = pipeline.keep_only
def keep_only(*given):
    os.write(2, b"%d threads\\n" % len(os.listdir("/proc/self/task")))
    return give_up(*given)
pipeline.keep_only = keep_only
sys.exit(cli.main())
"""


@pytest.mark.parametrize("options", ["", "-rdj", "-c"])
def test_no_more_than_needed(options: str) -> None:
    """What takes longer than all of ours is not imported, by any Python."""
    ours = ("-p", str(os.getpid()), "--duration", "0.01")
    found = imported(INSTALLED, *options.split(), *ours)
    assert "tcpconnect.pipeline" in found
    assert not found & {
        "inspect",
        "ast",
        "dis",
        "dataclasses",
        "threading",
        "signal",
    }


def test_no_more_on_a_terminal() -> None:
    """There it has a summary at the end, and no options that would be imported."""
    found = imported_on_a_terminal(READY.rstrip(), INSTALLED)
    assert "tcpconnect.summary" in found
    assert not found & {
        "tcpconnect.options",
        "tcpconnect.gauges",
        *(("re",) if sys.version_info >= (3, 13) else ()),  # before, typing has it
    }


@pytest.mark.parametrize("options", ["", "-rdj --why", "-cr"])
def test_no_text_is_compiled(options: str) -> None:
    """Python makes all types of syntax trees for the first one: 1.5 ms.

    A NamedTuple has a text of each annotation compiled, a Struct has not.
    """
    words = ["-p", str(os.getpid()), *options.split(), "--duration", "0.01"]
    started = [sys.executable, "-c", COMPILED, *words]
    ended = subprocess.run(started, check=False, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr[-len(READY) :]) == (0, READY)


@pytest.mark.parametrize("options", ["", "-c", "-rj", "-r --by comm -c"])
def test_alone_when_privileges_go(options: str) -> None:
    """Threads keep their privileges: none that was there at the start is left."""
    words = [sys.executable, "-c", THREADS, *options.split(), "--duration", "0.01"]
    ended = subprocess.run(words, check=True, capture_output=True, timeout=60)
    first, second, ready = ended.stderr.splitlines(keepends=True)
    assert (first, second, ready) == (b"begun\n", b"1 threads\n", READY)


def test_not_taken() -> None:
    """What was attached ahead of a trace that does not come is closed."""

    def begin(settings: Settings) -> None:
        with Ahead(settings) as ahead:
            ahead.begin(settings)

    def leave(settings: Settings) -> None:
        with Ahead(settings):
            pass

    for settings in (Settings(result=True), Settings(netns={"/no/such/namespace"})):
        for work in (begin, leave):
            assert left_open(partial(work, settings)) == 0


def test_failure_is_the_traces() -> None:
    """An error is that of the trace, and comes when that would begin."""
    netns = "/no/such/namespace"
    settings = Settings(netns={netns})
    with Ahead(settings) as ahead:
        ahead.begin(settings)
        with pytest.raises(TcpconnectError) as later:
            ahead.take()
    with pytest.raises(TcpconnectError) as at_once:
        attached(settings)
    assert str(later.value) == str(at_once.value)


def test_another_object() -> None:
    """What options do not show needs another object, which is opened then."""

    def begin() -> None:
        with Ahead(Settings()) as ahead:
            ahead.begin(Settings(result=True))
            ahead.take().close()

    assert left_open(begin) == 0


def test_other_settings() -> None:
    """Tables of --by have settings of their own, which nothing is begun for."""
    words = [str(INSTALLED), *"-c --unit a* --duration 0.01".split()]
    ended = subprocess.run(words, check=False, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr[-len(READY) :]) == (0, READY)


def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there can be no thread, it is done at once."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("tcpconnect.kernel.meanwhile.start_new_thread", refuse)
    with Ahead(Settings()) as ahead:
        ahead.begin(Settings())
        ahead.take().close()
