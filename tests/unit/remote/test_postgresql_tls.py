"""TLS to PostgreSQL, as root: its files are read before privileges are dropped."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.asking import ask, said
from tests.support.certificates import pair
from tests.support.engines import WITH_POSTGRESQL
from tests.support.postgresql import PASSWORD, USER, serve_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import CompletedProcess

pytestmark = [
    pytest.mark.skipif(not WITH_POSTGRESQL, reason="needs PostgreSQL"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


class Asked(NamedTuple):
    """A server with TLS, and a home that only we may enter, with its certificate."""

    url: str
    home: Path

    def by(self, **given: str) -> CompletedProcess[str]:
        """Ask whether it is encrypted: what is not is refused."""
        known = {"PGUSER": USER, "PGPASSWORD": PASSWORD, "HOME": str(self.home)}
        return ask("--db", self.url, "-j", env=os.environ | known | given)


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """Start it."""
    # Not pytest's: the server of PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        made, home, data = pair(folder), folder / "home", folder / "data"
        home.mkdir(mode=0o700)
        data.mkdir()
        (home / "ca").write_bytes(made.certificate.read_bytes())
        (home / "ca").chmod(0o400)
        with serve_postgresql(data, made) as server:
            yield Asked(server.url, home)


def test_encrypted(asked: Asked) -> None:
    """Where no client has a certificate, none is looked for in a home of root's."""
    done = asked.by(PGSSLMODE="require")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no such attempts" in done.stderr


def test_verified(asked: Asked) -> None:
    """A file of authorities that only root may read is enough."""
    done = asked.by(PGSSLMODE="verify-full", PGSSLROOTCERT=str(asked.home / "ca"))
    assert (done.returncode, done.stdout) == (0, "")


def test_authorities_of_home(asked: Asked) -> None:
    """As libpq does, it takes those of the home, if they are there."""
    code, line = said(asked.by(PGSSLMODE="verify-full"))
    assert code == 1
    assert "root.crt" in line
    own = asked.home / ".postgresql"
    own.mkdir(mode=0o700)
    os.link(asked.home / "ca", own / "root.crt")
    assert asked.by(PGSSLMODE="verify-full").returncode == 0


def test_no_file(asked: Asked) -> None:
    """A line names the variable."""
    code, line = said(asked.by(PGSSLMODE="verify-full", PGSSLROOTCERT="/none"))
    assert code == 2
    assert "PGSSLROOTCERT" in line
    assert "No such file" in line
