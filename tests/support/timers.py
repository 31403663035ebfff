"""Attempts that a timer of the kernel ends, watched until the end of one is seen.

Where BPF programs do not run while the current task is the init process of the machine,
a timer that expires on top of it ends an attempt unseen, and so does each other that
expires at the same moment. A later attempt is another chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.sockets import Watch
from tests.support.tool import told

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 5
UNSEEN = "attempts without a result"


def watch_timer(attempt: Callable[[], dict[str, Any]]) -> Watch:
    """Call ``attempt`` until its end is seen; return the tool, which has stopped.

    It makes one attempt, waits for its end, and returns the event that is expected.
    Where its end was not seen, that has to be said, and what is known at the end only
    is not in the event.
    """
    for _ in range(TRIES):
        with Watch() as watch:
            expected = attempt()
            assert watch.stop() == 0
            if not (missed := told(watch, UNSEEN)):
                assert watch.outcomes() == [expected]
                return watch
            unseen = expected | dict.fromkeys(("lport", "result", "latency_ms"))
            (shown,) = watch.all_events()
            assert missed == 1, watch.stderr
            assert {name: shown[name] for name in unseen} == unseen, shown
    raise AssertionError(f"the ends of {TRIES} attempts were not seen")
