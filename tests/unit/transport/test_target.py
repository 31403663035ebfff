"""Values of --notify."""

from __future__ import annotations

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.transport.target import Target, check_program, headers_from, target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exec:/bin/true", ("exec", "/bin/true", "", 0, False)),
        ("http://localhost:9093", ("http", "", "localhost", 9093, False)),
        ("https://am.example/prefix/", ("https", "/prefix", "am.example", 443, False)),
        ("http://am/x/api/v2/alerts", ("http", "/x", "am", 80, False)),
        ("http://am/v1/logs", ("http", "/v1/logs", "am", 80, False)),
        ("otlp+http://otel:4318/v1/logs/", ("http", "", "otel", 4318, True)),
        ("http://[::1]:80", ("http", "", "::1", 80, False)),
        ("otlp+http://localhost:4318", ("http", "", "localhost", 4318, True)),
        ("OTLP+HTTPS://otel.example", ("https", "", "otel.example", 443, True)),
    ],
)
def test_read(text: str, expected: tuple[object, ...]) -> None:
    """Programs and URLs."""
    assert target(text) == Target(text, *expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("/bin/true", "it names no kind of place"),
        ("", "it names no kind of place"),
        ("htp://localhost", "did you mean http or https"),
        ("exec:true", "the path of a program begins with /"),
        ("http:localhost", "it is no URL of a host"),
        ("http://", "it is no URL of a host"),
        ("http://a b", "it is no URL of a host"),
        ("http://a:0", "a port is a number from 1 to 65535"),
        ("http://a:65536", "a port is a number from 1 to 65535"),
        ("http://a/?b", "the path has ? or #"),
        ("http://\x1b[31m", "it is no URL of a host"),
        (f"http://{'a' * 3000}", "it is too long"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    """Each with its reason, and how to write it."""
    with pytest.raises(UsageError) as refused:
        target(text)
    assert refused.value.reason == reason
    assert refused.value.remedy.startswith("write exec:/PATH")


def test_credentials_are_not_repeated() -> None:
    """They would be in the journal, too."""
    with pytest.raises(UsageError) as refused:
        target("https://me:secret@am.example")
    assert "secret" not in refused.value.line
    assert "TCPCONNECT_NOTIFY_HEADERS" in refused.value.line
    for text in "htps://me:secret@am.example", "https://am/x?token=secret":
        with pytest.raises(UsageError) as refused:
            target(text)
        assert "secret" not in refused.value.line


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nope", "No such file or directory"),
        ("/etc/passwd", "it is not executable"),
        ("/etc", "it is no file"),
    ],
)
def test_programs(path: str, reason: str) -> None:
    """A program is there when it starts."""
    check_program("/bin/sh")
    with pytest.raises(UsageError, match=reason):
        check_program(path)


def test_headers() -> None:
    """As OpenTelemetry writes them."""
    assert headers_from("X", "Authorization=Bearer a=b, X-Scope=1,") == {
        "Authorization": "Bearer a=b",
        "X-Scope": "1",
    }


@pytest.mark.parametrize("text", ["secret", "a b=secret", "a=secret\r\nb: c", "=a"])
def test_invalid_headers(text: str) -> None:
    """Their values are not repeated."""
    with pytest.raises(UsageError) as refused:
        headers_from("VARIABLE", text)
    assert "secret" not in refused.value.line
    assert "VARIABLE" in refused.value.line
