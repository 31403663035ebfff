"""The messages about units and pods that filters name, and that do not run."""

from __future__ import annotations

from tcpconnect.errors import Message

NO_UNIT_RUNS = Message(
    "no unit {name!r} runs now", "it is traced when it starts", "{near}"
)
NO_POD_RUNS = Message(
    "no pod {name!r} runs now", "it is traced when it starts", "{near}"
)
