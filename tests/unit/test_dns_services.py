"""DNS messages about services: SRV, HTTPS and SVCB."""

from __future__ import annotations

import pytest

from tcpconnect.enrich.dns import MAX_TARGETS, Answer, parse
from tests.support.dns_messages import (
    A_RECORD,
    ADDRESS,
    answer_to,
    message,
    service,
)
from tests.support.records import raw

SERVICE = "_ldap._tcp.corp.example"


def test_srv() -> None:
    """Additional records name the targets of services, whatever their case."""
    records = [f"0 5 389 {target}.corp.example." for target in ("dc1", "Dc2", "dc3")]
    data = answer_to(
        SERVICE,
        "SRV",
        (f"{SERVICE}.", "SRV", records),
        more=[
            ("dc1.corp.example.", "A", ["10.1.2.3"]),
            ("dc1.corp.example.", "AAAA", ["fd00::1"]),
            ("dc2.corp.example.", "A", ["10.1.2.4"]),
            ("evil.example.", "A", ["10.1.2.5"]),
        ],
    )
    targets = {
        "dc1.corp.example": [raw("10.1.2.3"), raw("fd00::1")],
        "Dc2.corp.example": [raw("10.1.2.4")],
    }
    assert parse(data) == Answer(SERVICE, [], targets)


def test_additional_records_of_others() -> None:
    """They name nothing where no service was asked for: of nameservers, for one."""
    more = [("ns.example.", "A", ["10.1.2.4"])]
    data = answer_to("www.example", "A", ("www.example.", "A", ["10.1.2.3"]), more=more)
    assert parse(data) == Answer("www.example", [ADDRESS], {})


HINTS = "ipv4hint=10.1.2.3,10.1.2.4 ipv6hint=fd00::1"
HINTED = [raw("10.1.2.3"), raw("10.1.2.4"), raw("fd00::1")]


@pytest.mark.parametrize("target", [".", "svc.example.net."])
def test_https(target: str) -> None:
    """Hints, and additional records of the target, have the name asked for."""
    record = f"1 {target} alpn=h2 {HINTS}"
    owner = "www.example." if target == "." else target
    data = answer_to(
        "www.example",
        "HTTPS",
        ("www.example.", "HTTPS", [record]),
        more=[("svc.example.net.", "A", ["10.1.2.5"])] if target != "." else [],
    )
    more = [] if owner == "www.example." else [raw("10.1.2.5")]
    assert parse(data) == Answer("www.example", HINTED + more, {})


def test_https_behind_an_alias() -> None:
    """An alias changes nothing, nor does a record that is one (RFC 9460, 2.4.2)."""
    data = answer_to(
        "www.example",
        "HTTPS",
        ("www.example.", "CNAME", ["cdn.example."]),
        ("cdn.example.", "HTTPS", ["0 edge.example."]),
        ("edge.example.", "HTTPS", [f"1 . {HINTS}"]),
    )
    assert parse(data) == Answer("www.example", HINTED, {})


@pytest.mark.parametrize(
    ("asked", "target", "shown"),
    [
        ("_dns.resolver.arpa", "dns.example.", "dns.example"),
        ("_8443._https.api.example", ".", "api.example"),
        ("_only", ".", "_only"),
    ],
)
def test_svcb(asked: str, target: str, shown: str) -> None:
    """For the name of a service, to which no program connects, it is the target's."""
    data = answer_to(asked, "SVCB", (f"{asked}.", "SVCB", [f"1 {target} {HINTS}"]))
    answer = parse(data)
    assert {answer.name: answer.addresses, **answer.targets} == {
        asked: [],
        shown: HINTED,
    }


@pytest.mark.parametrize("hint", [b"\0\4\0\3\x0a\1\2", b"\0\6\0\4\x0a\1\2\3"])
def test_hint_of_a_wrong_size(hint: bytes) -> None:
    """What is no list of addresses names nothing."""
    data = message(service(b"\0\1\0" + hint), A_RECORD)
    assert parse(data) == Answer("www.example", [ADDRESS], {})


def test_cut_additional_records() -> None:
    """What is cut behind the answers is not missed."""
    more = [("dc1.example.", "A", [address]) for address in ("10.1.2.3", "10.1.2.4")]
    records = [(f"{SERVICE}.", "SRV", ["0 5 389 dc1.example."])]
    data = answer_to(SERVICE, "SRV", *records, more=more)
    cut = data[: data.rindex(b"\x0a\1\2\4")]
    assert parse(cut) == Answer(SERVICE, [], {"dc1.example": [ADDRESS]})


def test_many_targets() -> None:
    """Of a hostile answer so many targets are read, and twice as many records more."""
    owners = [f"t{i}.example." for i in range(3 * MAX_TARGETS)]
    data = answer_to(
        SERVICE,
        "SRV",
        (f"{SERVICE}.", "SRV", [f"0 5 389 {owner}" for owner in owners]),
        more=[(owner, "A", ["10.1.2.3"]) for owner in owners],
    )
    assert len(parse(data).targets) <= MAX_TARGETS
