"""ClickHouse: a history of a fleet, asked over HTTP."""

from __future__ import annotations

import encodings.idna  # noqa: F401 (imported late by whoever resolves a name)
import http.client
import json
import select
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from tcpconnect import __version__
from tcpconnect.databases import database
from tcpconnect.databases.database import late, unreadable
from tcpconnect.history.queries import rewritten
from tcpconnect.output import harmless
from tcpconnect.remote import clickhouse_answers
from tcpconnect.remote.url import clickhouse_headers
from tcpconnect.transport.authorities import default_context
from tcpconnect.transport.deadline import cut_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from socket import socket

    from tcpconnect.remote.url import Url

STEP_S = 30.0  # for each connect, and for each piece of an answer
ANSWER_S = 300.0  # for an answer, once it has begun
POLL_S = 0.1
MAX_ANSWER = 256 << 20  # bytes
LATE = "it did not answer in time"
MAX_ERROR, MAX_REASON = 4096, 300
SETTINGS = {
    "readonly": "2",
    "default_format": "JSONCompactEachRow",
    "output_format_json_quote_64bit_integers": "0",
    # It ends with us: at the limit, and at Ctrl-C.
    "cancel_http_readonly_queries_on_client_close": "1",
}
# As the format TabSeparated has texts.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\0": "\\0"})


class ClickHouse:
    """The views of remote/clickhouse.sql; ``waiting`` is called while it works.

    The credentials are in the environment. Raises UsageError.
    """

    def __init__(self, url: Url, waiting: Callable[[], None]) -> None:
        self.name = url.name
        self._url, self._waiting = url, waiting
        agent = {"User-Agent": f"tcpconnect/{__version__}"}
        self._headers = {**agent, **clickhouse_headers()}
        self._tls = default_context() if url.is_tls else None

    def rows(self, statement: str, values: Mapping[str, int | str]) -> list[Any]:
        """Return the rows of an answer. Raises TcpconnectError."""
        try:
            status, answer = self._asked(*_request(self._url, statement, values))
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "failed"
            raise unreadable(self.name, f"TLS: {harmless(str(reason))}") from error
        except (OSError, http.client.HTTPException) as error:
            other = LATE if isinstance(error, TimeoutError) else type(error).__name__
            reason = getattr(error, "strerror", None) or other
            raise unreadable(self.name, harmless(str(reason))) from error
        if status != http.client.OK:
            text = harmless(answer[:MAX_REASON].decode(errors="replace").strip())
            reason = clickhouse_answers.reason_of(text) or f"HTTP status {status}"
            raise unreadable(self.name, reason)
        try:
            return [json.loads(line) for line in answer.splitlines()]
        except ValueError:
            reason = harmless(answer[-MAX_REASON:].decode(errors="replace").strip())
            raise unreadable(self.name, reason) from None

    def close(self) -> None:
        """Let it go: each question has a connection of its own."""

    def _asked(self, path: str, body: bytes) -> tuple[int, bytes]:
        host, port = self._url.host, self._url.port
        connection: http.client.HTTPConnection
        if self._tls:
            connection = http.client.HTTPSConnection(
                host, port, timeout=STEP_S, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=STEP_S)
        try:
            connection.request("POST", path, body, self._headers)
            self._wait(connection.sock)
            with (
                cut_after(ANSWER_S, connection.sock.fileno()),
                connection.getresponse() as answer,
            ):
                if not clickhouse_answers.is_ours(answer.headers):
                    reason = f"{clickhouse_answers.OTHER}, HTTP status {answer.status}"
                    raise unreadable(self.name, reason)
                is_right = answer.status == http.client.OK
                found = answer.read(MAX_ANSWER + 1 if is_right else MAX_ERROR)
        finally:
            connection.close()
        if len(found) > MAX_ANSWER:
            raise unreadable(self.name, f"the answer exceeds {MAX_ANSWER >> 20} MiB")
        return answer.status, found

    def _wait(self, connection: socket) -> None:
        """Wait for an answer to begin. Raises TcpconnectError."""
        end = time.monotonic() + database.LIMIT_S
        while not select.select([connection], (), (), POLL_S)[0]:
            if time.monotonic() > end:
                raise late(self.name)
            self._waiting()


def _request(
    url: Url, statement: str, values: Mapping[str, int | str]
) -> tuple[str, bytes]:
    """Return the path and the body of a question."""
    asked = dict(SETTINGS)
    if database := url.path.strip("/"):
        asked["database"] = database
    used: dict[str, str] = {}

    def place(name: str) -> str:
        value = values[name]
        used[f"param_{name}"] = str(value).translate(ESCAPES)
        return f"{{{name}:{'Int64' if isinstance(value, int) else 'String'}}}"

    body = rewritten(statement, place).encode(errors="backslashreplace")
    return f"/?{urlencode(asked | used, quote_via=quote, errors='replace')}", body
