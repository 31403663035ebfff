"""Passwords for PostgreSQL, as libpq finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.remote.passfile import password

if TYPE_CHECKING:
    from pathlib import Path


def test_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line that fits, with what is escaped; the environment wins."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert password("db", 5432, "d", "u") == ""
    (tmp_path / ".pgpass").write_text("*:*:*:*:home")
    assert password("db", 5432, "d", "u") == "home"
    path = tmp_path / "passwords"
    path.write_text("db:1:d:u:no\nd\\:b:*:*:u:p\\:a\\\\ss:word\n*:*:*:*:last")
    monkeypatch.setenv("PGPASSFILE", str(path))
    assert password("d:b", 5432, "d", "u") == "p:a\\ss"
    assert password("db", 5432, "d", "u") == "last"
    monkeypatch.setenv("PGPASSWORD", "first")
    assert password("db", 5432, "d", "u") == "first"
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="which PGPASSFILE names"):
        password("db", 5432, "d", "u")
