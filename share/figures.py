"""What the tool costs, as docs/benchmarks.md has it: nothing that was not measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parents[1] / "docs/benchmarks.md"

# Columns of the table in the document, and what they are called in the man page.
COLUMNS = {
    "mode": "options",
    "user": "user us",
    "sys": "sys us",
    "BPF": "BPF ns",
    "MB": "MB",
    "ready": "ready ms",
}


class Figures(NamedTuple):
    """The machine, the command that measured, and a row for each mode."""

    machine: str
    command: str
    rows: list[list[str]]
    packet: str  # what -d costs a packet that is not DNS


def figures(document: Path = DOCUMENT) -> Figures:
    """Read the figures. Raises ValueError when the document has changed its form."""
    text = document.read_text(encoding="utf-8")
    packet = re.search(r"^(BPF ns a packet that is not DNS: \d+)", text, re.MULTILINE)
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        machine, command, *lines = block.splitlines()
        table = [re.split(" {2,}", line.strip()) for line in lines]
        headers = [row for row in table if set(COLUMNS) <= set(row)]
        if headers and packet:
            (header,) = headers
            begin = table.index(header) + 1
            end = table.index([""], begin)
            rows = [dict(zip(header, row, strict=True)) for row in table[begin:end]]
            chosen = [[row[name] for name in COLUMNS] for row in rows]
            return Figures(machine, command, [[*COLUMNS.values()], *chosen], packet[1])
    raise ValueError(f"{document} has no table with {', '.join(COLUMNS)}")
