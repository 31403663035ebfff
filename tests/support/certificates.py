"""Certificates of tests, made by openssl: of a server, and of a client."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from tests.support.programs import needs

if TYPE_CHECKING:
    from pathlib import Path

NAME = "localhost"


class Pair(NamedTuple):
    """A certificate, which is its own authority, and its key."""

    certificate: Path
    key: Path


def pair(folder: Path, name: str = NAME) -> Pair:
    """Make a certificate of a name, and of 127.0.0.1."""
    needs("openssl")
    made = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 9"
    subprocess.run(
        [
            *("openssl", *words.split(), "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"),
            *("-keyout", made.key, "-out", made.certificate),
        ],
        check=True,
        capture_output=True,
    )
    return made


def server_context(server: Pair, client: Pair | None = None) -> ssl.SSLContext:
    """Return how a server shows its certificate, and asks for that of a client."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*server)
    if client:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(client.certificate)
    return made
