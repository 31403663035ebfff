"""TLS to PostgreSQL, as root: its files are read before privileges are dropped."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.asking import ask, said
from tests.support.certificates import Pair, pair
from tests.support.engines import NEEDS_POSTGRESQL
from tests.support.postgresql import PASSWORD, USER, serve_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import CompletedProcess

pytestmark = [
    *NEEDS_POSTGRESQL,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


CLIENT = "agent"
GRANT = f"""
CREATE ROLE {CLIENT} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {CLIENT};"""


class Asked(NamedTuple):
    """A server with TLS, and a home that only we may enter, with its certificate.

    ``client`` has a certificate, with which CLIENT needs no password.
    """

    url: str
    home: Path
    client: Pair

    def by(self, **given: str) -> CompletedProcess[str]:
        """Ask whether it is encrypted: what is not is refused."""
        known = {"PGUSER": USER, "PGPASSWORD": PASSWORD, "HOME": str(self.home)}
        return ask("--db", self.url, "-j", env=os.environ | known | given)

    def by_client(self, key: Path, **given: str) -> CompletedProcess[str]:
        """Ask with the certificate of the client, and a key."""
        files = {"PGSSLCERT": str(self.client.certificate), "PGSSLKEY": str(key)}
        known = {"PGUSER": CLIENT, "PGPASSWORD": "", "PGSSLMODE": "require"}
        return self.by(**(known | files | given))


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
        client = pair(home, CLIENT)
        shown = Pair(folder / f"{CLIENT}.crt", client.key)
        shown.certificate.write_bytes(client.certificate.read_bytes())
        client.certificate.chmod(0o400)
        with serve_postgresql(data, made, shown) as server:
            server.run(GRANT)
            yield Asked(server.url, home, client)


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


def test_client(asked: Asked) -> None:
    """The key of a client is enough where only root may read it."""
    asked.client.key.chmod(0o400)
    done = asked.by_client(asked.client.key)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    code, line = said(asked.by_client(Path("/none"), PGSSLCERT="", HOME="/none"))
    assert code == 1
    assert "certificate" in line


def test_client_of_home(asked: Asked) -> None:
    """As libpq does, it takes certificate and key of the home."""
    with tempfile.TemporaryDirectory() as home:  # of root's, too
        own = Path(home) / ".postgresql"
        own.mkdir(mode=0o700)
        (own / "postgresql.crt").symlink_to(asked.client.certificate)
        (own / "postgresql.key").symlink_to(asked.client.key)
        done = asked.by_client(Path(), PGSSLCERT="", PGSSLKEY="", HOME=home)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_key_of_all(asked: Asked) -> None:
    """A key that others may read is refused, as libpq does."""
    key = asked.home / "open.key"
    key.write_bytes(asked.client.key.read_bytes())
    key.chmod(0o644)
    code, line = said(asked.by_client(key))
    assert code == 2
    assert "which PGSSLKEY names: others may read it" in line
    key.chmod(0o640)
    assert asked.by_client(key).returncode == 0


def test_password_of_home(asked: Asked) -> None:
    """Without a word about passwords, it is in a file of the home."""
    (asked.home / ".pgpass").write_text(f"*:*:*:*:{PASSWORD}\n")
    (asked.home / ".pgpass").chmod(0o600)
    done = asked.by(PGPASSWORD="")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("name", ["PGSERVICE", "PGSSLCRLDIR"])
def test_unread(asked: Asked, name: str) -> None:
    """What libpq would read later is refused, not passed over."""
    code, line = said(asked.by(**{name: "here"}))
    assert code == 2
    assert line.startswith(f"{name} is set, but")


def test_wrong_mode(asked: Asked) -> None:
    """A word that libpq does not know is said at the start."""
    code, line = said(asked.by(PGSSLMODE="verify-fll"))
    assert (code, line) == (
        2,
        "invalid PGSSLMODE: 'verify-fll': did you mean verify-full or verify-ca?",
    )


def test_options(asked: Asked) -> None:
    """PGOPTIONS count, beside our own."""
    code, line = said(asked.by(PGOPTIONS="-c search_path=elsewhere"))
    assert code == 1
    assert "no tables" in line
