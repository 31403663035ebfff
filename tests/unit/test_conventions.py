"""--format ecs and ocsf, and docs/fields.md."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from share import outcomes
from share.fields import DOCUMENT, page
from tcpconnect import cli, lookup_words, results
from tcpconnect.connection import CONNECTION, MEMBERS, Connection
from tcpconnect.conventions.names import NAMES
from tcpconnect.conventions.shapes import SHAPES, paths
from tcpconnect.formats import SHAPED, open_format
from tcpconnect.remote.attributes import of_place
from tcpconnect.remote.otlp_records import Singles
from tests.support.faketrace import FakeTrace, run
from tests.support.samples import connection, whole

if TYPE_CHECKING:
    from pathlib import Path

    from tcpconnect.fields import Column

COLUMNS = [*CONNECTION.values()]


def shaped(schema: str, event: Connection, columns: list[Column]) -> dict[str, Any]:
    """Return the object of an event."""
    line: dict[str, Any] = json.loads(open_format(schema, columns).rows([event]))
    return line


def at(found: dict[str, Any], path: str) -> Any:
    """Return what is at a path."""
    value: Any = found
    for name in path.split("."):
        value = value[name]
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """Return an object and all that are in it."""
    if not isinstance(value, dict):
        return []
    return [value, *(each for inner in value.values() for each in objects(inner))]


def test_document_is_made() -> None:
    """The document is what ``make docs`` makes."""
    assert DOCUMENT.read_text() == page()


def test_results_are_there_once() -> None:
    """Each word of a lookup is in one row, and what rows name is a result."""
    found = [row[1:] for row in outcomes.rows()]
    connects, lookups = (
        [word.strip("`") for row in found for word in row[n].split(", ") if word]
        for n in (0, 1)
    )
    assert sorted(lookups) == sorted(lookup_words.EVERY)
    connects.remove(outcomes.ANY_ERRNO)
    assert len(set(connects)) == len(connects)
    assert [results.result(word) for word in connects] == connects


def test_names_are_of_columns() -> None:
    """The table has no column that is not there."""
    assert NAMES.keys() <= CONNECTION.keys()


def test_a_collector_gets_the_same_names() -> None:
    """Attributes of OTLP are those of the table, or have our name before them."""
    event = whole(Connection)
    pieces = [Singles().record(event), *of_place(event.image.place)]
    sent = re.findall('"key":"([^"]*)"', " ".join(pieces))
    known = {word for names in NAMES.values() for word in names.otel.split()}
    assert {x for x in sent if not x.startswith("tcpconnect.")} <= known


@pytest.mark.parametrize("schema", SHAPED)
def test_every_column(schema: str) -> None:
    """Each has a place; no two have the same, and none that of a fixed value."""
    where, shape = paths(schema), SHAPES[schema]
    places = [*where.values(), *shape.fixed, *shape.derived]
    assert len(places) == len(set(places))
    found = shaped(schema, whole(Connection), COLUMNS)
    for name in CONNECTION:
        assert at(found, where.get(name, f"{shape.others}.{name}")) is not None
    for path, value in shape.fixed.items():
        assert at(found, path) == value


@pytest.mark.parametrize("schema", SHAPED)
def test_what_is_not_known(schema: str) -> None:
    """It is left out, and so is an object that would be empty."""
    found = shaped(schema, connection(), COLUMNS)
    assert all(objects(found))
    assert None not in [x for each in objects(found) for x in each.values()]


def test_ecs() -> None:
    """A document as Elastic wants it."""
    event = connection(
        result="ECONNREFUSED", latency_ms=0.25, query="example.com", exe="/bin/curl"
    )
    names = "time uid pid comm ip daddr dport result latency_ms query exe netns"
    found = shaped("ecs", event, [CONNECTION[name] for name in names.split()])
    assert found == {
        "@timestamp": "2023-11-14T22:13:20.123456789Z",
        "ecs": {"version": "8.11.0"},
        "event": {
            "kind": "event",
            "module": "tcpconnect",
            "category": ["network"],
            "type": ["connection", "denied"],
            "outcome": "failure",
            "duration": 250_000,
        },
        "error": {"code": "ECONNREFUSED"},
        "network": {"transport": "tcp", "type": "ipv4"},
        "destination": {"ip": "54.245.105.25", "port": 80, "domain": "example.com"},
        "process": {
            "pid": 1469,
            "executable": "/bin/curl",
            "thread": {"name": "curl"},
        },
        "user": {"id": "1000"},
        "tcpconnect": {"netns": 4026531840},
    }


@pytest.mark.parametrize(
    ("result", "outcome", "activity", "status"),
    [
        ("OK", "success", 1, 1),
        ("ECONNREFUSED", "failure", 5, 2),
        ("EPERM", "failure", 5, 2),
        ("ETIMEDOUT", "failure", 4, 2),
        ("NXDOMAIN", "failure", 4, 2),
        ("ABORTED", "failure", 4, 2),
        ("PENDING", "unknown", 0, 0),
        (None, "unknown", 0, 0),
    ],
)
def test_results(result: str | None, outcome: str, activity: int, status: int) -> None:
    """Open, Fail and Refuse; what has not ended, or was not seen to, is unknown."""
    event = connection(result=result)
    ecs, ocsf = (shaped(schema, event, COLUMNS) for schema in SHAPED)
    assert ecs["event"]["outcome"] == outcome
    failed = outcome == "failure"
    assert ecs.get("error") == ({"code": result} if failed else None)
    assert (ocsf["activity_id"], ocsf["status_id"]) == (activity, status)
    assert (ocsf["class_uid"], ocsf["type_uid"]) == (4001, 400100 + activity)


def test_results_are_looked_for(
    trace: FakeTrace,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without -r, too; -d and --columns choose more."""
    monkeypatch.setattr("tcpconnect.commands.replay.keep_only", trace.keep_only)
    trace.script = [[connection(result="OK", latency_ms=1.5, query="a.example")]]
    (line,), _ = run(capfd, "--format ecs")
    assert trace.settings.with_result
    assert "domain" not in json.loads(line)["destination"]
    (line,), _ = run(capfd, "--format ocsf -d")
    assert json.loads(line)["dst_endpoint"]["hostname"] == "a.example"
    recording = tmp_path / "x.jsonl"
    run(capfd, f"-r -o {recording}")
    (replayed,), _ = run(capfd, f"replay --format ocsf -d {recording}")
    assert json.loads(replayed) == json.loads(line)
    assert set(MEMBERS) >= NAMES.keys()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-c --format ecs", "--format ecs conflicts with -c"),
        ("-j --format ocsf", "-j conflicts with --format ocsf"),
        ("history --format ecs", "history takes no --format ecs"),
        ("--format ocfs", "did you mean ocsf?"),
    ],
)
def test_wrong_words(capfd: pytest.CaptureFixture[str], words: str, line: str) -> None:
    """They are refused."""
    assert cli.main(words.split()) == 2
    assert line in capfd.readouterr().err
