"""TLS: certificates that variables of the environment name."""

from __future__ import annotations

import os
import ssl

from tcpconnect import otlp_messages, remote_messages
from tcpconnect.errors import UsageError
from tcpconnect.transport.authorities import default_context

Named = tuple[str, str]  # a variable, and the path that it has, or ""


def context(authorities: Named, certificate: Named, key: Named) -> ssl.SSLContext:
    """Return how servers are verified, and how we say who we are. Raises UsageError.

    Without a file of authorities they are those of this machine.
    """
    if key[1] and not certificate[1]:
        message = otlp_messages.KEY_ALONE
        raise UsageError(message, name=key[0], other=certificate[0])
    for each in (authorities, certificate, key):
        _check(each)
    try:
        path = authorities[1]
        made = ssl.create_default_context(cafile=path) if path else default_context()
    except ssl.SSLError:
        raise _unreadable(authorities, "it has no certificate in PEM") from None
    if not certificate[1]:
        return made
    try:
        made.load_cert_chain(certificate[1], key[1] or None, _no_passphrase)
    except ssl.SSLError as error:
        reason = "it has no certificate and key in PEM"
        if error.reason == "KEY_VALUES_MISMATCH":
            reason = "it is not the key of the certificate"
        named = key if key[1] else certificate
        raise _unreadable(named, reason) from None
    except ValueError:
        reason = "the key has a passphrase, which nobody can be asked for"
        raise _unreadable(key if key[1] else certificate, reason) from None
    return made


def _check(named: Named) -> None:
    """Read a file that is named."""
    try:
        if named[1]:
            with open(named[1], "rb") as file:
                file.read(1)
    except OSError as error:
        raise _unreadable(named, os.strerror(error.errno or 0)) from None


def _no_passphrase() -> str:
    """Have it fail: else OpenSSL asks the terminal."""
    raise ValueError


def _unreadable(named: Named, reason: str) -> UsageError:
    variable, path = named
    message = remote_messages.NO_SECRET
    return UsageError(message, path=path, variable=variable, reason=reason)
