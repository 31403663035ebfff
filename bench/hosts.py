"""Attempts of a fleet's hosts, as they are in earnest: few names are frequent.

What compresses is what is the same again: so programs, names, addresses and results
are chosen by Zipf's law, latencies are lognormal around one of their destination, and
times, source ports, thread IDs and the PIDs of programs that fork are of no order.
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.connection import Connection
from tcpconnect.image import Image, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NANO = 10**9
RATE = 10.0  # attempts a second, of a host
NAMES, PROGRAMS, IMAGES = 3_000, 20, 200  # of the fleet; of a host; of the fleet
REACHED = 25  # destinations of a program
PORTS = (443, 443, 443, 5432, 6379, 80, 8080, 3306, 9092, 53)
FAILURES = (
    ("ECONNREFUSED", "RST", 1),
    ("ETIMEDOUT", "no answer", 7),
    ("EHOSTUNREACH", "ICMP host unreachable", 1),
    ("ECANCELED", None, 2),
)
FAILED = 0.03


class Destination(NamedTuple):
    """A name with its addresses, and how long a connect to it takes."""

    name: str
    addresses: list[str]
    port: int
    usual_ms: float


class Program(NamedTuple):
    """What connects on a host: where, and how often."""

    image: Image
    comm: str
    uid: int
    pid: int
    threads: int
    forks: bool
    resolves: bool
    reaches: list[Destination]


def zipf(number: int, power: float = 1.1) -> list[float]:
    """Return cumulated weights: the first is chosen most often."""
    return list(accumulate(1 / (n + 1) ** power for n in range(number)))


class Fleet:
    """Hosts that run some of the same images, and reach some of the same names."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 (the same in each run)
        self._names = [self._destination(n) for n in range(NAMES)]
        self._often = zipf(NAMES)
        self._images = zipf(IMAGES, 0.8)

    def host(self, number: int) -> Host:
        """Return a host."""
        chance = random.Random(f"host{number}")  # noqa: S311
        chosen = chance.choices(range(IMAGES), cum_weights=self._images, k=PROGRAMS)
        programs = [self._program(chance, n, at) for at, n in enumerate(chosen)]
        return Host(f"node-{number:05}.dc{number % 3}.example", chance, programs)

    def _destination(self, number: int) -> Destination:
        chance = self._random
        private = chance.random() < 0.6
        addresses = [
            f"10.{chance.randrange(8)}.{chance.randrange(256)}.{chance.randrange(256)}"
            if private
            else ".".join(str(chance.randrange(1, 224)) for _ in range(4))
            for _ in range(chance.choice((1, 1, 2, 4)))
        ]
        name = f"svc{number}.prod.svc.cluster.local" if private else ""
        name = name or f"api{number}.eu-west-1.provider{number % 40}.example"
        usual_ms = chance.lognormvariate(-1 if private else 2.5, 0.8)
        return Destination(name, addresses, chance.choice(PORTS), usual_ms)

    def _program(self, chance: random.Random, kind: int, at: int) -> Program:
        pid, uid = 900 + chance.randrange(30_000), 1000 + kind % 7
        if kind % 2:  # in a pod
            there = f"team{kind % 9}/app{kind}-{chance.getrandbits(32):08x}-{at}"
            identity = f"{chance.getrandbits(256):064x}"
            pod = f"{chance.getrandbits(128):032x}"
            place = Place(None, f"app{kind}", identity, "containerd", None, there, pod)
        else:
            place = Place(unit=f"app{kind}.service")
        own = random.Random(kind)  # noqa: S311 (the same on each host)
        return Program(
            Image(f"/usr/bin/app{kind}", None, place),
            f"app{kind}",
            uid,
            pid,
            threads=own.choice((1, 1, 8, 32)),
            forks=own.random() < 0.25,
            resolves=own.random() < 0.4,
            reaches=own.choices(self._names, cum_weights=self._often, k=REACHED),
        )


class Host:
    """Makes the attempts of a host; ``name`` is its own."""

    def __init__(
        self, name: str, chance: random.Random, programs: Sequence[Program]
    ) -> None:
        self.name = name
        self._random, self._programs = chance, programs
        self._busy, self._often = zipf(len(programs)), zipf(REACHED, 1.3)
        number = chance.randrange(1 << 16)
        self._address = f"10.9.{number >> 8}.{number & 255}"

    def attempts(self, begin: float, seconds: float) -> Iterator[Connection]:
        """Yield those of some seconds from a time since the epoch."""
        chance, now = self._random, begin + self._random.expovariate(RATE)
        while now < begin + seconds:
            (program,) = chance.choices(self._programs, cum_weights=self._busy)
            yield self._attempt(program, int(now * NANO) + chance.randrange(1000))
            now += chance.expovariate(RATE)

    def _attempt(self, program: Program, time: int) -> Connection:
        chance = self._random
        (to,) = chance.choices(program.reaches, cum_weights=self._often)
        result, why, syns = "OK", None, 1
        if chance.random() < FAILED:
            result, why, syns = chance.choice(FAILURES)
        pid = chance.randrange(1000, 1 << 22) if program.forks else program.pid
        tid = pid if program.threads == 1 else pid + chance.randrange(program.threads)
        asks = program.resolves and chance.random() < 0.7
        took_us = int(to.usual_ms * chance.lognormvariate(0, 0.4) * 1000)
        address = chance.choice(to.addresses)
        return Connection(
            elapsed_s=0.0,
            time=time,
            uid=program.uid,
            pid=pid,
            tid=tid,
            comm=program.comm,
            ip=4,
            saddr=self._address,
            lport=chance.randrange(32_768, 61_000),
            daddr=address,
            dport=to.port,
            netns=4_026_531_840 + program.pid * bool(program.image.place.pod),
            cgroup_id=program.pid,
            monotonic_ns=0,
            latency_ms=took_us / 1000,
            result=result,
            why=why,
            syns=syns,
            query=to.name,
            image=program.image,
            dns_ms=int(chance.lognormvariate(0, 1) * 1000) / 1000 if asks else None,
            asked=address,
            asked_port=to.port,
        )
