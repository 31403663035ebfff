"""What tests on the real kernel share: network namespaces, and the tool running."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from launch import command, hear_ignored_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from typing_extensions import Self

READY = b"Tracing connect ... Hit Ctrl-C to end\n"
ENDED = b"tcpconnect: all traced processes have ended\n"
TIMEOUT_S = 60.0

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
MS_BIND, MNT_DETACH = 4096, 2
WRITE = {"x86_64": "1", "aarch64": "64"}  # numbers of system calls
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
NAMED = Path("/run/netns")  # where ip(8) looks for them


def pytest_configure() -> None:
    """Let the tests run in the background, and under nohup(1)."""
    hear_ignored_signals()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here; skip them, saying why, where they can't run.

    In CI they are never skipped: there they run or fail.
    """
    reason = _why_not()
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.kernel)
        if reason and "CI" not in os.environ:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_not() -> str:
    if os.geteuid():
        return "tests on the kernel need root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "tests on the kernel need one with BTF"
    return ""


def sh(command: str) -> None:
    """Run a command line of ip(8) and the like; it must succeed."""
    subprocess.run(command.split(), check=True, stdin=subprocess.DEVNULL)


def ip_batch(commands: str, *options: str) -> None:
    """Run lines of ip(8), all of which must succeed, in one process."""
    subprocess.run(["ip", *options, "-batch", "-"], check=True, input=commands.encode())


def wait_until(
    condition: Callable[[], Any], what: str, files: Collection[IO[bytes]] = ()
) -> Any:
    """Return the first true value of ``condition``; fail after TIMEOUT_S.

    It is asked every few milliseconds, or, where it can only change with them, when
    there is something to read in ``files``.
    """
    end = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        select.select(list(files), (), (), 0.1 if files else 0.005)
    return value


def until_writing(pid: int) -> None:
    """Wait until a process is in write(2): a signal before that interrupts nothing."""

    def is_writing() -> bool:
        number, *_ = Path(f"/proc/{pid}/syscall").read_text().split()
        return number == WRITE[os.uname().machine]

    wait_until(is_writing, "a write that waits")


def checked(result: int) -> None:
    """Raise OSError when a function of the C library has returned no 0."""
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def set_lo_up(any_socket: socket.socket) -> None:
    """Bring lo up in the network namespace of a socket."""
    request = struct.pack("16sh14x", b"lo", IFF_UP)
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


class NetNs:
    """A network namespace with lo up, which ip(8) knows; removed after the test."""

    made = 0

    def __init__(self) -> None:
        NetNs.made += 1
        self.name = f"tcpc-{os.getpid()}-{NetNs.made}"
        self.path = f"{NAMED}/{self.name}"
        # What "ip netns add" does, and "ip link set lo up": each process takes time.
        NAMED.mkdir(exist_ok=True)
        Path(self.path).touch(exist_ok=False)
        with at_home():
            checked(libc.unshare(CLONE_NEWNET))
            ours = b"/proc/thread-self/ns/net"
            checked(libc.mount(ours, self.path.encode(), b"none", MS_BIND, None))
            with socket.socket() as any_socket:
                set_lo_up(any_socket)
        self.inode = os.stat(self.path).st_ino

    def ip(self, command: str) -> None:
        """Run an ip command in it."""
        sh(f"ip -n {self.name} {command}")

    def sysctl(self, *settings: str) -> None:
        """Set sysctls of it, such as net.ipv4.ip_forward=1."""
        with inside(self):
            for setting in settings:
                name, _, value = setting.partition("=")
                Path("/proc/sys", name.replace(".", "/")).write_text(value)

    def enter(self) -> None:
        """Move this thread into it."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            checked(libc.setns(fd, CLONE_NEWNET))
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Take its name away; it goes when nothing uses it."""
        checked(libc.umount2(self.path.encode(), MNT_DETACH))
        os.unlink(self.path)


@contextmanager
def at_home() -> Iterator[None]:
    """Bring this thread back into the network namespace that it has now."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        yield
    finally:
        checked(libc.setns(home, CLONE_NEWNET))
        os.close(home)


@contextmanager
def inside(space: NetNs) -> Iterator[None]:
    """Run the body in another network namespace; sockets made in it stay there."""
    with at_home():
        space.enter()
        yield


@pytest.fixture
def netns() -> Iterator[NetNs]:
    """A network namespace of its own, which the test (and its children) runs in."""
    space = NetNs()
    try:
        with inside(space):
            yield space
    finally:
        space.remove()


@pytest.fixture
def far(netns: NetNs) -> Iterator[NetNs]:
    """A second namespace, a router with three kinds of network behind it.

    10.1.0.2 and fd00:1::2 are its own addresses (ours are .1 and ::1); it drops what
    goes to 10.2.0.0/16 and fd00:2::/64, and answers "host unreachable" for
    10.3.0.0/16.
    """
    space = NetNs()
    try:
        ip_batch(
            f"""\
            link add near type veth peer name far netns {space.name}
            addr add 10.1.0.1/24 dev near
            addr add fd00:1::1/64 dev near nodad
            link set near up
            route add default via 10.1.0.2
            route add default via fd00:1::2
            """,
            *("-n", netns.name),
        )
        ip_batch(
            """\
            addr add 10.1.0.2/24 dev far
            addr add fd00:1::2/64 dev far nodad
            link set far up
            route add blackhole 10.2.0.0/16
            route add blackhole fd00:2::/64
            route add unreachable 10.3.0.0/16
            """,
            *("-n", space.name),
        )
        space.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        yield space
    finally:
        space.remove()


@pytest.fixture
def bpffs(tmp_path: Path) -> Iterator[Path]:
    """A bpffs of the test's own: the machine's may be missing, or in use."""
    path = tmp_path / "bpf"
    path.mkdir()
    sh(f"mount -t bpf bpf {path}")
    try:
        yield path
    finally:
        sh(f"umount {path}")


class Tool:
    """tcpconnect as a process, attached when the constructor returns."""

    def __init__(self, *options: object, **popen: Any) -> None:
        self.process = subprocess.Popen(
            **command(options),
            stdin=subprocess.DEVNULL,
            stdout=popen.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            **popen,
        )
        self._seen = {1: b"", 2: b""}
        pipes = {1: self.process.stdout, 2: self.process.stderr}
        self._pipes = {number: pipe for number, pipe in pipes.items() if pipe}
        self._wait_until(
            lambda: READY in self.stderr or self._ended(), "the ready line"
        )
        assert READY in self.stderr, self.stderr.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for number in (1, 2):
            self._take(number)
            if pipe := self._pipes.pop(number, None):
                pipe.close()

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _take(self, number: int) -> bytes:
        """Return all that came on a descriptor until now, without waiting."""
        pipe = self._pipes.get(number)
        while pipe and select.select((pipe,), (), (), 0)[0]:
            data = os.read(pipe.fileno(), 1 << 20)
            if not data:
                pipe.close()
                del self._pipes[number]
                break
            self._seen[number] += data
        return self._seen[number]

    def _wait_until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for what comes with its output, or its end."""
        wait_until(
            # All is read: a pipe with something in it would wake us again and again.
            lambda: (self.stdout, self.stderr) and condition(),
            what,
            self._pipes.values(),
        )

    @property
    def stdout(self) -> bytes:
        """What it has printed until now."""
        return self._take(1)

    @property
    def stderr(self) -> bytes:
        """What it has said until now."""
        return self._take(2)

    def lines(self, count: int) -> list[str]:
        """Return the lines printed, once there are at least ``count``."""
        self._wait_until(lambda: self.stdout.count(b"\n") >= count, f"{count} lines")
        return self.stdout.decode().splitlines()

    def stop(self, number: int = signal.SIGINT) -> int:
        """Signal it, wait until it has ended, and return its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Read until it has ended by itself; return its exit code."""
        self._wait_until(self._ended, "its end")
        self._take(1)
        self._take(2)
        return int(self.process.returncode)

    def events(self, count: int) -> list[dict[str, Any]]:
        """Return the JSON objects printed, once there are at least ``count``."""
        return [json.loads(line) for line in self.lines(count)]

    def all_events(self) -> list[dict[str, Any]]:
        """Return all JSON objects printed until now."""
        return [json.loads(line) for line in self.stdout.splitlines()]
