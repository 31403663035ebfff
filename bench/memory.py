"""The memory of a process, from the kernel."""

from __future__ import annotations

from pathlib import Path


def memory_mb(pid: int) -> tuple[float, float]:
    """Return resident memory, now and at most until now, in MB (10^6 bytes)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    now, most = (int(lines[k].split()[0]) * 1024 / 1e6 for k in ("VmRSS", "VmHWM"))
    return now, most
