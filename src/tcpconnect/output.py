"""Writing to descriptors: completely, unbuffered, with errors that name a remedy."""

from __future__ import annotations

import errno
import os
import select
import stat
from _locale import CODESET, nl_langinfo  # the module locale takes milliseconds
from typing import TYPE_CHECKING
from unicodedata import category

from tcpconnect import messages
from tcpconnect.errors import OutputError
from tcpconnect.memo import Memo

if TYPE_CHECKING:
    import re

    from tcpconnect.errors import Line

STDOUT, STDERR = 1, 2
STDOUT_NAME = "-"  # for the option -o
NO_FILE = {
    errno.ELOOP: "it is a symbolic link",
    errno.ENXIO: "nobody reads it",
    errno.EWOULDBLOCK: "another program has a lease on it",
}
_NAMES: dict[int | str, str] = {STDOUT: "stdout", STDERR: "stderr"}


def name_of(target: int | str) -> str:
    """Return what a message calls a descriptor or a file."""
    return _NAMES.get(target, repr(target))


class ReaderGoneError(Exception):
    """The reader of the output is gone."""


def is_unicode() -> bool:
    """Whether a terminal takes UTF-8, by the locale."""
    return nl_langinfo(CODESET) == "UTF-8"


def escaped(text: str) -> str:
    """Return a text for a terminal that does not take UTF-8."""
    import re  # late, as below: until programs are attached nobody needs it

    return re.sub(r"[^\0-\x7f]", _utf_16, text)


def write(fd: int, data: bytes, name: str = "") -> None:
    """Write all of ``data``; ``name`` is what an error calls the descriptor.

    Raises ReaderGoneError when the other end is closed, OutputError when the write
    fails otherwise.
    """
    if not (data.isascii() or is_unicode()) and os.isatty(fd):
        # A terminal of single bytes may take those of UTF-8 for controls: 0x9b is CSI.
        data = escaped(data.decode(errors="replace")).encode()
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            select.select((), (fd,), ())
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            if _hung_up(fd):
                raise ReaderGoneError from None
            raise OutputError(
                messages.CANT_WRITE,
                reason=os.strerror(error.errno or 0),
                output=name or _NAMES.get(fd, "it"),
            ) from error


def _utf_16(found: re.Match[str]) -> str:
    r"""Return ``\uNNNN`` for each unit of UTF-16, as JSON has them."""
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _hung_up(fd: int) -> bool:
    """Whether this is a closed terminal: writing to it fails with EIO."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(found & select.POLLHUP for _, found in poll.poll(0))


def is_writable(fd: int) -> bool:
    """Whether a write would not block."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def is_read(fd: int) -> bool:
    """Whether somebody has the other end of a pipe."""
    poll = select.poll()
    poll.register(fd, 0)
    return not poll.poll(0)


def open_file(path: str) -> int:
    """Return a descriptor of a truncated file, or of a new one with mode 0600.

    A link is never followed, be it symbolic or hard: in a directory that others can
    write to, it may lead anywhere. Nor does it wait for who reads a named pipe, or has
    a lease on a file. Raises OutputError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    flags |= os.O_APPEND  # others may truncate it: it goes on without a hole
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise unwritable(path, NO_FILE.get(error.errno or 0, reason)) from error
    os.set_blocking(fd, True)
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode):
        if status.st_nlink > 1:
            os.close(fd)
            raise unwritable(path, "it has another name, a hard link")
        os.ftruncate(fd, 0)
    return fd


def check_file(path: str) -> None:
    """Raise OutputError where a file can't be opened; leave it as it is."""
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        if os.path.lexists(path):
            os.close(os.open(path, flags))
        elif not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK | os.X_OK):
            raise unwritable(path, "nothing can be made in its directory")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise unwritable(path, NO_FILE.get(error.errno or 0, reason)) from error


def unwritable(path: str, reason: str) -> OutputError:
    """Return the error of a file that can't be opened, or made."""
    return OutputError(messages.CANT_OPEN_FILE, path=path, reason=reason)


MAX_CHARACTERS = 65536  # that are kept

# Characters that isprintable() takes for visible, but that are not (Unicode's
# Default_Ignorable_Code_Point, and blanks of Braille, hieroglyphs, Khitan and music).
_UNSEEN = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164"
    "\ufe00-\ufe0f\uffa0\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef"
)
_HIDDEN = f"[{_UNSEEN}]"  # compiled when it is used: that takes half a millisecond
# Persian and the scripts of India need joiners for correct spelling: between two
# letters, or vowel signs, of these (Arabic to Sinhala) they are not escaped.
_JOINERS = "\u200c\u200d"
_FIRST_JOINED, _LAST_JOINED = "\u0620", "\u0dff"
# What marks and joiners are among: neither ASCII, nor a letter, nor a number.
_RARE = r"[^\w\0-\x7f]"


def visible(c: str) -> bool:
    """Whether a character is visible, and harmless to any terminal."""
    import re

    return c.isprintable() and not re.match(_HIDDEN, c)


def _shown(code: int) -> str:
    c = chr(code)
    return c if visible(c) else ascii(c)[1:-1]


# What is shown of each character: hostile texts have many that are escaped.
_HARMLESS = Memo(_shown, MAX_CHARACTERS)


def harmless(text: str) -> str:
    r"""Return a text that is harmless to any terminal, and hides nothing.

    Invisible characters (control, escape, bidirectional and the like), and combining
    marks that would change what is before the text, an escape, or punctuation,
    become ``\xNN``, ``\uNNNN`` or for example ``\n``.
    """
    if not text or (text.isascii() and text.isprintable()):
        return text
    import re

    pieces: list[str] = []
    at = bare = 0  # how far it is done; where a mark has nothing to change
    for rare in re.finditer(_RARE, text):
        i, c = rare.start(), rare[0]
        if c in _JOINERS and _joins(text, i):
            shown = c
        elif is_mark(c) and (i == bare or not _carries(text, i - 1)):
            shown, bare = ascii(c)[1:-1], i + 1
        else:
            continue
        pieces += text[at:i].translate(_HARMLESS), shown
        at = i + 1
    return "".join((*pieces, text[at:].translate(_HARMLESS)))


def printable(raw: bytes) -> str:
    r"""Return a name up to its NUL; bytes that are not UTF-8 become ``\xNN``."""
    return harmless(raw.partition(b"\0")[0].decode(errors="backslashreplace"))


def is_mark(c: str) -> bool:
    """Whether a character changes the one before it."""
    return category(c).startswith("M")


def _carries(text: str, at: int) -> bool:
    """Whether a mark may follow this character: it is shown, and no punctuation."""
    c = text[at]
    if c in _JOINERS:
        return _joins(text, at)
    return category(c)[0] in "LMNS" and visible(c)


def _joins(text: str, at: int) -> bool:
    """Whether the joiner there is between two letters that need it."""
    return all(
        _FIRST_JOINED <= c <= _LAST_JOINED and category(c)[0] in "LM"
        for c in (text[at - 1 : at] or " ", text[at + 1 : at + 2] or " ")
    )


def say(line: Line) -> None:
    """Write a message to stderr."""
    write_line(f"tcpconnect: {line}")


def write_line(line: str) -> None:
    """Write a line to stderr; failures are ignored."""
    try:
        write(STDERR, f"{harmless(line)}\n".encode())
    except (ReaderGoneError, OutputError):
        return


def keep_standard_descriptors() -> None:
    """Open /dev/null (read-only, so that writing fails) where 0, 1 or 2 is closed.

    Otherwise the next opened file, perhaps a BPF map, would become stdout.
    """
    fd = _open_unwritable()
    while fd <= STDERR:
        fd = _open_unwritable()
    os.close(fd)


def _open_unwritable() -> int:
    try:
        return os.open(os.devnull, os.O_RDONLY)
    except OSError:  # no /dev, as in a bare chroot
        return os.open("/", os.O_RDONLY)
