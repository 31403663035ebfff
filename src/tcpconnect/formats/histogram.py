"""A histogram of powers of two, drawn as bcc draws its own."""

from __future__ import annotations

BAR = 40


def draw(counts: list[int], unit: str) -> bytes:
    """Draw ``counts[n]`` values of 2^n to 2^(n+1)-1 (0 and 1 for n = 0)."""
    used = max((n for n, count in enumerate(counts) if count), default=-1) + 1
    if not used:
        return b""
    most = max(counts)
    lines = [f"     {unit:<19s} : count     distribution"]
    for n, count in enumerate(counts[:used]):
        low, high = (1 << n) if n else 0, (2 << n) - 1
        bar = "*" * (BAR * count // most)
        lines.append(f"{low:>10d} -> {high:<10d} : {count:<8d} |{bar:<{BAR}s}|")
    return ("\n".join(lines) + "\n").encode()
