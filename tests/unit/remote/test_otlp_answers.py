"""What collectors answer."""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate

import pytest

from tcpconnect.remote.spool import WINDOWS, Block
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.collected import place
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("no_proxies")

EMPTY = gzip.compress(b"{}")
MINUTE = 1_764_417_600


@pytest.mark.parametrize(
    ("partial", "refused"),
    [
        ('{"rejectedLogRecords": "1"}', 4),
        ('{"rejectedLogRecords": 3, "errorMessage": "no"}', 10),
        ('{"rejectedLogRecords": 0}', 0),
        ('{"rejectedLogRecords": null}', 0),
        ("null", 0),
    ],
)
def test_partial_success(partial: str, refused: int) -> None:
    """Rejected records are as many attempts as records have on average."""
    answer = f'{{"partialSuccess": {partial}}}'
    with Server(text=answer) as server:
        block = Block(0, "0", WINDOWS, 3, 10, MINUTE)
        assert place(server.port).deliver(block, EMPTY) == refused


@pytest.mark.parametrize("is_date", [False, True])
def test_retry_after(*, is_date: bool) -> None:
    """It is as the server says: in seconds, or as a date."""
    text = formatdate(time.time() + 70, usegmt=True) if is_date else "70"
    with Server(status=429) as server:
        server.headers["Retry-After"] = text
        with pytest.raises(UndeliveredError) as caught:
            place(server.port).deliver(Block(0, "0", WINDOWS, 1, 1, MINUTE), EMPTY)
    assert caught.value.again
    assert 60 < caught.value.after <= 70


def test_no_collector() -> None:
    """A server that answers something else is no collector."""
    with (
        Server(text="<html>") as server,
        pytest.raises(UndeliveredError, match="no OTLP"),
    ):
        place(server.port).deliver(Block(0, "0", WINDOWS, 1, 1, MINUTE), EMPTY)
