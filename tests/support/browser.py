"""A browser without a screen that opens a page, and says what it saw.

It is spoken to by pipes, in the DevTools protocol: a JSON object, and a NUL.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

BROWSER = "chromium-headless-shell"
OPTIONS = (
    "--remote-debugging-pipe",
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
)
PATIENCE_S = 60
READ, WRITTEN = 3, 4  # the descriptors that it knows


class Browser:
    """A browser with one page; ``said`` is what stands in its console."""

    def __init__(self, folder: Path) -> None:
        self._requests: dict[str, str] = {}
        self.said: list[str] = []
        self._events: list[str] = []
        self._answers: dict[int, Any] = {}
        self._number, self._rest, self._session = 0, b"", ""
        theirs, self._to = os.pipe()
        self._from, written = os.pipe()
        self._process = _start(folder, theirs, written)
        os.close(theirs)
        os.close(written)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._to)
        self._process.terminate()
        self._process.wait()
        os.close(self._from)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Have something done; return the answer."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while number not in self._answers:
            self._read()
        answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def open(self, page: Path, width: int, *, scheme: str = "light") -> None:
        """Open a page in a window of this width; return when it is there."""
        self._events.clear()
        self._requests.clear()
        self.said.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=844,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.call("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._read()

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    @property
    def requests(self) -> list[str]:
        """What the page asked for, but for what its policy of content forbade."""
        return list(self._requests.values())

    def picture(self) -> bytes:
        """Return all of the page as a PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def printed(self) -> bytes:
        """Return the page on paper, as a PDF."""
        return base64.b64decode(self.call("Page.printToPDF")["data"])

    def _read(self) -> None:
        """Read what comes next."""
        assert select.select((self._from,), (), (), PATIENCE_S)[0], "it says nothing"
        data = os.read(self._from, 1 << 20)
        assert data, "the browser has ended"
        *whole, self._rest = (self._rest + data).split(b"\0")
        for text in whole:
            self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
            return
        method, given = message["method"], message.get("params", {})
        self._events.append(method)
        if method == "Network.requestWillBeSent":
            self._requests[given["requestId"]] = given["request"]["url"]
        elif method == "Network.loadingFailed" and given.get("blockedReason") == "csp":
            self._requests.pop(given["requestId"])
        elif method == "Log.entryAdded":
            self.said.append(given["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.said.append(str(given["args"]))


def _start(folder: Path, theirs: int, written: int) -> subprocess.Popen[bytes]:
    """Start it; its descriptors 3 and 4 are the pipes."""
    shell = f'exec "$@" {READ}<&{theirs} {WRITTEN}>&{written}'
    command = [BROWSER, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    return subprocess.Popen(
        ["bash", "-c", shell, "browser", *command],
        pass_fds=(theirs, written),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
