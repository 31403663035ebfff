"""POST requests: bounded in time and bytes, through proxies where these are set."""

from __future__ import annotations

import encodings.idna  # noqa: F401 (imported late by whoever resolves a name)
import http.client
import socket
import ssl
import time
from base64 import b64encode
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from tcpconnect import __version__
from tcpconnect import alert_messages as messages
from tcpconnect.errors import UsageError
from tcpconnect.output import harmless
from tcpconnect.transport.authorities import default_context
from tcpconnect.transport.deadline import cut_after
from tcpconnect.transport.target import PORTS
from tcpconnect.transport.undelivered import UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tcpconnect.transport.target import Target

STEP_S = 10.0  # for each connect, write and read
LIMIT_S = 20.0  # for all of them
LATE = "it did not answer in time"
MAX_ANSWER = 4096
MAX_REASON = 120
TRY_AGAIN = {408, 425, 429}  # of 400 to 499


class Poster:
    """Posts to a server, JSON unless the headers say otherwise.

    It reads the environment and certificates once. ``other`` returns a reason where the
    names of an answer's headers are of another kind of server.
    """

    def __init__(
        self,
        target: Target,
        headers: Mapping[str, str],
        limit_s: float = LIMIT_S,
        tls: ssl.SSLContext | None = None,
        other: Callable[[Iterable[str]], str] = lambda _: "",
    ) -> None:
        """Raises UsageError for a proxy that is none, or a file of no authorities."""
        self._target = target
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": f"tcpconnect/{__version__}",
            **headers,
        }
        self._limit_s, self._other = limit_s, other
        encrypts = target.scheme == "https"
        self._tls = (tls or default_context()) if encrypts else None
        place = f"{target.host}:{target.port}"
        proxy = "" if proxy_bypass(place) else getproxies().get(target.scheme, "")
        self._proxy = _proxy(proxy, target.scheme) if proxy else None

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Send a body; return the beginning of the answer. Raises UndeliveredError."""
        more = {**self._headers, **(headers or {})}
        try:
            status, answer, after = self._posted(self._target.path + path, body, more)
        except TimeoutError:
            raise UndeliveredError(LATE) from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "failed"
            raise UndeliveredError(f"TLS: {harmless(str(reason))}") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UndeliveredError(harmless(reason)) from error
        except UnicodeError as error:
            raise UndeliveredError("its name is no name of a host") from error
        except (http.client.HTTPException, ValueError) as error:
            raise UndeliveredError("its answer is no HTTP") from error
        if not 200 <= status < 300:
            text = harmless(answer.decode(errors="replace").strip())[:MAX_REASON]
            again = not 400 <= status < 500 or status in TRY_AGAIN
            why = f"HTTP status {status}{f', {text}' if text else ''}"
            raise UndeliveredError(
                why, again=again, after=_seconds(after), status=status
            )
        return answer

    def _posted(
        self, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, str]:
        first = self._proxy or (self._target.host, self._target.port, {})
        plain = socket.create_connection(first[:2], STEP_S)
        with closing(plain), cut_after(self._limit_s, plain.fileno()):
            return self._exchange(plain, path, body, headers)

    def _exchange(
        self, plain: socket.socket, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection(self._target.host, self._target.port)
        if self._proxy and self._tls:
            self._tunnel(plain, *self._proxy)
        elif self._proxy:
            path = f"http://{self._authority}{path}"
            headers |= self._proxy[2]
        if self._tls:
            host = self._target.host
            connection.sock = self._tls.wrap_socket(plain, server_hostname=host)
        else:
            connection.sock = plain
        with closing(connection):
            connection.request("POST", path, body, {"Host": self._authority, **headers})
            with connection.getresponse() as answer:
                if reason := self._other(answer.headers):
                    raise UndeliveredError(f"{reason}, HTTP status {answer.status}")
                after = answer.headers.get("Retry-After", "")
                return answer.status, answer.read(MAX_ANSWER), after

    def _tunnel(
        self, plain: socket.socket, host: str, port: int, headers: dict[str, str]
    ) -> None:
        """Ask a proxy for a connection to the server. Raises OSError."""
        connection = http.client.HTTPConnection(host, port)
        connection.sock = plain.dup()
        with closing(connection):
            connection.request("CONNECT", self._authority, headers=headers)
            with connection.getresponse() as answer:
                if answer.status != 200:
                    raise OSError(0, f"the proxy refuses, HTTP status {answer.status}")

    @property
    def _authority(self) -> str:
        host = self._target.host
        return f"{f'[{host}]' if ':' in host else host}:{self._target.port}"


def _seconds(after: str) -> float:
    """Return what Retry-After asks for, as seconds from now; 0 for nothing."""
    if after.isascii() and after.isdigit():
        return float(after[:9])
    with suppress(ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    return 0.0


def _proxy(url: str, scheme: str) -> tuple[str, int, dict[str, str]]:
    """Return host, port and headers of a proxy. Raises UsageError."""
    reason = ""  # without the URL: it may have a password
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or PORTS["http"]
    except ValueError:
        reason = "it is no URL"
    else:
        if parts.scheme != "http":
            reason = "proxies are asked by plain HTTP only"
        elif not host:
            reason = "it names no host"
    if reason:
        name = {"scheme": scheme, "scheme_upper": scheme.upper()}
        raise UsageError(messages.INVALID_PROXY, reason=reason, **name)
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        secret = b64encode(user.encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {secret}"
    return host, port, headers
