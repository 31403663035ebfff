"""Answers: rows of what was recorded, and the field tables that all outputs read."""

import time
from typing import Annotated, Any

import msgspec

from tcpconnect import fit, tones
from tcpconnect.fields import Field, columns_of
from tcpconnect.fit import Fit
from tcpconnect.output import harmless
from tcpconnect.times import NANO, WHEN, rfc3339

# In the order in which they give way: a name is cut first of all, but never left out.
NAME, PLACE = Fit(1, 12, most=40, tail=True, kept=True), Fit(1, 16, most=64, kept=True)
HOST = Fit(1, 8, most=32, kept=True)
LATE, LONGEST, LATENCY = Fit(2, whole=True), Fit(3, whole=True), Fit(5, 8, whole=True)
WHY, RESULT, COUNT = Fit(6, 8, most=32), Fit(0, 8, whole=True), Fit(0, 5, whole=True)


def local(nanoseconds: int) -> str:
    """Return a time of this machine's zone, as ``Nov 27 22:00``."""
    return time.strftime("%b %d %H:%M", time.localtime(nanoseconds // NANO))


def _when(label: str, meaning: str, cell: str) -> Field:
    return Field(
        *(label, 12, meaning),
        shown=None,
        shown_type=WHEN.shown_type,
        cell=cell,
        fit=LATE,
    )


class Answer(msgspec.Struct, gc=False, kw_only=True):
    """The attempts of a group. What it is not grouped by is None, but for the failure.

    Of several results, ``result`` and ``why`` are those of the commonest failure.
    """

    hour: Annotated[
        str | None, _when("HOUR", "when the hour began, RFC 3339 in UTC", "hour_text")
    ] = None
    program: Annotated[
        str | None, Field("PROGRAM", 20, "pod, container, unit or file", fit=NAME)
    ] = None
    host: Annotated[
        str | None, Field("HOST", 16, "host it ran on, of a fleet", fit=HOST)
    ] = None
    container: Annotated[
        str | None, Field("CONTAINER", 16, "container it ran in", fit=fit.WORD)
    ] = None
    unit: Annotated[str | None, Field("UNIT", 20, "systemd unit", fit=fit.WORD)] = None
    pod: Annotated[str | None, Field("POD", 20, "namespace/name", fit=fit.WORD)] = None
    uid: Annotated[int | None, Field("UID", 6, "user ID", "d", fit=COUNT)] = None
    destination: Annotated[
        str | None,
        Field(
            *("DESTINATION", 28, "name, else address, or a network of many, or *"),
            fit=PLACE,
        ),
    ] = None
    dport: Annotated[
        int | None,
        Field("RPORT", 5, "destination port, 0: a failed lookup", "d", fit=COUNT),
    ] = None
    query: Annotated[
        str | None, Field("QUERY", 28, "name of the destination", fit=fit.TEXT)
    ] = None
    result: Annotated[
        str | None,
        Field(
            *("RESULT", 12, "the commonest failure, else how it ended"),
            tone=tones.of_result,
            fit=RESULT,
        ),
    ] = None
    why: Annotated[
        str | None,
        Field(
            *("WHY", 12, "why the commonest failure failed"),
            tone=tones.of_why,
            fit=WHY,
        ),
    ] = None
    attempts: Annotated[int, Field("ATTEMPTS", 8, "attempts", "d", fit=COUNT)]
    failed: Annotated[
        int,
        Field("FAILED", 8, "failed ones", "d", tone=tones.of_failed, fit=COUNT),
    ]
    latency_ms: Annotated[
        float | None,
        Field(
            *("LAT", 9, "mean latency of those that have one", ".3f"),
            tone=tones.of_latency,
            unit="ms",
            fit=LATENCY,
        ),
    ] = None
    latency_max_ms: Annotated[
        float | None,
        Field(
            *("MAX-LAT", 11, "largest latency", ".3f"),
            tone=tones.of_latency,
            unit="ms",
            fit=LONGEST,
        ),
    ] = None
    first: Annotated[
        str, _when("FIRST", "first minute (or hour) with one, RFC 3339", "first_text")
    ]
    last: Annotated[
        str, _when("LAST", "last minute (or hour) with one, RFC 3339", "last_text")
    ]
    hosts: Annotated[
        int | None, Field("HOSTS", 6, "hosts of a fleet that had it", "d", fit=COUNT)
    ] = None
    first_host: Annotated[
        str | None, Field("FIRST-HOST", 16, "the one that had it first", fit=fit.WORD)
    ] = None
    first_text: str
    last_text: str
    hour_text: str | None = None


ANSWER = columns_of(Answer)
OUTCOME = ("result", "why")
COUNTS = ("attempts", "failed", "latency_ms", "latency_max_ms")
# What outputs for machines have; a table has the result behind the counts.
TIMES = ("first", "last")

FLEET = ("hosts", "first_host")  # of pairs, in servers


class Alert(msgspec.Struct, gc=False, kw_only=True):
    """What an alert has said."""

    time: Annotated[str, _when("TIME", "when, RFC 3339 in UTC", "time_text")]
    kind: Annotated[
        str,
        Field(
            *("KIND", 7, "new, failing or solved"), tone=tones.of_alert, fit=fit.ALWAYS
        ),
    ]
    program: Annotated[str, Field("PROGRAM", 20, "program", fit=NAME)]
    destination: Annotated[str, Field("DESTINATION", 28, "destination", fit=PLACE)]
    dport: Annotated[int, Field("RPORT", 5, "destination port", "d", fit=COUNT)]
    text: Annotated[str, Field("TEXT", 40, "what it said", fit=Fit(1, 12, most=200))]
    time_text: str


ALERT = columns_of(Alert)


def alert_columns(form: str) -> list[str]:
    """Return the names of the columns of alerts: a sentence has all but the time."""
    return [*ALERT] if form != "table" else ["time", "kind", "text"]


# What a table has behind the groups, by what is asked: what the answer is about.
SHOWN = {
    "failing": ("attempts", "failed", *OUTCOME, "last"),
    "slow": ("attempts", "latency_ms", "latency_max_ms", "last"),
    "new": ("first", "attempts", "failed", "result"),
    "": (*COUNTS, *OUTCOME, "last"),
}


def columns_for(by: tuple[str, ...], form: str, kind: str = "") -> list[str]:
    """Return the names of the columns of an answer, without ``--columns``.

    ``kind`` is a key of SHOWN.
    """
    if form != "table":
        outcome = [name for name in OUTCOME if name not in by]
        return [*by, *outcome, *COUNTS, *TIMES]
    return [*by, *(name for name in SHOWN[kind] if name not in by)]


def answers(by: tuple[str, ...], rows: list[Any]) -> list[Answer]:
    """Return the rows of ``queries.counted`` as structs, their texts harmless.

    Raises ValueError and TypeError: anyone may have made a file.
    """
    return [_answer(dict(zip(by, row, strict=False)), *row[len(by) :]) for row in rows]


def _answer(
    group: dict[str, Any],
    result: str,
    why: str,
    attempts: int,
    failed: int,
    timed: int,
    spent_us: int,
    most_us: int,
    first: int,
    last: int,
) -> Answer:
    for name, value in group.items():
        group[name] = int(value) if name in {"uid", "dport"} else value
        if isinstance(value, str):
            group[name] = harmless(value) or None
    if "hour" in group:
        hour = int(group["hour"]) * NANO
        group |= {"hour": rfc3339(hour), "hour_text": local(hour)}
    began, ended = int(first) * NANO, int(last) * NANO
    return Answer(
        **{
            **group,
            "result": harmless(str(result)) or None,
            "why": harmless(str(why)) or None,
        },
        attempts=int(attempts),
        failed=int(failed),
        latency_ms=int(spent_us) // int(timed) / 1000 if timed else None,
        latency_max_ms=int(most_us) / 1000 if timed else None,
        first=rfc3339(began),
        last=rfc3339(ended),
        first_text=local(began),
        last_text=local(ended),
    )


def alerts(rows: list[Any]) -> list[Alert]:
    """Do the same with those of ``queries.alerts``."""
    return [
        Alert(
            time=rfc3339(int(when) * NANO),
            kind=harmless(str(kind)),
            program=harmless(str(program)),
            destination=harmless(str(destination)),
            dport=int(dport),
            text=harmless(str(line)),
            time_text=local(int(when) * NANO),
        )
        for when, kind, program, destination, dport, line in rows
    ]
