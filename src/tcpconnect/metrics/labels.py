"""What labels say: names, and addresses only where they are private."""

from __future__ import annotations

from socket import inet_aton, inet_ntoa

PUBLIC = "public"
MAX_TEXT = 255  # characters
# The first bits of addresses that only mean something where they are used.
_PRIVATE = (
    (0x00, 8),
    (0x0A, 8),
    (0x7F, 8),
    (0x6440, 10),
    (0xA9FE, 16),
    (0xAC10, 12),
    (0xC0A8, 16),
)


def address_of(name: str | None, address: str | None) -> str:
    """Return the label of a destination: its name, else its address if it is private.

    A name that is an address, as programs may give one, counts as that.
    """
    if name and not is_address(name):
        return name[:MAX_TEXT]
    text = name or address or ""
    if not text:
        return ""
    return _private_ipv6(text) if ":" in text else _private_ipv4(text)


def is_address(name: str) -> bool:
    """Whether libc takes a name for an address: also of one number, or hexadecimal."""
    if ":" in name:
        return True
    try:
        inet_aton(name)
    except (OSError, ValueError):
        return False
    return True


def _private_ipv4(text: str) -> str:
    packed = inet_aton(text)
    first = int.from_bytes(packed[:2], "big")
    for bits, length in _PRIVATE:
        start = bits << 8 if length == 8 else bits
        if (first ^ start) >> (16 - length) == 0:
            return inet_ntoa(packed)
    return PUBLIC


def _private_ipv6(text: str) -> str:
    """Return one of this machine, this link or a private network."""
    if text == "::1":
        return text
    head = text.partition(":")[0]
    if not 3 <= len(head) <= 4:  # less is 0..0ff
        return PUBLIC
    try:
        first = int(head, 16)
    except ValueError:
        return PUBLIC
    private = first >> 9 == 0xFC >> 1 or first >> 6 == 0xFE80 >> 6
    return text.partition("%")[0][:MAX_TEXT] if private else PUBLIC
