"""Evidence, and the word for it: the first that fits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect import why
from tcpconnect.kernel import records
from tcpconnect.why import BY_CGROUP, BY_KERNEL, BY_LSM, Evidence
from tests.support.properties import steady

OUTPUT = Path(__file__).parents[2] / "docs/output.md"
RECIPES = OUTPUT.with_name("recipes.md")

V4, V6 = "192.0.2.1", "2001:db8::1"
CASES = {
    Evidence("OK", V4): None,
    Evidence("PENDING", V4): None,
    Evidence(None, V4): None,
    # Refused before SYN_SENT.
    Evidence("EPERM", V4, BY_CGROUP): "policy",
    Evidence("EINVAL", V4, BY_CGROUP): "policy",
    Evidence("EACCES", V4, BY_LSM): "denied",
    Evidence("ENETUNREACH", V4, BY_KERNEL): "no route",
    Evidence("ENETUNREACH", V6, BY_KERNEL): "no route",
    Evidence("EHOSTUNREACH", V4, BY_KERNEL): "no route",
    Evidence("EACCES", V4, BY_KERNEL): "no route",  # prohibit
    Evidence("EINVAL", V4, BY_KERNEL): "no route",  # blackhole
    Evidence("EINVAL", "fe80::1", BY_KERNEL): "bad address",  # no scope
    Evidence("EINVAL", "febf::1", BY_KERNEL): "bad address",
    Evidence("EINVAL", "fec0::1", BY_KERNEL): "no route",
    Evidence("ENETUNREACH", "224.0.0.1", BY_KERNEL): "bad address",
    Evidence("ENETUNREACH", "239.255.255.255", BY_KERNEL): "bad address",
    Evidence("ENETUNREACH", "240.0.0.1", BY_KERNEL): "no route",
    Evidence("ENETUNREACH", "255.255.255.255", BY_KERNEL): "bad address",
    Evidence("ENETUNREACH", "ff02::1", BY_KERNEL): "bad address",
    Evidence("ENETUNREACH", "::ffff", BY_KERNEL): "no route",
    Evidence("EAFNOSUPPORT", V4, BY_KERNEL): "bad address",
    Evidence("EADDRNOTAVAIL", V4, BY_KERNEL): "no port",
    Evidence("EADDRNOTAVAIL", V4): "no port",
    # Answered.
    Evidence("ECONNREFUSED", V4, answered=True): "RST",
    Evidence("ECONNREFUSED", V4, answered=True, drop="NETFILTER_DROP"): "RST",
    Evidence("ECONNREFUSED", V4, answered=True, icmp=True): "RST",
    Evidence("ECONNREFUSED", V4, icmp=True): "ICMP",
    Evidence("ECONNREFUSED", V4): "ICMP",  # its queue was full, or IPv6
    Evidence("EHOSTUNREACH", V4, icmp=True, drop="NETFILTER_DROP"): "ICMP",
    Evidence("EACCES", V6): "ICMP",
    Evidence("ABORTED", V4, icmp=True): "ICMP",
    # Dropped on this machine.
    Evidence("ETIMEDOUT", V4, drop="NETFILTER_DROP"): "local firewall",
    Evidence("ABORTED", V4, drop="NETFILTER_DROP"): "local firewall",
    Evidence("ETIMEDOUT", V4, drop="IP_RPFILTER"): "dropped: IP_RPFILTER",
    Evidence("ETIMEDOUT", V4, drop="196609"): "dropped: 196609",
    # Nothing came.
    Evidence("ETIMEDOUT", V4): "no answer",
    Evidence("ETIMEDOUT", V4, answered=True): "no answer",
    Evidence("ABORTED", V4): "closed",
    Evidence("ABORTED", V4, answered=True): "closed",
    Evidence("ECONNABORTED", V4): "closed",  # ss -K
}


@pytest.mark.parametrize(("evidence", "word"), CASES.items())
def test_word(evidence: Evidence, word: str | None) -> None:
    """Each kind of evidence has its word."""
    assert why.why(evidence) == word


def test_cases_have_every_word() -> None:
    """No word goes without a case; a failed lookup has no evidence."""
    shown = {word.partition(":")[0] for word in CASES.values() if word}
    assert shown == {word for word, _ in why.WORDS}


def test_words_are_explained() -> None:
    """docs/output.md has a row for each word, and no others."""
    (section,) = re.findall(
        r"^## Why.*?\n(.*?)^## ", OUTPUT.read_text(), re.MULTILINE | re.DOTALL
    )
    rows = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert [row.partition(":")[0] for row in rows] == [
        why.LOOKUP,
        *(word for word, _ in why.WORDS),
    ]


def test_who_refuses_is_as_in_records() -> None:
    """The numbers are those of enum refused_by."""
    assert (why.BY_NOBODY, BY_CGROUP, BY_LSM, BY_KERNEL) == (
        records.REFUSED_BY_NOBODY,
        records.REFUSED_BY_CGROUP,
        records.REFUSED_BY_LSM,
        records.REFUSED_BY_KERNEL,
    )


ADDRESSES = st.ip_addresses().map(str)
RESULTS = st.sampled_from(["EINVAL", "ETIMEDOUT", "ABORTED", "errno 4000", "EPERM"])


@steady
@given(RESULTS, ADDRESSES, st.integers(0, 255), st.booleans(), st.booleans())
def test_every_failure_has_a_word(
    result: str,
    address: str,
    refused_by: int,
    answered: bool,  # noqa: FBT001
    icmp: bool,  # noqa: FBT001
) -> None:
    """Whatever comes, it is one of the list."""
    evidence = Evidence(result, address, refused_by, answered, icmp)
    assert why.why(evidence) in {word for word, _ in why.WORDS}


def test_recipes() -> None:
    """docs/recipes.md has a session for each word."""
    sessions = re.findall(r"^### ([^:]+):", RECIPES.read_text(), re.MULTILINE)
    assert {*sessions} - {"OK, but slow"} == {
        why.LOOKUP,
        *(word for word, _ in why.WORDS),
    }
