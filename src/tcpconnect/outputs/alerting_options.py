"""alerting_of(): the output that the options about alerts ask for."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from tcpconnect.alerts import baseline
from tcpconnect.alerts.engine import Engine
from tcpconnect.alerts.keeper import Keeper
from tcpconnect.alerts.learning import LEARN_S
from tcpconnect.alerts.schema import BESIDE
from tcpconnect.machine.account import acting_as
from tcpconnect.machine.hostname import host_name
from tcpconnect.notify import event, otlp
from tcpconnect.notify.channel import Courier
from tcpconnect.outputs.alerting import Alerting
from tcpconnect.outputs.queued import Queued
from tcpconnect.transport.target import EXEC, HEADERS, LOGS, check_program, headers_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.alerts.alert import Notice
    from tcpconnect.alerts.ties import Ties
    from tcpconnect.batch import Output
    from tcpconnect.machine.account import Account
    from tcpconnect.notify.alertmanager import Alertmanager
    from tcpconnect.notify.channel import Channel
    from tcpconnect.transport.target import Target


def alerting_of(
    given: Mapping[str, Any],
    path: str,
    account: Account | None,
    ties: Ties,
    *,
    kept: bool,
) -> Output:
    """Return the output that finds alerts; it is to be opened.

    What they know is beside the history at ``path``, and belongs to ``account``; they
    are in the history, too, if that is ``kept``; ``ties`` count them, and give them
    to places. Raises UsageError and TcpconnectError.
    """
    history = path if kept else None
    engine = Engine(given["alert"], given.get("learn_s", LEARN_S))
    known = baseline.read(given["baseline"]) if "baseline" in given else []
    targets = sorted(given.get("notify", ()), key=lambda target: target.text)
    keeper = Keeper(f"{path}{BESIDE}", history, account)
    host = host_name()
    couriers: list[Channel] = []
    managers: list[Alertmanager] = []
    for target in targets:
        channel = _channel(target, keeper, host, account)
        (couriers if isinstance(channel, Courier) else managers).append(channel)
    for box in ties.boxes.values():
        box.sent = partial(keeper.sent, box.name)
        couriers.append(box)
    line = partial(event.line, host=host)
    tally = ties.tally
    return Queued(
        Alerting(engine, keeper, couriers, managers, line, history, known, tally=tally)
    )


def _channel(target: Target, keeper: Keeper, host: str, account: Account | None) -> Any:
    """Return what sends alerts to a target."""
    name = target.text
    sent = partial(keeper.sent, name)
    if target.scheme == EXEC:
        from tcpconnect.notify import program

        with suppress(OSError), acting_as(account):  # the keeper says why not
            check_program(target.path)
        program.keep_descriptors()

        running: set[int] = set()

        def run(notice: Notice) -> None:
            program.run(target.path, event.line(notice, host), running=running)

        return Courier(
            name,
            run,
            sent,
            workers=program.AT_ONCE,
            tries=program.TRIES,
            stop=partial(program.kill, running),
        )
    from tcpconnect.transport.post import Poster

    text = os.environ.get(HEADERS, "")
    poster = Poster(target, headers_from(HEADERS, text))
    if target.is_otlp:

        def post(notice: Notice) -> None:
            poster.post(LOGS, otlp.logs(notice, host))

        return Courier(name, post, sent)
    from tcpconnect.notify.alertmanager import Alertmanager

    return Alertmanager(name, poster.post, host)
