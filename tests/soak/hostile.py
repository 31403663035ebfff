"""A hostile user of the same machine, who knows the source: each misdeed is a load.

None of their connects goes to a port that is counted.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import shutil
import signal
import socket
import struct
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.generator import CLONE_NEWNET, IFF_UP, SIOCSIFFLAGS
from tcpconnect.machine.cgroup import mount_point

from .load import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER = 64_321  # unused, and not the user nobody
NICENESS = 10
CLONE_NEWNS, CLONE_NEWUSER, MS_BIND = 0x00020000, 0x10000000, 0x1000
ANYTHING = ("127.0.0.1", 1)

LOOKUPS, TITLES, MAPPINGS, PACKETS = 1000, 200, 1000, 1000  # of one turn
STORE_BYTES, STORE_LINKS = 15 << 20, 41
SYMBOLS = 40_000_000
MACHINE = os.uname().machine
ENDLESS_A_S = 1e6  # so many turns as there is time for

libc = ctypes.CDLL(None, use_errno=True)


class Ground(NamedTuple):
    """What the user has: a folder, a home, a cgroup that root has delegated."""

    folder: Path
    home: Path
    cgroup: Path

    @property
    def busybox(self) -> Path:
        """A static program of the user's own."""
        return self.folder / "busybox"


@contextmanager
def ground() -> Iterator[Ground]:
    """Make it as root; remove it."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise RuntimeError("no busybox: apt-get install busybox-static")
    name = f"tcpconnect-soak-{os.getpid()}"
    cgroup = Path(os.fsdecode(mount_point())) / name
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}-"))
        made = Ground(Path(folder), Path("/home") / name, cgroup)
        stack.callback(shutil.rmtree, made.home)
        made.home.mkdir(parents=True)
        stack.callback(_remove, cgroup)
        cgroup.mkdir()
        shutil.copy(busybox, made.busybox)
        for path in (*made, made.busybox, cgroup / "cgroup.procs"):
            os.chown(path, USER, USER)
        yield made


def _remove(cgroup: Path) -> None:
    for child in cgroup.glob("*/"):
        child.rmdir()
    cgroup.rmdir()


@contextmanager
def hostile(tool: int) -> Iterator[list[Load]]:
    """Let the user do all of it, all the time, to the tool with this PID."""
    with ExitStack() as stack:
        theirs = stack.enter_context(ground())
        yield [
            stack.enter_context(Load(prepare, rate))
            for prepare, rate in (
                (partial(_roots, theirs), 10.0),
                (partial(_stores, theirs), 20.0),
                (partial(_mappings, theirs), 10.0),
                (partial(_signals, tool), 10.0),
                (_packets, 10.0),
                (_lookups, ENDLESS_A_S),
                (_titles, 50.0),
            )
        ]


def _become() -> None:
    os.setgroups(())
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    os.nice(NICENESS)


def _unshare(flags: int) -> None:
    if libc.unshare(CLONE_NEWUSER | flags):
        raise OSError(ctypes.get_errno(), "unshare")


def _lookups() -> Callable[[], None]:
    """Invalid names: each is still an event of the kernel."""
    _become()

    def work() -> None:
        for _ in range(LOOKUPS):
            socket.getaddrinfo(b"127.0.0.1", 1)  # text takes an import

    return work


def _titles() -> Callable[[], None]:
    """A process that is another one with each connect."""
    _become()
    fields = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()
    start = int(fields[48 - 3])  # proc_pid_stat(5): arg_start

    def work() -> None:
        for _ in range(TITLES):
            title = b"%016x" % time.monotonic_ns()
            ctypes.memmove(start, title, len(title))
            _connect()

    return work


def _connect() -> None:
    with socket.socket() as client:
        client.connect_ex(ANYTHING)


def _mappings(theirs: Ground) -> Callable[[], None]:
    """What is called a C library, mapped and mapped again."""
    _become()
    path = theirs.folder / "libc.so.6"
    write_library(path)

    def work() -> None:
        with path.open("rb") as file:
            for _ in range(MAPPINGS):
                protection = mmap.PROT_READ | mmap.PROT_EXEC
                mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, protection).close()

    return work


def _packets() -> Callable[[], None]:
    """Unrequested answers, from port 53 of the user's own network."""
    _become()
    _unshare(CLONE_NEWNET)
    server = socket.socket(type=socket.SOCK_DGRAM)
    libc.ioctl(server.fileno(), SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
    server.bind(("127.0.0.1", 53))
    client = socket.socket(type=socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", 0))
    answer = b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + b"\3bad\0\0\1\0\1" + 500 * b"\xc0\x0c"

    def work() -> None:
        for _ in range(PACKETS):
            server.sendto(answer, client.getsockname())
            client.recv(4096)

    return work


def _stores(theirs: Ground) -> Callable[[], None]:
    """Containers that only their files know, of which there are many, and long ones."""
    (theirs.cgroup / "cgroup.procs").write_text(str(os.getpid()))
    _become()
    store = theirs.home / ".local/share/containers/storage"
    first = store / "overlay-containers/containers.json"
    for number in range(STORE_LINKS):
        folder = store / f"overlay{number or ''}-containers"
        folder.mkdir(parents=True)
        if number:
            (folder / first.name).hardlink_to(first)
        else:
            entry = f'{{"id":"{64 * "0"}","names":["root"]}},'
            first.write_text(f'[{STORE_BYTES // len(entry) * entry}{{"id":"1"}}]')

    def work() -> None:
        cgroup = theirs.cgroup / f"libpod-{os.urandom(32).hex()}.scope"
        cgroup.mkdir()
        (cgroup / "cgroup.procs").write_text(str(os.getpid()))
        _connect()
        (theirs.cgroup / "cgroup.procs").write_text(str(os.getpid()))
        cgroup.rmdir()

    return work


def _signals(tool: int) -> Callable[[], None]:
    """What one may do to processes of one's own."""
    _become()

    def work() -> None:
        limits = resource.RLIMIT_NOFILE, (3, 3)
        for misdeed in (
            lambda: os.kill(tool, signal.SIGSTOP),
            lambda: os.kill(tool, signal.SIGKILL),
            lambda: resource.prlimit(tool, *limits),
            lambda: os.setpriority(os.PRIO_PROCESS, tool, 19),
            lambda: os.close(os.open(f"/proc/{tool}/mem", os.O_RDONLY)),
        ):
            # Refused, or the tool has ended.
            with suppress(PermissionError, ProcessLookupError, FileNotFoundError):
                misdeed()
                raise RuntimeError("a user could do what only root may")

    return work


def _roots(theirs: Ground) -> Callable[[], None]:
    """Root directories that are new with each program, and full of traps; then gone."""
    _become()

    def work() -> None:
        root = Path(tempfile.mkdtemp(dir=theirs.folder))
        _set_traps(root)
        (root / "busybox").hardlink_to(theirs.busybox)
        pid = os.fork()
        if not pid:
            try:
                _run_in(root)
            finally:
                os._exit(1)
        os.waitpid(pid, 0)
        shutil.rmtree(root)

    return work


def _set_traps(root: Path) -> None:
    """Put a trap where each C library is looked for."""
    for folder in (f"lib/{MACHINE}-linux-gnu", f"usr/lib/{MACHINE}-linux-gnu", "lib64"):
        (root / folder).mkdir(parents=True)
    os.mkfifo(root / f"lib/{MACHINE}-linux-gnu/libc.so.6")
    write_library(root / f"usr/lib/{MACHINE}-linux-gnu/libc.so.6")
    (root / "lib64/libc.so.6").touch()  # a tty is mounted there
    steps = "/".join(800 * ["a", ".."])
    (root / "usr/lib/a").mkdir()
    for number in range(39):
        (root / f"usr/lib/step{number}").symlink_to(f"{steps}/step{number + 1}")
    (root / "usr/lib/step39").touch()
    (root / "usr/lib/libc.so.6").symlink_to("step0")


def _run_in(root: Path) -> None:
    """Become a program that has this root directory for a moment."""
    _unshare(CLONE_NEWNS)
    place = os.fsencode(root / "lib64/libc.so.6")
    libc.mount(b"/dev/tty", place, None, MS_BIND, None)
    os.chroot(root)
    os.execv("/busybox", ["busybox", "usleep", "20000"])  # noqa: S606 (no shell)


def write_library(path: Path) -> None:
    """Write an ELF file that claims so many symbols, of which it has none.

    elf(5): a header; a null section, the symbols, and their names; a hole.
    """
    names, names_at, sections_at = b"\0getaddrinfo\0", 64, 128
    size = SYMBOLS * 24
    symbols = struct.pack("<IIQQQQIIQQ", 1, 11, 2, 4096, 4096, size, 2, 1, 8, 24)
    strings = struct.pack("<IIQQQQIIQQ", 1, 3, 2, 0, names_at, len(names), 0, 0, 1, 0)
    machine = {"x86_64": 62, "aarch64": 183}[MACHINE]
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1",
        *(3, machine, 1, 0, 0, sections_at, 0, 64, 56, 0, 64, 3, 2),
    )
    with path.open("wb") as file:
        file.write(header + names.ljust(sections_at - names_at, b"\0"))
        file.write(bytes(64) + symbols + strings)
        file.truncate(4096 + size)
