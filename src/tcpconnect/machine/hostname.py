"""What this machine is called where what it saw is written."""

from __future__ import annotations

import os

VARIABLE = "TCPCONNECT_HOST"


def host_name() -> str:
    """Return the name of this machine: a container's own is not that of its node."""
    return os.environ.get(VARIABLE) or os.uname().nodename
