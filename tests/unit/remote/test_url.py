"""URLs of remote places, and secrets beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.remote.url import Form, read, secret
from tcpconnect.schemes import checked

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = "; others are variables"
FORM = Form("x://HOST:1", 4318, "X_PASSWORD", {"events": ("none", "all")}, VARIABLES)


def test_read() -> None:
    """What it is, and what it asks for."""
    url = read("x://[2001:db8::1]:99/a/b/?events=all", FORM)
    assert (url.host, url.port, url.path) == ("2001:db8::1", 99, "/a/b")
    assert (url.asked, url.name) == ({"events": "all"}, "x://[2001:db8::1]:99/a/b")
    plain = read("x://db", FORM)
    assert (plain.port, plain.asked) == (4318, {"events": "none"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x://", "invalid place 'x://': it is no URL of a host; write x://HOST:1"),
        ("x:db", "invalid place 'x:db': it is no URL of a host; write x://HOST:1"),
        (
            "x://db:0",
            (
                "invalid place 'x://db:0': a port is a number from 1 to 65535; "
                "write x://HOST:1"
            ),
        ),
        (
            "x://me:secret@db",
            (
                "invalid place 'x://…@…': all users of this machine see what is "
                "before @; put it into X_PASSWORD"
            ),
        ),
        (
            "x://db?event=all",
            (
                "invalid place 'x://db?event=…': unknown option 'event'; "
                "did you mean events?"
            ),
        ),
        (
            "x://db?events=all&password=secret",
            (
                "invalid place 'x://db?password=…': unknown option 'password'; "
                "known: events; others are variables"
            ),
        ),
        (
            "x://db?events=some",
            (
                "invalid place 'x://db?events=some': invalid events 'some'; "
                "known: none, all"
            ),
        ),
    ],
)
def test_refused(text: str, said: str) -> None:
    """One line says why, and what to write; a password is never in it."""
    with pytest.raises(UsageError) as caught:
        read(text, FORM)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "place",
    [
        "postgres://me:secret@db/d",
        "https://me:secret@db",
        "prometheus://me:secret@9435",
        "x://db:0?password=secret",
        "x://db?events=some&password=secret",
        "x://db/ ?password=secret",
    ],
)
def test_hidden(place: str) -> None:
    """Whatever is wrong with a place, its password is not said again."""
    with pytest.raises(UsageError) as caught:
        read(checked(place), FORM)
    assert "secret" not in str(caught.value)


def test_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a variable, or in the file that another one names."""
    assert secret("A_SECRET", "B_SECRET") == ("", "")
    path = tmp_path / "secret"
    path.write_text("pa ss\n")
    monkeypatch.setenv("B_SECRET_FILE", str(path))
    assert secret("A_SECRET", "B_SECRET") == ("B_SECRET_FILE", "pa ss")
    monkeypatch.setenv("A_SECRET", "x")
    assert secret("A_SECRET", "B_SECRET") == ("A_SECRET", "x")


def test_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that can't be read is named, with its variable."""
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="which A_SECRET_FILE names: No such file"):
        secret("A_SECRET")
