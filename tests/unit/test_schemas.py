"""--format ocsf and ecs: each event is valid by the words of the schema itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from tcpconnect import lookup_words
from tcpconnect.connection import CONNECTION
from tcpconnect.conventions.shapes import CLASS, ECS, OCSF, SHAPES
from tcpconnect.formats import open_format
from tcpconnect.image import Image, Place
from tcpconnect.view import SHAPE
from tests.support.samples import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

PROFILES = SHAPES[OCSF].fixed["metadata.profiles"]
VERSION = SHAPES[OCSF].fixed["metadata.version"]
UUID = "7e2c0de8-95f1-4a8b-9d0e-1a2b3c4d5e6f"
POD = Place("/x", "web", "c0ffee" * 10, "containerd", "u", "shop/web-1", UUID)


def in_pod(exe: str, uid: str) -> Image:
    """Return what runs in a container of a pod."""
    return Image(exe, None, Place(container="web", pod_uid=uid))


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    """Return the schema of the class, of the version that events name."""
    every = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
    name = every.lookup_class_name_from_uid(class_uid=CLASS)
    return Draft202012Validator(
        every.get_class_schema(class_name=name, profiles=PROFILES)
    )


EVENTS = {
    "least": connection(),
    "connect": connection(
        image=Image("/usr/bin/curl", "curl x", POD),
        ppid=7,
        result="OK",
        latency_ms=1.5,
        lport=4000,
        dns_ms=0.5,
        query="a.example",
        query_source="getaddrinfo",
        asked="10.0.0.1",
        asked_port=80,
        cgroup_id=5,
        mntns=6,
    ),
    "IPv6": connection(ip=6, saddr="fe80::1%eth0", daddr="2001:db8::1"),
    "mapped": connection(daddr="::ffff:192.0.2.1"),
    "lookup": connection(
        ip=None, saddr=None, daddr=None, dport=None, query="db", result="NXDOMAIN"
    ),
    "static pod": connection(image=in_pod("/", "0a1b2c3d" * 4)),
    "podman": connection(image=in_pod("/usr/bin/x (deleted)", "ab" * 32)),
}
RESULTS = [
    "OK",
    "PENDING",
    "ECONNREFUSED",
    "EPERM",
    "ETIMEDOUT",
    *sorted(lookup_words.EVERY),
]
EVENTS |= {result: connection(result=result, why="RST") for result in RESULTS}


# Fields of ECS by their types, and words that it allows: generated/ecs_flat.js of npm's
# @elastic/ecs 8.11.5. A field that is not among these is to be looked up there.
TEXTS = """
    @timestamp container.id container.name container.runtime destination.domain
    destination.ip ecs.version error.code event.action event.kind event.module
    event.outcome event.reason network.transport network.type
    orchestrator.resource.id orchestrator.resource.name process.command_line
    process.executable process.thread.name service.name source.ip user.id
"""
NUMBERS = """
    destination.port event.duration process.parent.pid process.pid process.thread.id
    source.port
"""
ARRAYS = "event.category event.type"
ALLOWED = {
    "event.category": {"network"},
    # Those of this category.
    "event.type": set(
        "access allowed connection denied end info protocol start".split()
    ),
    "event.kind": {"alert", "event", "metric", "state", "signal"},
    "event.outcome": {"failure", "success", "unknown"},
}
TYPES: dict[str, type] = dict.fromkeys(TEXTS.split(), str) | dict.fromkeys(
    NUMBERS.split(), int
)
TYPES |= dict.fromkeys(ARRAYS.split(), list)


@pytest.mark.parametrize("name", EVENTS)
def test_ocsf(schema: Draft202012Validator, name: str) -> None:
    """With all columns, and with those that -d shows."""
    usual = [name for name, option in SHAPE.items() if option in {None, "dns"}]
    for columns in ([*CONNECTION], usual):
        shaped = open_format(OCSF, [CONNECTION[column] for column in columns])
        event = json.loads(shaped.rows([EVENTS[name]]))
        assert [error.message for error in schema.iter_errors(event)] == []


def test_files(schema: Draft202012Validator) -> None:
    """A file has its name; what is no UUID is not said to be one."""
    shaped = open_format(OCSF, [*CONNECTION.values()])
    process = json.loads(shaped.rows([EVENTS["podman"]]))["actor"]["process"]
    assert process["file"] == {
        "path": "/usr/bin/x (deleted)",
        "name": "x (deleted)",
        "type_id": 1,
    }
    assert process["container"] == {"name": "web"}
    assert not schema.is_valid({"time": 1})


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is in an object, by its path."""
    if not isinstance(value, dict):
        yield path, value
        return
    for name, inner in value.items():
        yield from fields(inner, f"{path}.{name}".lstrip("."))


@pytest.mark.parametrize("name", EVENTS)
def test_ecs(name: str) -> None:
    """Fields are those of ECS, or in an object of our own; so are types and words."""
    shaped = open_format(ECS, [*CONNECTION.values()])
    event = json.loads(shaped.rows([EVENTS[name]]))
    del event[SHAPES[ECS].others]
    for path, value in fields(event):
        assert isinstance(value, TYPES[path]), path
        words = value if isinstance(value, list) else [value]
        assert ALLOWED.get(path, set(words)).issuperset(words)
