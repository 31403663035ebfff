"""Names that programs have given to the C library."""

from __future__ import annotations

from _socket import inet_aton  # socket takes 4 ms to import

from tcpconnect.output import printable


def spelled(raw: bytes) -> str:
    """Return a name as it is shown: in lower case, without the final dot."""
    name = raw.partition(b"\0")[0].lower()
    if name.endswith(b".") and not name.endswith(b"\\."):
        name = name[:-1] or name
    return printable(name)


def is_address(text: str) -> bool:
    """Whether getaddrinfo parses this as an address: inet_aton(3), or IPv6."""
    if ":" in text:
        return True
    try:
        inet_aton(text)
    except OSError:
        return False
    return True
