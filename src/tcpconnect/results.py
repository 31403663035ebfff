"""All words that RESULT may have, but for numbers that have no name."""

from __future__ import annotations

import errno

from tcpconnect import lookup_words, messages
from tcpconnect.errors import UsageError, did_you_mean

OK, ABORTED, PENDING = "OK", "ABORTED", "PENDING"
# What people write for it. REFUSED is the result of a lookup.
MEANT = {
    "refused": "ECONNREFUSED, or REFUSED (by a DNS server)",
    "success": OK,
    "unreachable": "EHOSTUNREACH or ENETUNREACH",
}


def result(word: str) -> str:
    """Return a result in capitals. Raises UsageError for one that never comes."""
    known = {OK, ABORTED, PENDING, *lookup_words.EVERY, *errno.errorcode.values()}
    found = str(word).upper()
    meant = MEANT.get(str(word))
    if meant or found not in known:
        near = f"did you mean {meant}?" if meant else did_you_mean(found, known)
        expected = "" if near else messages.RESULTS_ARE
        message = messages.UNKNOWN_RESULT
        raise UsageError(message, name=word, expected=expected, near=near)
    return found
