"""Where metrics are served, as -o names it."""

from __future__ import annotations

import pytest

from tcpconnect.endpoints import endpoint
from tcpconnect.errors import UsageError
from tcpconnect.schemes import checked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("//9435", "127.0.0.1:9435"),
        ("//:9435", "127.0.0.1:9435"),
        ("//9435/", "127.0.0.1:9435"),
        ("//0.0.0.0:1", "0.0.0.0:1"),
        ("//[::]:65535", "[::]:65535"),
        ("//[::1]:80", "[::1]:80"),
    ],
)
def test_an_endpoint(text: str, shown: str) -> None:
    """It is this machine's own address unless one is given."""
    assert str(endpoint(text)) == shown


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not ADDRESS:PORT"),
        ("//", "it is not ADDRESS:PORT"),
        ("9435", "it is not ADDRESS:PORT"),
        ("//::1:80", "it is not ADDRESS:PORT"),
        ("//127.0.0.1", "it is not ADDRESS:PORT"),
        ("//1:2:3", "it is not ADDRESS:PORT"),
        ("//9435/metrics", "it is not ADDRESS:PORT"),
        ("//0", "a port is a number from 1 to 65535"),
        ("//65536", "a port is a number from 1 to 65535"),
        ("//localhost:80", "'localhost' is no IP address"),
        ("//[127.0.0.1]:80", "'127.0.0.1' is no IP address"),
        ("//[]:80", "'' is no IP address"),
    ],
)
def test_a_wrong_one(text: str, reason: str) -> None:
    """It is refused before anything is opened."""
    with pytest.raises(UsageError) as raised:
        checked(f"prometheus:{text}")
    assert reason in raised.value.line
    assert "write prometheus://PORT" in raised.value.line


def test_a_word_that_is_meant() -> None:
    """A scheme that is not quite right gets an answer."""
    for text in ("prometheus", "promethues://80", "Prometheus://80"):
        with pytest.raises(UsageError, match="prometheus"):
            checked(text)
