"""Whom servers of TLS are known by, where no file of a place's own says it."""

from __future__ import annotations

import os
import ssl

from tcpconnect import remote_messages
from tcpconnect.errors import UsageError

FILE = "SSL_CERT_FILE"  # of OpenSSL, which passes over one that can't be read


def default_context() -> ssl.SSLContext:
    """Return a context with the authorities of this machine, or of SSL_CERT_FILE.

    Raises UsageError.
    """
    made = ssl.create_default_context()
    path = os.environ.get(FILE, "")
    try:
        if path:
            made.load_verify_locations(path)
    except ssl.SSLError:
        reason = "it has no certificate in PEM"
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return made
    message = remote_messages.NO_SECRET
    raise UsageError(message, path=path, variable=FILE, reason=reason) from None
