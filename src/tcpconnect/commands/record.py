"""``tcpconnect record``: the daemon that keeps what goes on."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tcpconnect import place_messages
from tcpconnect.abilities import flushes
from tcpconnect.errors import OutputError, UsageError
from tcpconnect.history.schema import DAY
from tcpconnect.history.terms import Terms
from tcpconnect.machine.account import STATE, make_directory
from tcpconnect.options.alerts import check_alerts
from tcpconnect.options.verbs import verb_named
from tcpconnect.output import STDOUT, STDOUT_NAME, check_file, harmless, write
from tcpconnect.outputs.opening import account_of, open_outputs
from tcpconnect.outputs.service import Service
from tcpconnect.parsing import CommandLine, VerbLine, parse_verb
from tcpconnect.pipeline import trace_to
from tcpconnect.schemes import PROMETHEUS, REMOTE, SQLITE, scheme_of
from tcpconnect.view import View

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tcpconnect.alerts.ties import Ties
    from tcpconnect.batch import Output

PLACE = f"{SQLITE}:{STATE}/history.db"
MODE = 0o640  # a group may read
# What is found out, as with -rd --why.
IMPLIED: dict[str, Any] = {"result": True, "why": True, "dns": True}
TERMS = {"keep_s", "keep_days", "max_size"}


def run(words: Sequence[str]) -> int:
    """Record until a signal; return the exit code."""
    asked = parse_verb(verb_named("record"), words)
    check_alerts(asked.given)
    terms = _terms(asked)
    line = _line(asked)
    view = _view(line, cmdlines=bool(asked.given.get("cmdlines")))
    histories = sorted(p for p in line.outputs if scheme_of(p)[0] == SQLITE)
    if not histories:
        _refuse_terms(asked)
    alerts = "alert" in asked.given
    places = histories or ([PLACE] if alerts else [])
    if PLACE in places:
        _make_directory()
    terms = replace(terms, account=account_of({*places, *line.outputs}, line.spool))
    more: list[Output] = []
    ties: Ties | None = None
    if alerts:
        from tcpconnect.outputs.alerting_options import alerting_of

        _, path = scheme_of(places[0])
        given, kept = asked.given, bool(histories)
        ties = _ties(line, given["alert"])
        more.append(alerting_of(given, path, terms.account, ties, kept=kept))
    if asked.given.get("check"):
        return _check(line, view, terms, more)
    more.append(Service())
    # Alerts are closed first: places send what is found at the end.
    outputs = [*more, *open_outputs(line, view, terms, ties=ties)]
    for output in more:
        output.open()
    return trace_to(
        outputs,
        line,
        replace(view.settings, not_own=_sends(line, asked)),
        account=terms.account,
        listen=partial(_listen, outputs),
    )


def _ties(line: CommandLine, kinds: Collection[str]) -> Ties:
    """Return what alerts of these kinds give to other outputs."""
    from tcpconnect.alerts.tally import Tally
    from tcpconnect.alerts.ties import Mailbox, Ties

    remote = [place for place in line.outputs if scheme_of(place)[0] in REMOTE]
    boxes = {place: Mailbox(place.partition("?")[0]) for place in remote}
    return Ties(Tally(kinds), boxes)


def _sends(line: CommandLine, asked: VerbLine) -> bool:
    """Whether it connects itself."""
    schemes = {scheme_of(place)[0] for place in line.outputs}
    return "notify" in asked.given or bool(schemes & REMOTE)


def _terms(asked: VerbLine) -> Terms:
    """Return how histories are kept. Raises UsageError."""
    if asked.command:
        raise UsageError(place_messages.RECORDS_NO_COMMAND)
    given = {name: asked.given[name] for name in TERMS & asked.given.keys()}
    terms = Terms(mode=MODE, **given)
    if terms.keep_days * DAY < terms.keep_s:
        raise UsageError(place_messages.NOT_KEPT_AS_LONG)
    return terms


def _refuse_terms(asked: VerbLine) -> None:
    """Refuse what says how long a history is kept. Raises UsageError."""
    for name in sorted(TERMS & asked.given.keys()):
        option = f"--{name.removesuffix('_s').replace('_', '-')}"
        raise UsageError(place_messages.KEEPS_NOTHING, option=option)


def _line(asked: VerbLine) -> CommandLine:
    outputs = frozenset(asked.given.get("outputs", {PLACE}))
    return CommandLine(
        changes={**asked.changes, **IMPLIED},
        command=[],
        words=asked.words,
        outputs=outputs,
        rotate=asked.given.get("rotate"),
        keep_files=asked.given.get("keep_files"),
        quiet=bool(asked.given.get("quiet")),
        spool=asked.given.get("spool"),
        max_spool=asked.given.get("max_spool"),
        max_series=asked.given.get("max_series"),
        create=bool(asked.given.get("create")),
    )


def _view(line: CommandLine, *, cmdlines: bool) -> View:
    """Return what the outputs show: command lines only where they are asked for."""
    view = View(line)
    recordings = [p for p, display in view.displays.items() if display.recorded]
    if cmdlines and not recordings:
        raise UsageError(place_messages.CMDLINES_NOWHERE)
    for place in () if cmdlines else recordings:
        display = view.displays[place]
        columns = [c for c in display.columns if c.name != "cmdline"]
        view.displays[place] = replace(display, columns=columns)
    return view


def _make_directory() -> None:
    """Make the directory of the history. Raises OutputError."""
    try:
        make_directory(STATE)
    except OSError as error:
        message, reason = place_messages.NO_DIRECTORY, os.strerror(error.errno or 0)
        raise OutputError(message, path=STATE, reason=reason) from error


def _check(
    line: CommandLine, view: View, terms: Terms, more: Collection[Output]
) -> int:
    """Open every place, and close it; check this machine; return the exit code."""
    from tcpconnect.batch import NO_LOSSES, Totals
    from tcpconnect.info import check

    files = {path for path in line.outputs if not scheme_of(path)[0]}
    for path in files - {STDOUT_NAME}:
        check_file(path)
    for path in files:
        del view.displays[path]
    outputs = [*open_outputs(line, view, terms), *more]
    for output in more:
        output.open()
    for output in outputs:
        output.close(Totals(0, NO_LOSSES))
    report, code = check(verbose=line.verbose)
    places = [f"ok    {place}: {_checked(place)}" for place in sorted(line.outputs)]
    lines = "".join(f"{harmless(each)}\n" for each in places)
    write(STDOUT, f"{report}{lines}".encode())
    return code


def _checked(place: str) -> str:
    """Return what is known of a place that could be opened."""
    if scheme_of(place)[0] in REMOTE:
        return "its spool can be written; it was not sent anything"
    return "can be served" if scheme_of(place)[0] == PROMETHEUS else "can be written"


def _listen(outputs: Collection[Output]) -> None:
    """Have SIGUSR1 write what waits."""
    windows = [output for output in outputs if flushes(output)]

    def flush(*_: object) -> None:
        for output in windows:
            output.flush()

    signal.signal(signal.SIGUSR1, flush)
