"""``make picture``: a session of the tool on a terminal, as SVG.

A shell on a pseudo terminal is typed to, while programs connect in a network namespace
with a router behind it. What the terminal got is drawn.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import ExitStack, suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.mounts import etc
from tests.support.system import ip_batch, sh
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOL = Path(sys.executable).with_name("tcpconnect")
COLUMNS, ROWS = 120, 24
CLIENT = "shop"  # the name of its network namespace
HOSTS = """\
10.1.0.2 www.example
fd00:1::2 api.example
10.1.0.2 db.example
10.2.0.9 backup.example
10.3.0.7 old.example
"""
# The router answers in another way for each network.
ADDRESSES = """\
addr add 10.1.0.{host}/24 dev eth0
addr add fd00:1::{host}/64 dev eth0 nodad
link set eth0 up
"""
ROUTES = "route add blackhole 10.2.0.0/16\nroute add prohibit 10.3.0.0/16\n"
CLIENTS = (
    ("curl", "-s", "http://www.example/"),
    ("curl", "-s", "http://api.example/"),
    ("bash", "-c", "</dev/tcp/db.example/5432"),
    ("curl", "-s", "http://backup.example/"),
    ("wget", "-q", "-t1", "http://old.example/"),
)
TYPED = f"tcpconnect -d --why --netns {CLIENT} --quiet"

QUIET: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

# How it is drawn: pixels, and the colors of SGR parameters.
FONT, WIDTH, HEIGHT, MARGIN = 13, 7.83, 18, 14
STYLES = {"1": "font-weight:bold", "31": "fill:#ff7b72", "33": "fill:#e3b341"}
FIT = 'lengthAdjust="spacingAndGlyphs"'
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}"
 font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="13"
 fill="#e6edf3">
<title>{title}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
"""
SGR = re.compile(r"\x1b\[([\d;]*)m")
OTHER = re.compile(r"\x1b\[[?\d;]*[A-Za-ln-z]|\r")


class Terminal:
    """A shell on a pseudo terminal."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        size = struct.pack("4H", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        path = f"{TOOL.parent}:{os.environ['PATH']}"
        more = {"PS1": "# ", "TERM": "xterm-256color", "PATH": path}
        self._shell = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "bash", "--norc", "--noprofile", "-i"],
            env={**os.environ, **more},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        os.set_blocking(self._ours, False)
        self.text = ""
        self.wait_for("# $")

    def type(self, keys: str) -> None:
        """Type keys."""
        os.write(self._ours, keys.encode())

    def wait_for(self, pattern: str) -> None:
        """Wait until what has been written matches."""
        wait_until(lambda: re.search(pattern, self._read()), pattern)

    def _read(self) -> str:
        with suppress(BlockingIOError):
            self.text += os.read(self._ours, 1 << 16).decode()
        return OTHER.sub("", self.text)

    def close(self) -> str:
        """End the shell; return what has been written before."""
        text = self._read()
        os.close(self._ours)
        self._shell.wait()
        return text.removesuffix("# ")


def main(file: str) -> None:
    """Record the session, and write the picture."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(etc(Path(folder), HOSTS))
        sh("mount -t tmpfs none /run/netns")
        made_network(stack)
        text = session()
    Path(file).write_text("".join(drawn(text)))


def made_network(stack: ExitStack) -> None:
    """Make the namespaces of clients and router, and the servers of the latter."""
    ip_batch(f"netns add {CLIENT}\nnetns add router\n")
    ip_batch(f"link add eth0 netns {CLIENT} type veth peer eth0 netns router\n")
    for host, name in enumerate((CLIENT, "router"), 1):
        ip_batch(f"link set lo up\n{ADDRESSES.format(host=host)}", "-n", name)
    ip_batch(ROUTES, "-n", "router")
    ip_batch("route add default via 10.1.0.2\n", "-n", CLIENT)
    settings = "net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0"
    sh(f"ip netns exec router sysctl -qw {settings}")
    sh(f"ip netns exec {CLIENT} sysctl -qw net.ipv4.tcp_syn_retries=1")
    for address in ("10.1.0.2", "fd00:1::2"):
        serve = [sys.executable, "-m", "http.server", "--bind", address, "80"]
        server = subprocess.Popen([*inside("router"), *serve], **QUIET)
        stack.callback(server.wait)
        stack.callback(server.terminate)


def inside(name: str) -> list[str]:
    """Return what comes before a command that runs in a network namespace."""
    return ["ip", "netns", "exec", name]


def session() -> str:
    """Type the command, let the clients connect, and end it by Ctrl-C."""
    terminal = Terminal()
    terminal.type(f"{TYPED}\n")
    terminal.wait_for("QUERY")
    for client in CLIENTS:
        subprocess.run([*inside(CLIENT), *client], check=False, **QUIET)
    terminal.wait_for("old.ex")
    terminal.type("\x03")
    terminal.wait_for(r"\n# $")
    return terminal.close()


def drawn(text: str) -> Iterator[str]:
    """Yield the parts of an SVG of what a terminal got."""
    lines = OTHER.sub("", text).splitlines()
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    yield HEAD.format(width=width, height=height, title=escape(TYPED))
    for row, line in enumerate(lines):
        y = MARGIN + FONT + row * HEIGHT
        yield f'<text y="{y}">{"".join(_spans(line))}</text>\n'
    yield "</svg>\n"


def _spans(line: str) -> Iterator[str]:
    """Yield pieces of one style, each where its column is in any font."""
    column, style = 0, ""
    pieces = iter([*SGR.split(line), "0"])
    for piece, sgr in zip(pieces, pieces, strict=True):
        for word in re.finditer(r"\S+(?: \S+)*", piece):
            x, length = MARGIN + (column + word.start()) * WIDTH, len(word[0]) * WIDTH
            place = f'x="{x:.1f}" textLength="{length:.1f}" {FIT}{style}'
            yield f"<tspan {place}>{escape(word[0])}</tspan> "
        column += len(piece)
        style = f' style="{STYLES[sgr]}"' if sgr in STYLES else ""


if __name__ == "__main__":
    main(*sys.argv[1:])
