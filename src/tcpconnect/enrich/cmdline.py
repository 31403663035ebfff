"""Arguments of processes, as a line for a shell."""

from __future__ import annotations

from codecs import getincrementaldecoder
from shlex import quote

from tcpconnect.memo import Memo
from tcpconnect.output import MAX_CHARACTERS, harmless, is_mark, visible

_Decoder = getincrementaldecoder("utf-8")
_SURROGATES = range(0xDC80, 0xDD00)  # stray bytes, by "surrogateescape"
PADDING = 2  # trailing empty arguments from which on the text is a title


def text(raw: bytes, *, cut: bool, title: bool) -> str | None:
    """Return the arguments, which end with NUL each, in one line; None for no bytes.

    ``cut``: their end is missing. ``title``: they are one string up to a NUL.
    """
    if not raw:
        return None
    # A truncated character is dropped.
    decoded = _Decoder("surrogateescape").decode(raw, final=not cut)
    words = decoded.removesuffix("\0").split("\0")
    if title or (len(words) > PADDING and not any(words[1:])):
        del words[1:]
    # A single string is not quoted: it is most often a title that a daemon has set.
    line = _title(words[0]) if len(words) == 1 else " ".join(map(_word, words))
    return f"{line}…" if cut else line


def _title(title: str) -> str:
    raw = title.encode(errors="surrogateescape")
    return harmless(raw.decode(errors="backslashreplace"))


def _word(word: str) -> str:
    r"""Quote an argument; unprintable characters as in shells: ``$'\x1b'``."""
    if harmless(word) == word:
        return quote(word)
    return f"$'{word.translate(_QUOTED)}'"


def _character(c: str) -> str:
    code = ord(c)
    if c in "'\\":
        return f"\\{c}"
    if visible(c) and not is_mark(c):  # the first one would change the quote
        return c
    if code < 0x80 or code in _SURROGATES:
        return f"\\x{code & 0xFF:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


# How characters are written in $''.
_QUOTED: Memo[int, str] = Memo(lambda code: _character(chr(code)), MAX_CHARACTERS)
