"""C libraries that anyone made: functions are found, or it is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconnect.kernel.elf import MACHINE, ElfError, function_offsets
from tests.support.material import mutated

if TYPE_CHECKING:
    from random import Random

    from tests.support.fuzzing import Fuzz

LIBRARIES = (f"/lib/{MACHINE}-linux-gnu/libc.so.6", f"/lib/ld-musl-{MACHINE}.so.1")
NAMES = ("getaddrinfo", "gethostbyname_r", "gethostbyname2_r")
TABLES = 0x8000  # most of what is read is in front of it


def test_elf(fuzz: Fuzz, tmp_path: Path) -> None:
    """Nothing but ElfError; the fixture bounds the time."""
    images = [Path(path).read_bytes() for path in LIBRARIES if os.path.exists(path)]
    path = tmp_path / "library"

    def case(random: Random) -> None:
        image = bytearray(random.choice(images))
        size = random.choice((64, 1024, TABLES))
        for _ in range(random.randrange(1, 40)):
            image[random.randrange(size)] = random.randrange(256)
        path.write_bytes(mutated(random, [bytes(image[:TABLES]), bytes(image)]))
        fd = os.open(path, os.O_RDONLY)
        try:
            found = function_offsets(fd, NAMES)
        except ElfError:
            return
        finally:
            os.close(fd)
        assert all(0 < offset < 1 << 63 for offset in found.values())

    fuzz(case)
