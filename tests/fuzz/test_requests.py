"""Fuzz the requests to the page of metrics: each has one answer, or none yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tcpconnect.metrics.server import ENDS, MOST_BYTES, answer_to

if TYPE_CHECKING:
    from random import Random

    from tests.support.fuzzing import Fuzz

PIECES = (
    *(b"GET", b"POST", b" ", b"/metrics", b"/", b"?", b"HTTP/1.1", b"HTTP/2", b"Host:"),
    *(b"\r\n", b"\n", b"\r\n\r\n", b"\0", b"\xff", b"x" * MOST_BYTES),
)
PAGE = b"page"
ANSWER = re.compile(rb"HTTP/1\.1 (200|400|404|405|431) [^\r\n]+\r\n")


def test_requests(fuzz: Fuzz) -> None:
    """The page is only sent for a request of it."""

    def case(random: Random) -> None:
        request = b"".join(random.choices(PIECES, k=random.randrange(12)))
        if random.random() < 0.5:
            request = b"GET /metrics HTTP/1." + request
        answer = answer_to(request, lambda: PAGE, b"text/x")
        whole = any(end in request for end in ENDS)
        assert bool(answer) == (whole or len(request) > MOST_BYTES)
        found = ANSWER.match(answer)
        assert bool(found) == bool(answer)
        if found and found[1] == b"200":
            assert request.startswith(b"GET /metrics")
            assert answer.endswith(PAGE)

    fuzz(case)
