"""A server of PostgreSQL for the files that take turns at it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.support.postgresql import PASSWORD, USER, open_place, serve_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.remote.postgresql import PostgreSQL
    from tests.support.postgresql import PostgreSQL as Server


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """Return PostgreSQL with the tables of tcpconnect."""
    with TemporaryDirectory() as folder, serve_postgresql(Path(folder)) as found:
        yield found


@pytest.fixture
def place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PostgreSQL:
    """Return it as a place of -o, with a file of passwords."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    path = tmp_path / "passwords"
    path.write_text(f"# mine\nother:*:*:*:x\n*:{server.port}:postgres:us:{PASSWORD}\n")
    monkeypatch.setenv("PGPASSFILE", str(path))
    monkeypatch.setenv("PGUSER", USER)
    return open_place(server.url)
