"""Remote places of -o as outputs: what each scheme is, and where its spool is."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from zlib import crc32

from tcpconnect.machine.account import (
    STATE,
    account_for,
    make_directory,
    state_directory,
)
from tcpconnect.outputs.remote import Remote
from tcpconnect.remote.spool import MAX_SIZE, Spool
from tcpconnect.schemes import CLICKHOUSE, CLICKHOUSES, POSTGRESQL, scheme_of

if TYPE_CHECKING:
    from tcpconnect.alerts.ties import Mailbox
    from tcpconnect.machine.account import Account
    from tcpconnect.parsing import CommandLine
    from tcpconnect.remote.place import RemotePlace

MAX_NAME = 100  # characters, of a directory


def remote_of(
    text: str, line: CommandLine, account: Account | None, box: Mailbox | None
) -> Remote:
    """Return the output of a place; it is to be opened. Raises UsageError.

    ``box`` has the alerts that it is to send, too.
    """
    place = place_of(text, create=line.create, quiet=line.quiet)
    spool = spool_of(place, line.spool, line.max_spool or MAX_SIZE)
    return Remote(place, spool, account, line.words, box, line.max_series)


def spool_of(place: RemotePlace, directory: str | None, max_size: int) -> Spool:
    """Return the spool of a place, which is to be opened."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", place.name)[:MAX_NAME]
    path = f"{_directory(directory)}/{name}-{crc32(place.name.encode()):08x}"
    return Spool(path, max_size)


def account_of_spool(spool: str | None) -> Account | None:
    """Return whom root becomes to write a spool. Raises OSError."""
    if spool is None and not os.geteuid():
        make_directory(STATE)
    path = _directory(spool)
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return account_for(path)


def _directory(spool: str | None) -> str:
    return os.path.abspath(spool or os.path.join(state_directory(), "spool"))


def place_of(text: str, *, create: bool, quiet: bool = False) -> RemotePlace:
    """Return what a URL names. Raises UsageError."""
    scheme, _ = scheme_of(text)
    if scheme in {CLICKHOUSE, CLICKHOUSES}:
        from tcpconnect.remote.clickhouse import ClickHouse

        return ClickHouse(text, create=create)
    if scheme == POSTGRESQL:
        from tcpconnect.remote.postgresql import PostgreSQL

        return PostgreSQL(text, create=create)
    from tcpconnect.remote.otlp import Otlp

    return Otlp(text, quiet=quiet)
