"""The fixture that repeats a case until its share of the time is over."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.support.fuzzing import CASE_S, SECONDS, Fuzz

if TYPE_CHECKING:
    from collections.abc import Iterator


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError(f"the case takes more than {CASE_S} s of CPU")


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Iterator[Fuzz]:
    """Repeats a case; the time is shared by all tests that do."""
    items = request.session.items
    users = sum("fuzz" in getattr(item, "fixturenames", ()) for item in items)
    before = signal.signal(signal.SIGPROF, _give_up)
    yield Fuzz(request.node.name, SECONDS / users)
    signal.signal(signal.SIGPROF, before)
