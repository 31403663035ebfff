"""The Linux version, for what nothing else shows."""

from __future__ import annotations

import os


def kernel_version() -> tuple[int, int]:
    """Return major and minor number; (0, 0) when the release begins with none."""
    import re

    numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def maps_are_locked_memory() -> bool:
    """Whether maps count as locked memory.

    Until "bpf: switch to memcg-based memory accounting", v5.11.
    """
    return (0, 0) < kernel_version() < (5, 11)
