"""A server of PostgreSQL for tests, with the tables of tcpconnect."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tests.support.engines import INITDB, SERVER, run
from tests.support.ports import reserved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.remote.postgresql import PostgreSQL as Place
    from tests.support.certificates import Pair

DDL = Path(__file__).parents[2] / "packaging/postgresql.sql"
USER, PASSWORD = "us", "s3cret"


class PostgreSQL(msgspec.Struct):
    """A server that listens on loopback."""

    port: int

    @property
    def url(self) -> str:
        """What --db takes."""
        return f"postgresql://127.0.0.1:{self.port}/postgres"

    def connect(self) -> Any:
        """Return a connection."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
        )

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows, as a recorder does."""
        columns = list(rows[0])
        with self.connect() as connection, connection.cursor() as cursor:
            statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with cursor.copy(statement) as copy:
                for row in rows:
                    cells = row.values()
                    copy.write_row(
                        [json.dumps(c) if isinstance(c, dict) else c for c in cells]
                    )

    def ask(self, statement: str) -> list[list[Any]]:
        """Return the rows of an answer."""
        with self.connect() as connection:
            return [list(row) for row in connection.execute(statement)]

    def delete(self, table: str, condition: str) -> None:
        """Delete rows."""
        self.run(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608

    def run(self, statement: str) -> None:
        """Carry a statement out."""
        with self.connect() as connection:
            connection.execute(statement)


@contextmanager
def serve_postgresql(
    folder: Path, tls: Pair | None = None, client: Pair | None = None
) -> Iterator[PostgreSQL]:
    """Start a server whose data are in ``folder``; stop it at the end.

    The user that is called as the certificate of a client comes with that only.
    """
    assert SERVER
    folder.chmod(0o755)
    data, secret = folder / "postgresql", folder / "secret"
    data.mkdir(mode=0o700)
    secret.write_text(PASSWORD)
    user: list[str] = []
    if os.getuid() == 0:  # it refuses to run as root
        shutil.chown(data, "nobody", "nogroup")
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    words = f"-U {USER} -A scram-sha-256 --pwfile={secret}".split()
    run([*user, *INITDB, "-D", data, *words])
    with reserved() as port:
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -p {port}"
        if tls:
            options += f" -c ssl=on -c ssl_cert_file={tls.certificate}"
            options += f" -c ssl_key_file={tls.key}"
            if user:
                shutil.chown(tls.key, "nobody", "nogroup")
        if client:
            options += f" -c ssl_ca_file={client.certificate}"
            rules = data / "pg_hba.conf"
            first = f"hostssl all {client.certificate.stem} all cert\n"
            rules.write_text(first + rules.read_text())
        control = [*user, SERVER / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
        run([*control, "-o", options, "start"])
        try:
            server = PostgreSQL(port)
            with server.connect() as connection:
                connection.execute(DDL.read_text(encoding="utf-8"))
                for days in (0, 32):  # of three days ago, too
                    moment = int(time.time()) - days * 86_400
                    connection.execute("SELECT make_partitions(%s)", (moment,))
            yield server
        finally:
            run([*control, "-m", "immediate", "stop"])


def open_place(url: str, *, create: bool = False) -> Place:
    """Return a place of -o that is ready."""
    from tcpconnect.remote.postgresql import PostgreSQL as Place

    place = Place(url, create=create)
    place.open()
    return place
