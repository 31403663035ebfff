"""What -d costs who sends and receives packets: UDP, TCP, and DNS lookups."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.programs import programs_of, statistics
from bench.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
DNS_PORT = 53
PACKETS = 20_000
PAYLOAD = bytes(1400)
TCP_BYTES = 256 << 20
TCP_CHUNK = bytes(64 << 10)
MEGABYTE = 1 << 20

LEGEND = """\
Transfers on loopback: medians; x: median ratio to the same without the tool, round by
round; BPF: ns of its programs a packet or MiB, sent and received, without what the
kernel's clock costs itself.
"""

# A question, and an answer to it with one address: x.example.com, 192.0.2.1.
NAME = b"\1x\7example\3com\0\0\1\0\1"
QUESTION = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + NAME
RECORD = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
ANSWER = b"\x12\x34\x81\x80\0\1\0\1\0\0\0\0" + NAME + RECORD

# No connection of the transfers is shown: what differs is -d alone.
WAYS: dict[str, tuple[str, ...] | None] = {
    "without": None,
    "tool": ("-P", "1"),
    "with -d": ("-P", "1", "-d"),
}
NOT_DNS_NS = 100.0


class Transfer(NamedTuple):
    """A transfer: what is counted, and a maker that returns how many."""

    unit: str
    make: Callable[[], float]


@contextmanager
def _pair(port: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield a client, and a server at ``port`` (0: any)."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as server,
        socket.socket(type=socket.SOCK_DGRAM) as client,
    ):
        server.bind((HOST, port))
        client.bind((HOST, 0))
        yield client, server


def connected() -> float:
    """Send PACKETS datagrams from a socket that is connected."""
    with _pair(0) as (client, server):
        client.connect(server.getsockname())
        for _ in range(PACKETS):
            client.send(PAYLOAD)
            server.recv(len(PAYLOAD))
    return PACKETS


def not_connected() -> float:
    """Send PACKETS datagrams from a socket that is not."""
    with _pair(0) as (client, server):
        to = server.getsockname()
        for _ in range(PACKETS):
            client.sendto(PAYLOAD, to)
            server.recv(len(PAYLOAD))
    return PACKETS


def lookups() -> float:
    """Send questions and their answers, PACKETS in all."""
    with _pair(DNS_PORT) as (client, server):
        client.connect(server.getsockname())
        server.connect(client.getsockname())
        for _ in range(PACKETS // 2):
            client.send(QUESTION)
            server.recv(len(QUESTION))
            server.send(ANSWER)
            client.recv(len(ANSWER))
    return PACKETS


def tcp() -> float:
    """Send TCP_BYTES to a child process; return how many MiB that was."""
    with socket.create_server((HOST, 0)) as server:
        child = os.fork()
        if not child:
            _receive_all(server.getsockname())
        connection, _ = server.accept()
        with connection:
            for _ in range(TCP_BYTES // len(TCP_CHUNK)):
                connection.sendall(TCP_CHUNK)
        os.waitpid(child, 0)
    return TCP_BYTES / MEGABYTE


def _receive_all(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        buffer = bytearray(len(TCP_CHUNK))
        while connection.recv_into(buffer):
            pass
    os._exit(0)


NOT_DNS = "UDP, 1,400 bytes"
TRANSFERS = {
    NOT_DNS: Transfer("us a packet", connected),
    "UDP, not connected": Transfer("us a packet", not_connected),
    "UDP, DNS lookups": Transfer("us a packet", lookups),
    "TCP, 64 KiB writes": Transfer("us a MiB", tcp),
}


class Sample(NamedTuple):
    """One transfer in one way: microseconds, and ns of programs (or nan), a unit."""

    us: float
    program_ns: float


def _timed(make: Callable[[], float]) -> float:
    began = time.monotonic()
    units = make()
    return (time.monotonic() - began) * 1e6 / units


def _sample(options: tuple[str, ...] | None, transfer: Transfer, path: Path) -> Sample:
    if options is None:
        return Sample(_timed(transfer.make), float("nan"))
    with Tool(options, path) as tool:
        us = _timed(transfer.make)
        with statistics():
            before, empty_before = tool.programs(), programs_of(os.getpid())
            units = transfer.make()
            spent = tool.programs().since(before)
            empty = programs_of(os.getpid()).since(empty_before)
        tool.stop()
    if not spent.runs:
        return Sample(us, float("nan"))
    # What the kernel's clock says of a program that does nothing is not ours.
    clock_ns = empty.time_ns / empty.runs if empty.runs else 0.0
    return Sample(us, (spent.time_ns - clock_ns * spent.runs) / units)


def measure(rounds: int) -> dict[str, dict[str, list[Sample]]]:
    """Return the samples of each transfer in each way, in interleaved rounds."""
    samples: dict[str, dict[str, list[Sample]]] = {
        name: {way: [] for way in WAYS} for name in TRANSFERS
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "output")
        for _ in range(rounds):
            for name, transfer in TRANSFERS.items():
                for way, options in WAYS.items():
                    samples[name][way].append(_sample(options, transfer, path))
    return samples


def report(samples: dict[str, dict[str, list[Sample]]]) -> str:
    """Return the medians as a table, and whether the bar is met."""
    lines = [LEGEND, _line("transfer", "unit", *WAYS, "x tool", "x -d", "BPF")]
    for name, ways in samples.items():
        cells = [median(sample.us for sample in ways[way]) for way in WAYS]
        cells += [_ratio(ways, "tool"), _ratio(ways, "with -d")]
        program = median(sample.program_ns for sample in ways["with -d"])
        shown = [f"{cell:.2f}" for cell in cells]
        lines.append(_line(name, TRANSFERS[name].unit, *shown, f"{program:.0f}"))
    not_dns = median(s.program_ns for s in samples[NOT_DNS]["with -d"])
    verdict = "met" if not_dns < NOT_DNS_NS else "MISSED"
    lines.append(
        f"BPF ns a packet that is not DNS: {not_dns:.0f}, under 100: {verdict}"
    )
    return "\n".join(lines) + "\n"


def _line(name: str, unit: str, *cells: str) -> str:
    return f"{name:<19}{unit:<12}" + "".join(f"{cell:>9}" for cell in cells)


def _ratio(ways: dict[str, list[Sample]], way: str) -> float:
    pairs = zip(ways[way], ways["without"], strict=True)
    return median(sample.us / bare.us for sample, bare in pairs)
