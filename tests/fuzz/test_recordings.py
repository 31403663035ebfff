"""Files that claim to be recordings: read, or refused with a line of plain text."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tcpconnect import zstd
from tcpconnect.connection import CONNECTION
from tcpconnect.errors import TcpconnectError
from tcpconnect.formats import FORMATS, open_format
from tcpconnect.recorded_filters import RecordedFilters
from tcpconnect.recorded_stages import intervals
from tcpconnect.settings import Settings
from tcpconnect.sources.recording import Recording
from tests.support.material import is_harmless, text
from tests.support.samples import CONNECTION_COLUMNS

if TYPE_CHECKING:
    from random import Random

    from tests.support.fuzzing import Fuzz


EVERY_FILTER = Settings(
    pids={1},
    uids={0},
    comms={"a"},
    not_comms={"b"},
    containers={"abcd"},
    not_containers={"c"},
    to={"10.0.0.0/8", "::/0"},
    not_to={"::1"},
    from_={"::/0"},
    not_ports={80},
    ip=6,
    units={"*"},
    failed=True,
    slower_ms=1,
)


def words(random: Random) -> str:
    """Return a hostile text."""
    return text(random).decode(errors="replace")


def value(random: Random, depth: int = 2) -> Any:
    """Return anything that JSON has."""
    if depth and random.random() < 0.2:
        return {words(random): value(random, depth - 1) for _ in range(3)}
    return random.choice(
        (None, True, [], -1, 0, 80, 1.5, 1 << 62, 1 << 70, words(random), "::1", "OK")
    )


def line(random: Random) -> bytes:
    """Return a line that is nearly one of a recording, or is none."""
    kind = random.choice(("event", "tcpconnect", "lost", "warning", "total", "bytes"))
    if kind == "bytes":
        return random.randbytes(random.choice((0, 1, 30)))
    if kind != "event":
        return json.dumps({kind: value(random)}).encode()
    names = random.sample(list(CONNECTION), random.randint(0, 8))
    event = {name: value(random) for name in names} | {"daddr": words(random)}
    return json.dumps(event).encode()[: random.choice((None, None, 5))]


def packed(random: Random, content: bytes) -> bytes:
    """Return the content, compressed, or what was compressed and is damaged."""
    how = random.choice(("", "whole", "cut", "damaged"))
    if not how:
        return content
    raw = bytearray(zstd.library().compress(content))
    if how == "damaged":
        raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    return bytes(raw[: random.randrange(len(raw)) if how == "cut" else None])


def test_recordings(fuzz: Fuzz) -> None:
    """What is read is harmless in every format, and no file does anything else."""
    filters = RecordedFilters(EVERY_FILTER)

    def case(random: Random) -> None:
        content = b"\n".join(line(random) for _ in range(random.choice((0, 1, 20))))
        fd = os.memfd_create("recording")
        os.write(fd, packed(random, content + random.choice((b"", b"\n"))))
        os.lseek(fd, 0, os.SEEK_SET)
        recording = Recording(fd, "'file'")
        try:
            for batch in recording.batches():
                assert all(map(is_harmless, batch.warnings))
                filters(batch.events)
                for part in intervals([batch], 5):
                    assert part.now >= 0
                for name in FORMATS:
                    rows = open_format(name, CONNECTION_COLUMNS).rows(batch.events)
                    assert all(map(is_harmless, rows.decode().splitlines()))
        except TcpconnectError as error:
            assert is_harmless(str(error))  # noqa: PT017 (not all raise)
        finally:
            recording.close()
            os.close(fd)

    fuzz(case)
