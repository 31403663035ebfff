"""run(): from the options to the last line; the loop, the order of start and stop."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tcpconnect.lossreport import LossReport
from tcpconnect.output import STDERR, STDOUT, ReaderGoneError, say, write
from tcpconnect.sinks import open_sink
from tcpconnect.tracer import Trace, trace

if TYPE_CHECKING:
    from argparse import Namespace

    from tcpconnect.view import View


def run(options: Namespace, view: View) -> None:
    """Trace until told to stop."""
    with trace(
        pids=options.pid,
        uids=options.uid,
        ports=options.port,
        ip=options.ip,
        cgroupmap=options.cgroupmap,
        mntnsmap=options.mntnsmap,
        lport=options.lport,
        result=options.result,
        failed=options.failed,
        slower_ms=options.slower,
        count=options.count,
        dns=options.dns,
        dns_latency=options.dns_latency,
        name_sources=options.names,
        max_names=options.max_names,
        names_ttl_s=options.names_ttl,
        details=view.details,
        duration=options.duration,
        ring_bytes=options.ring_bytes,
        verbose=options.verbose,
    ) as events:
        _stop_on_signals(events)
        events.stop_with(STDOUT)
        for notice in events.notices:
            say(f"tcpconnect: {notice}")
        say("Tracing connect ... Hit Ctrl-C to end")
        losses = LossReport()
        show = _count if options.count else _stream
        try:
            show(events, view, losses, options.limit)
        except ReaderGoneError:
            return
        losses.total(events.losses)


def _stop_on_signals(events: Trace) -> None:
    """Stop at the first SIGINT or SIGTERM; a second one kills, as by default."""

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        if number == signal.SIGINT and os.isatty(STDERR):
            say("")  # the terminal has echoed ^C
        events.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _stream(events: Trace, view: View, losses: LossReport, limit: int | None) -> None:
    sink = open_sink(view.format, view.columns)
    write(STDOUT, sink.header())
    left = limit
    for batch in events.batches():
        shown = batch[:left]
        if shown:
            write(STDOUT, sink.rows(shown))
        losses.warn(events.losses)
        if left is not None:
            left -= len(shown)
            if not left:
                return


def _count(events: Trace, view: View, losses: LossReport, limit: int | None) -> None:
    for _ in events.batches():
        losses.warn(events.losses)
    sink = open_sink(view.format, view.columns)
    write(STDOUT, sink.header() + sink.rows(events.flows()[:limit]))
    if view.histogram:
        from tcpconnect.sinks.histogram import draw

        write(STDOUT, draw(events.histogram(), "usecs"))
