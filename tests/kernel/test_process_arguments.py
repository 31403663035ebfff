"""--columns cmdline: arguments, and titles that processes write over them."""

from __future__ import annotations

import ctypes
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.attempts import PORT, attempt
from tests.support.processes import (
    Watch,
    fork,
    run,
)

if TYPE_CHECKING:
    from tests.support.network import NetNs


CODE = f"import socket; socket.socket().connect_ex(('127.0.0.1', {PORT}))"
QUOTED = f"python -Sc {shlex.quote(CODE)}"

HOSTILE: dict[str | bytes, str] = {
    "": "''",
    "two words": "'two words'",
    "it's": "'it'\"'\"'s'",
    "\x1b[2J\r\n": r"$'\x1b[2J\x0d\x0a'",
    b"\xff\xfe": r"$'\xff\xfe'",
    "\u202egnp.exe": r"$'\u202egnp.exe'",
    r"\x1b": r"'\x1b'",
    "$(reboot)": "'$(reboot)'",
    "gr\u00fcn": "'gr\u00fcn'",
}


def test_hostile_arguments(netns: NetNs) -> None:
    """They are quoted as for a shell, and nothing in them reaches a terminal."""
    with Watch(netns, columns="cmdline") as watch:
        pid = run(Path(sys.executable), ["python", "-Sc", CODE, *HOSTILE])
        assert watch.event() == {
            "pid": pid,
            "cmdline": " ".join([QUOTED, *HOSTILE.values()]),
        }


def test_long_arguments(netns: NetNs) -> None:
    """Of more than 4,096 bytes, the beginning is shown, with a sign that it was cut."""
    with Watch(netns, columns="cmdline") as watch:
        pid = run(Path(sys.executable), ["python", "-Sc", CODE, "x" * 5000])
        left = 4096 - len(f"python -Sc {CODE} ")
        assert watch.event() == {"pid": pid, "cmdline": f"{QUOTED} {'x' * left}…"}


def arguments() -> tuple[int, int, int]:
    """Return where this process's arguments begin and end, and its environment ends."""
    # proc_pid_stat(5): the fields 48, 49 and 51; the first after the name is the third.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[45]), int(fields[46]), int(fields[48])


def titled(title: bytes) -> None:
    """Write over this process's arguments, as daemons do."""
    start, end, _ = arguments()
    room = end - start
    ctypes.memmove(start, title[:room].ljust(room, b"\0"), room)


def test_title(netns: NetNs) -> None:
    """A process that overwrites its arguments is shown with those of each connect."""

    def work() -> None:
        for number, title in enumerate((b"server: idle", b"server: busy")):
            titled(title)
            for n in range(1, 3):
                attempt(f"127.0.{number}.{n}", PORT)

    with Watch(netns, columns="cmdline") as watch:
        os.waitpid(fork(work), 0)
        shown = [(e["daddr"], e["cmdline"]) for e in watch.events(4)]
    assert shown == [
        ("127.0.0.1", "server: idle"),
        ("127.0.0.2", "server: idle"),
        ("127.0.1.1", "server: busy"),
        ("127.0.1.2", "server: busy"),
    ]


def test_title_longer_than_the_arguments(netns: NetNs) -> None:
    """It continues into the environment, and ends with its first NUL."""
    start, end, limit = arguments()
    title = (b"server: " + b"x" * (end - start))[:4000]
    assert end < start + len(title) < limit

    def work() -> None:
        ctypes.memmove(start, title + b"\0", len(title) + 1)
        attempt("127.0.0.1", PORT)

    with Watch(netns, columns="cmdline") as watch:
        pid = fork(work)
        os.waitpid(pid, 0)
        assert watch.event() == {"pid": pid, "cmdline": title.decode()}
