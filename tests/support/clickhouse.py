"""ClickHouse's engine behind its HTTP interface: a server for tests.

The engine is that of the package chdb-core-lite, in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.remote.clickhouse import statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "tcpconnect"
USER, PASSWORD = "reader", "s3cret"
# Answers as ClickHouse does: the statement is ?query= and the body together, settings
# and param_NAME are in the URL, the credentials in headers.
SERVER = r"""
import gzip, re, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit
from chdb import session

folder, *credentials = sys.argv[1:]
engine = session.Session(folder)
# As its exceptionCodeToHTTPStatus().
STATUS = dict.fromkeys(("192", "193", "516"), 403) | {"194": 401}
STATUS |= dict.fromkeys(("46", "47", "50", "60", "81", "115", "291"), 404)
STATUS |= dict.fromkeys(("6", "26", "27", "38", "41", "53", "62", "117"), 400)
OWN = {"query", "database", "default_format", "readonly"}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        code = ""
        try:
            status, answer = 200, self.answer(body.decode())
        except Exception as error:
            answer = str(error)
            code = (re.findall(r"Code: (\d+)", answer) or ["1002"])[0]
            status = STATUS.get(code, 500)
        self.send_response(status)
        self.send_header("X-ClickHouse-Server-Display-Name", "chdb")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        data = answer.encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, body):
        headers = self.headers
        given = headers.get("X-ClickHouse-User"), headers.get("X-ClickHouse-Key")
        if credentials and list(given) != credentials:
            raise ValueError("Code: 516. DB::Exception: Authentication failed")
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        engine.query("USE " + asked.get("database", "default"))
        values = {k[6:]: v for k, v in asked.items() if k.startswith("param_")}
        for name, value in asked.items():
            if name not in OWN and not name.startswith("param_"):
                engine.query(f"SET {name} = '{value}'")
        text = f"{asked.get('query', '')}\n{body}".strip()
        kind = asked.get("default_format", "TabSeparated")
        return str(engine.query(text, kind, params=values or None))

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class ClickHouse(msgspec.Struct):
    """A server, with the tables of tcpconnect."""

    port: int

    @property
    def url(self) -> str:
        """What --db takes."""
        return f"clickhouse://127.0.0.1:{self.port}/{DATABASE}"

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows, as a recorder does."""
        body = "\n".join(map(json.dumps, rows)).encode()
        self.ask(f"INSERT INTO {table} FORMAT JSONEachRow", body)

    def delete(self, table: str, condition: str) -> None:
        """Delete rows."""
        self.run(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608

    def run(self, statement: str) -> None:
        """Carry a statement out."""
        self.ask(statement)

    def ask(self, statement: str, body: bytes = b"", database: str = DATABASE) -> Any:
        """Return the rows of an answer."""
        from http.client import HTTPConnection
        from urllib.parse import urlencode

        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        asked = {
            "query": statement,
            "database": database,
            "default_format": "JSONCompactEachRow",
            "output_format_json_quote_64bit_integers": "0",
        }
        headers = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
        connection.request("POST", f"/?{urlencode(asked)}", body, headers)
        with connection.getresponse() as answer:
            text = answer.read().decode()
            assert answer.status == 200, text
        connection.close()
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def serve_clickhouse(folder: Path) -> Iterator[ClickHouse]:
    """Start a server whose data are in ``folder``; stop it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, folder / "clickhouse", USER, PASSWORD],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        server = ClickHouse(int(process.stdout.readline()))
        server.ask(f"CREATE DATABASE {DATABASE}", database="default")
        for statement in statements():
            server.ask(statement.decode())
        yield server
    finally:
        process.kill()
        process.wait()
        process.stdout and process.stdout.close()
