"""All words that RESULT may have, but for numbers that have no name."""

from __future__ import annotations

import errno

from tcpconnect import messages
from tcpconnect.enrich import words
from tcpconnect.errors import UsageError, did_you_mean

OK, ABORTED, PENDING = "OK", "ABORTED", "PENDING"


def result(word: str) -> str:
    """Return a result in capitals. Raises UsageError for one that never comes."""
    known = {OK, ABORTED, PENDING, *words.EVERY, *errno.errorcode.values()}
    found = str(word).upper()
    if found not in known:
        near = did_you_mean(found, known)
        raise UsageError(messages.UNKNOWN_RESULT, name=word, near=near)
    return found
