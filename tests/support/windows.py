"""Windows of counts, as the engine of alerts is fed with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.alerts.alert import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.alerts.alert import Alert
    from tcpconnect.alerts.engine import Engine

WINDOW_S = 10
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
BEGIN = 1_795_910_400  # a midnight
REFUSED = "ECONNREFUSED RST"


def row(
    program: str = "web",
    destination: str = "db.example",
    dport: int = 5432,
    *,
    attempts: int = 1,
    failed: int = 0,
) -> Row:
    """Return a row; it takes the time of its window."""
    result = REFUSED if failed else "OK"
    return Row(0, program, destination, dport, result, attempts, failed)


class Watch:
    """Feeds windows to an engine, with a clock of its own; keeps the alerts."""

    def __init__(self, engine: Engine, time: int = BEGIN) -> None:
        self.engine = engine
        self.time = time
        self.alerts: list[Alert] = []

    def window(self, *rows: Row) -> list[Alert]:
        """Feed a window; return its alerts."""
        dated = [each._replace(time=self.time) for each in rows]
        alerts = self.engine.feed(self.time, WINDOW_S, dated)
        self.time += WINDOW_S
        self.alerts += alerts
        return alerts

    def minute(self, *rows: Row) -> list[Alert]:
        """Feed a minute: the rows in its first window, and empty ones."""
        return self.window(*rows) + self.quiet(MINUTE_S - WINDOW_S)

    def quiet(self, seconds: int) -> list[Alert]:
        """Feed empty windows."""
        return [a for _ in range(seconds // WINDOW_S) for a in self.window()]

    def gap(self, seconds: int) -> None:
        """Let time pass in which nobody watches."""
        self.time += seconds


def steady(time: int) -> Iterator[Row]:
    """Yield the rows of the window at ``time`` on a machine where nothing happens.

    A web server with a database, a cache in shards and rare errors; a monitor; a job
    of each night, which reads from a bucket with another name each time.
    """
    second = time % DAY_S
    yield row("web", "db.example", attempts=20)
    yield row("web", f"shard-{time // 10 % 512:x}f.cache", 6379, attempts=5)
    yield row("web", "api.example", 443, attempts=19)
    if second % 70 == 0:
        yield row("web", "api.example", 443, attempts=1, failed=1)
    if second % MINUTE_S == 0:
        yield row("monitor", f"10.0.0.{time // 60 % 250}", 9100)
    if 3 * HOUR_S <= second < 3 * HOUR_S + 600:
        yield row("backup", f"backup-{time // DAY_S:x}0.s3.example", 443, attempts=3)
        yield row("backup", "auth.example", 443)
