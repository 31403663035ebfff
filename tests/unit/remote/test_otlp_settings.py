"""OTEL_EXPORTER_OTLP_*: what each does, and what is wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.remote.otlp import Otlp
from tcpconnect.remote.spool import METRICS, WINDOWS, Block
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.certificates import Pair, pair, server_context
from tests.support.servers import Server, raw_server, until_closed

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = 1_764_417_600
LOGS, POINTS = (Block(0, "0", kind, 1, 0, MINUTE) for kind in (WINDOWS, METRICS))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that of this machine."""
    for name in os.environ:
        if name.startswith("OTEL_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def server_pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return the certificate of a server."""
    return pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def client_pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return the certificate of a client."""
    return pair(tmp_path_factory.mktemp("tls"), "agent")


class Variables:
    """Sets variables, by their names without what they all begin with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __setitem__(self, name: str, value: object) -> None:
        self._monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", str(value))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Variables:
    """Return what sets variables."""
    return Variables(monkeypatch)


def opened(text: str) -> Otlp:
    """Return a place, which has read the environment."""
    made = Otlp(text)
    made.open()
    return made


def sent(text: str, block: Block = LOGS, server: Server | None = None) -> str:
    """Send something; return the path that the server was asked for."""
    place = opened(text)
    packed = place.losses({(MINUTE, "ring"): 1})
    assert place.deliver(block, packed.body) == 0
    return server.requests[-1].path if server else ""


def refused(text: str) -> str:
    """Return why a place can't be opened."""
    with pytest.raises(UsageError) as caught:
        opened(text)
    return str(caught.value)


def test_a_place_without_a_host(given: Variables) -> None:
    """It is where the endpoint says; paths are put behind it, but not of one signal."""
    with Server(text="{}") as server:
        url = f"http://127.0.0.1:{server.port}"
        given["ENDPOINT"] = f"{url}/mine/"
        place = "otlp+http://?metrics=yes"
        assert Otlp(place).name == f"otlp+http://127.0.0.1:{server.port}/mine"
        assert sent(place, LOGS, server) == "/mine/v1/logs"
        assert sent(place, POINTS, server) == "/mine/v1/metrics"
        given["METRICS_ENDPOINT"] = f"{url}/points"
        assert sent(place, POINTS, server) == "/points"
        assert sent(place, LOGS, server) == "/mine/v1/logs"
        given["LOGS_ENDPOINT"] = url
        assert sent(place, LOGS, server) == "/"


def test_a_place_with_a_host(given: Variables) -> None:
    """What is written wins; the whole URL of logs will do, too."""
    given["ENDPOINT"] = "http://127.0.0.1:1"
    given["LOGS_ENDPOINT"] = "http://127.0.0.1:1"
    with Server(text="{}") as server:
        place = f"otlp+http://127.0.0.1:{server.port}/x"
        assert sent(place, LOGS, server) == "/x/v1/logs"
        assert sent(f"{place}/v1/logs", LOGS, server) == "/x/v1/logs"
        assert sent(f"{place}?metrics=yes", POINTS, server) == "/x/v1/metrics"


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("", "otlp+http://localhost:4318"),
        ("http://h", "otlp+http://h:80"),
        ("https://h", "otlp+https://h:443"),
        ("https://[::1]:4318", "otlp+https://[::1]:4318"),
    ],
)
def test_endpoints(given: Variables, endpoint: str, name: str) -> None:
    """Ports are those of URLs; without any it is a collector of this machine."""
    given["ENDPOINT"] = endpoint
    assert Otlp("otlp+http://").name == name


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("collector:4317", "does not begin with http:// or https://"),
        ("http://me:pw@h", "credentials belong into OTEL_EXPORTER_OTLP_HEADERS"),
        ("http://", "it is no URL of a host"),
        ("http://h/?key=pw", "it is no URL of a host"),
        ("http://h", "not encrypted"),
    ],
)
def test_wrong_endpoints(given: Variables, endpoint: str, said: str) -> None:
    """They are refused, without what they may have of secrets."""
    given["LOGS_ENDPOINT"] = endpoint
    error = refused("otlp+https://")
    assert said in error
    assert "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" in error
    assert "pw" not in error


def test_of_a_signal(given: Variables) -> None:
    """Each signal has the headers of its own, else those of all."""
    given["HEADERS"] = "a=all"
    given["METRICS_HEADERS"] = "b=metrics"
    with Server(text="{}") as server:
        place = f"otlp+http://127.0.0.1:{server.port}?metrics=yes"
        sent(place, LOGS)
        sent(place, POINTS)
    logs, metrics = (request.headers for request in server.requests)
    assert (logs.get("a"), logs.get("b")) == ("all", None)
    assert (metrics.get("a"), metrics.get("b")) == (None, "metrics")


@pytest.mark.parametrize("name", ["", "gzip", "zstd", "none"])
def test_compression(given: Variables, name: str) -> None:
    """It is as asked for; what was spooled by a run before says what it is."""
    given["COMPRESSION"] = name
    with Server(text="{}") as server:
        place = opened(f"otlp+http://127.0.0.1:{server.port}")
        packed = place.losses({(MINUTE, "ring"): 1})
        given["COMPRESSION"] = "none"
        opened(f"otlp+http://127.0.0.1:{server.port}").deliver(LOGS, packed.body)
    (request,) = server.requests
    expected = {"": "gzip", "none": None}.get(name, name)
    assert request.headers.get("content-encoding") == expected
    assert "resourceLogs" in request.body


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("COMPRESSION", "gzp", "did you mean gzip?"),
        ("LOGS_TIMEOUT", "10s", "expected a number of milliseconds"),
        ("PROTOCOL", "grpc", "name a place that takes it: -o otlp+http://HOST:4318"),
        ("HEADERS", "a=x%0d%0aEvil: 1", "other characters than printable ASCII"),
    ],
)
def test_wrong_values(given: Variables, name: str, value: str, said: str) -> None:
    """A line names the variable."""
    given[name] = value
    error = refused("otlp+http://")
    assert said in error
    assert f"OTEL_EXPORTER_OTLP_{name}" in error


def test_protocol(given: Variables, capfd: pytest.CaptureFixture[str]) -> None:
    """Ours is JSON: where another one is asked for, a host says where to send it."""
    given["PROTOCOL"] = "http/protobuf"  # its servers take JSON at the same path
    opened("otlp+http://")
    given["PROTOCOL"] = "grpc"
    opened("otlp+http://h:4318?metrics=yes")
    Otlp("otlp+http://h:4318", quiet=True).open()
    given["PROTOCOL"] = ""
    given["METRICS_PROTOCOL"] = "grpc"
    opened("otlp+http://h:4318?metrics=yes")
    said = "tcpconnect: OTEL_EXPORTER_OTLP_{}PROTOCOL is 'grpc', but http/json is sent"
    assert capfd.readouterr().err.splitlines() == [
        said.format(""),
        said.format("METRICS_"),
    ]


def test_temporality(given: Variables, capfd: pytest.CaptureFixture[str]) -> None:
    """Totals are sent: where others are asked for, a notice says it, if any are."""
    place = "otlp+http://h:4318?metrics=yes"
    given["METRICS_TEMPORALITY_PREFERENCE"] = "Cumulative"
    opened(place)
    given["METRICS_TEMPORALITY_PREFERENCE"] = "delta"
    opened("otlp+http://h:4318")
    Otlp(place, quiet=True).open()
    assert not capfd.readouterr().err
    opened(place)
    assert capfd.readouterr().err == (
        "tcpconnect: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is 'delta', "
        "but totals (cumulative) are sent\n"
    )


def test_timeout(given: Variables) -> None:
    """A request may take as long as it says."""
    given["TIMEOUT"] = "50"
    with (
        raw_server(until_closed) as port,
        pytest.raises(UndeliveredError, match="in time"),
    ):
        sent(f"otlp+http://127.0.0.1:{port}")


def test_certificates(given: Variables, server_pair: Pair, client_pair: Pair) -> None:
    """A server is known by the one file, and knows us by the two others."""
    with Server(text="{}", tls=server_context(server_pair, client_pair)) as server:
        place = f"otlp+https://127.0.0.1:{server.port}"
        with pytest.raises(UndeliveredError, match="TLS: self"):
            sent(place)
        given["CERTIFICATE"] = server_pair.certificate
        with pytest.raises(UndeliveredError):
            sent(place)
        given["CLIENT_CERTIFICATE"] = client_pair.certificate
        given["CLIENT_KEY"] = client_pair.key
        assert sent(place, LOGS, server) == "/v1/logs"


def test_wrong_certificates(
    given: Variables, server_pair: Pair, client_pair: Pair, tmp_path: Path
) -> None:
    """A line says which file, and what is wrong with it; nobody is asked anything."""
    place = "otlp+https://h"
    given["CLIENT_KEY"] = client_pair.key
    assert "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" in refused(place)
    given["CLIENT_CERTIFICATE"] = server_pair.certificate
    assert "it is not the key of the certificate" in refused(place)
    locked = tmp_path / "locked.key"
    words = ("ec", "-aes256", "-passout", "pass:x", "-in", client_pair.key)
    subprocess.run(["openssl", *words, "-out", locked], check=True, capture_output=True)
    given["CLIENT_KEY"] = locked
    given["CLIENT_CERTIFICATE"] = client_pair.certificate
    assert "the key has a passphrase" in refused(place)
    given["CERTIFICATE"] = tmp_path / "nope"
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE names: No such file" in refused(place)
    given["CERTIFICATE"] = __file__
    assert "it has no certificate in PEM" in refused(place)
    opened("otlp+http://h")  # of what is not encrypted nobody needs any


def test_metrics_of_a_run_before() -> None:
    """They are not sent where they are not asked for any more."""
    assert opened("otlp+http://127.0.0.1:1").deliver(POINTS, b"{}") == 0


def test_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SERVICE_NAME comes before OTEL_RESOURCE_ATTRIBUTES."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,x=b%2Cc, y = d ,z")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "e")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    packed = opened("otlp+http://h").losses({(MINUTE, "ring"): 1})
    (found,) = json.loads(packed.body)["resourceLogs"]
    names = {
        each["key"]: each["value"]["stringValue"]
        for each in found["resource"]["attributes"]
    }
    expected = {"service.name": "e", "x": "b,c", "y": "d"}
    assert expected.items() <= names.items()
    assert "z" not in names
