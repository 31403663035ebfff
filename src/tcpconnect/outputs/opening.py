"""open_outputs(): the outputs that the command line names, opened."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.abilities import counts
from tcpconnect.errors import UsageError
from tcpconnect.output import STDERR, STDOUT, STDOUT_NAME
from tcpconnect.outputs.text import Text
from tcpconnect.schemes import PROMETHEUS, REMOTE, SQLITE, scheme_of

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable

    from tcpconnect.alerts.ties import Ties
    from tcpconnect.batch import Output
    from tcpconnect.history.terms import Terms
    from tcpconnect.machine.account import Account
    from tcpconnect.parsing import CommandLine
    from tcpconnect.recorded import About
    from tcpconnect.view import Display, View
else:
    import _signal as signal  # its enums take half a millisecond

NEVER_SLOW = {SQLITE, PROMETHEUS}  # they have threads of their own


def terms_of(places: Iterable[str | None], spool: str | None = None) -> Terms | None:
    """Return how histories are kept, and whom root becomes to write these places.

    None: they are neither histories nor remote. Raises OutputError.
    """
    if not any(scheme_of(place or "")[0] in {SQLITE, *REMOTE} for place in places):
        return None
    from tcpconnect.history.terms import Terms

    return Terms(account=account_of(places, spool))


def account_of(
    places: Iterable[str | None], spool: str | None = None
) -> Account | None:
    """Return whom root becomes to write histories, else what waits for remote places.

    None: that does not matter. Raises OutputError.
    """
    found = [scheme_of(place) for place in sorted(place or "" for place in places)]
    for scheme, path in found:
        if scheme == SQLITE:
            from tcpconnect.machine.account import account_for

            return account_for(os.path.dirname(os.path.abspath(path)))
    if any(scheme in REMOTE for scheme, _ in found):
        from tcpconnect.outputs.remote_places import account_of_spool

        return account_of_spool(spool)
    return None


def open_outputs(
    line: CommandLine,
    view: View,
    terms: Terms | None = None,
    about: About | None = None,
    ties: Ties | None = None,
) -> list[Output]:
    """Return the outputs; with a command, stdout belongs to it.

    Slow outputs must not block the trace, or other outputs. Histories are
    kept as ``terms`` say. A recording, ``about`` which this is, waits for them.
    ``ties`` are to alerts.
    """
    _refuse_same(place for place in view.displays if place and place != STDOUT_NAME)
    displays = sorted(view.displays.items(), key=str)
    plain = [_output(path, shown, line, terms, about, ties) for path, shown in displays]
    _refuse_same_spool(
        output.name
        for output, (_, shown) in zip(plain, displays, strict=True)
        if shown.format in REMOTE
    )
    outputs = plain
    if not about and any(path not in {None, STDOUT_NAME} for path in view.displays):
        from tcpconnect.outputs.queued import Queued

        outputs = [
            output if shown.format in NEVER_SLOW else Queued(output)
            for output, (_, shown) in zip(outputs, displays, strict=True)
        ]
    files: set[tuple[int, int]] = set()
    for output in outputs:
        output.open()
        status = os.fstat(output.fd)
        file = status.st_dev, status.st_ino
        if stat.S_ISREG(status.st_mode) and file in files:
            raise UsageError(messages.SAME_FILE, name=output.name)
        files.add(file)
    named = {path: o for (path, _), o in zip(displays, plain, strict=True)}
    _name_files(named, line)
    for output in plain:
        if counts(output):
            output.count_others(outputs, ties.tally if ties else None)
    return outputs


def _name_files(outputs: dict[str | None, Output], line: CommandLine) -> None:
    """Have regular files opened again when they were moved, or are full.

    With a command SIGHUP is the command's, and nohup(1) has it ignored.
    """
    hears = not line.command and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    if not (hears or line.rotate):
        return
    texts = [
        (path, output)
        for path, output in outputs.items()
        if path and path != STDOUT_NAME and isinstance(output, Text)
        if stat.S_ISREG(os.fstat(output.fd).st_mode)
    ]
    if not texts:
        return
    from tcpconnect.options.show import KEEP_FILES
    from tcpconnect.outputs.again import File, Opener

    for path, output in texts:
        output.file = File(path, line.rotate, line.keep_files or KEEP_FILES)
    if not os.geteuid():
        Opener(output.file for _, output in texts if output.file)


def _refuse_same(places: Iterable[str]) -> None:
    """Refuse places of one file, before the first of them is truncated."""
    files: set[object] = set()
    for scheme, path in map(scheme_of, sorted(places)):
        if scheme in REMOTE:  # these are no files
            continue
        file: object = os.path.realpath(path)
        if os.path.isfile(path):
            status = os.stat(path)
            file = status.st_dev, status.st_ino
        if file in files and not (os.path.exists(path) and not os.path.isfile(path)):
            raise UsageError(messages.SAME_FILE, name=repr(path))
        files.add(file)


def _refuse_same_spool(names: Iterable[str]) -> None:
    """Refuse remote places that differ in what is behind ? only."""
    known: set[str] = set()
    for name in names:
        if name in known:
            from tcpconnect import remote_messages

            raise UsageError(remote_messages.SAME_PLACE, name=name)
        known.add(name)


def _output(
    path: str | None,
    display: Display,
    line: CommandLine,
    terms: Terms | None,
    about: About | None,
    ties: Ties | None,
) -> Output:
    if display.format == SQLITE:
        from tcpconnect.outputs.sqlite import Sqlite

        return Sqlite(scheme_of(path or "")[1], line.words, terms)
    if display.format in REMOTE:
        from tcpconnect.outputs.remote_places import remote_of

        account = terms.account if terms else None
        box = ties.boxes.get(path or "") if ties else None
        return remote_of(path or "", line, account, box)
    if display.format == PROMETHEUS:
        return _metrics(path or "", line)
    target, how = _target(path, line), {"wide": line.wide, "quiet": line.quiet}
    if display.count:
        from tcpconnect.outputs.tables import Tables

        return Tables(target, display, line.color, **how)
    if not display.recorded:
        return Text(target, display, line.color, **how)
    from tcpconnect.outputs.recording import Recording, about_trace

    kind = Recording
    if display.packed:
        from tcpconnect.outputs.packed import PackedRecording

        kind = PackedRecording
    return kind(target, display, about or about_trace(line))


def _metrics(place: str, line: CommandLine) -> Output:
    from tcpconnect.endpoints import endpoint
    from tcpconnect.outputs.prometheus import Prometheus

    where = endpoint(scheme_of(place)[1])
    return Prometheus(place, where, line.max_series, quiet=line.quiet)


def _target(path: str | None, line: CommandLine) -> int | str:
    """Return the descriptor or the file of an output."""
    if path is None:
        return STDERR if line.command else STDOUT
    return STDOUT if path == STDOUT_NAME else path
