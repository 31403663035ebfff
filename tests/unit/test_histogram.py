"""The histogram, as bcc's tools draw it."""

from __future__ import annotations

from tcpconnect.formats.histogram import draw

BCC_RUNQLAT = """\
     usecs               : count     distribution
         0 -> 1          : 233      |***********                             |
         2 -> 3          : 742      |************************************    |
         4 -> 7          : 203      |**********                              |
         8 -> 15         : 173      |********                                |
        16 -> 31         : 24       |*                                       |
        32 -> 63         : 0        |                                        |
        64 -> 127        : 30       |*                                       |
       128 -> 255        : 6        |                                        |
       256 -> 511        : 3        |                                        |
       512 -> 1023       : 5        |                                        |
      1024 -> 2047       : 27       |*                                       |
      2048 -> 4095       : 30       |*                                       |
      4096 -> 8191       : 20       |                                        |
      8192 -> 16383      : 29       |*                                       |
     16384 -> 32767      : 809      |****************************************|
     32768 -> 65535      : 64       |***                                     |
"""


def test_histogram_is_drawn_as_bcc_draws() -> None:
    """The first sample of bcc's runqlat page, character for character."""
    counts = [233, 742, 203, 173, 24, 0, 30, 6, 3, 5, 27, 30, 20, 29, 809, 64]
    assert draw(counts + [0] * 48, "usecs").decode() == BCC_RUNQLAT


def test_histogram_of_nothing_is_empty() -> None:
    """Without a value nothing is drawn."""
    assert draw([0] * 64, "usecs") == b""


def test_histogram_begins_with_the_first_slot() -> None:
    """Empty slots below the largest value are drawn, those above it are not."""
    expected = """\
     usecs               : count     distribution
         0 -> 1          : 0        |                                        |
         2 -> 3          : 1        |****************************************|
"""
    assert draw([0, 1, *[0] * 62], "usecs").decode() == expected


def test_histogram_of_every_slot() -> None:
    """The last slot of 64 is drawn, too, with its numbers whole."""
    last = draw([0] * 63 + [5], "usecs").decode().splitlines()[-1]
    assert last.split(":")[0].split() == [str(2**63), "->", str(2**64 - 1)]
