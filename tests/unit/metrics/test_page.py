"""The page of metrics."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tcpconnect.errors import UsageError
from tcpconnect.metrics.facts import Facts
from tcpconnect.metrics.ledger import Ledger
from tcpconnect.metrics.page import page_maker
from tests.support.folding import attempt

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

NAMES = ['a"b\\c', "\\", "x}y{", "name=\\n", "ünïcödé", "", 'a",le="1']


def facts() -> Facts:
    """Return that nothing was lost."""
    return Facts({"ring": 0}, {'"file"\\': 2}, pending=3)


def sampled(text: bytes) -> list[Sample]:
    """Return the samples of a page."""
    families = text_string_to_metric_families(text.decode())
    return [sample for family in families for sample in family.samples]


def test_hostile_names() -> None:
    """Whatever a program or a destination is called, its series is what it is."""
    ledger = Ledger()
    ledger.add([attempt(comm=n, query=f"{n}.x", dport=1) for n in NAMES], 0)
    make = page_maker(ledger.page, facts)
    make()
    found = sampled(make())
    attempts = [s.labels for s in found if s.name == "tcpconnect_attempts_total"]
    assert sorted(labels["server_address"] for labels in attempts) == sorted(
        f"{name}.x" for name in NAMES
    )
    (dropped,) = [s for s in found if s.name == "tcpconnect_place_dropped_total"]
    assert (dropped.labels, dropped.value) == ({"place": '"file"\\'}, 2)


def test_what_is_not_known_is_not_there() -> None:
    """A number that nobody reads is no 0."""
    found = {sample.name for sample in sampled(page_maker(Ledger().page, facts)())}
    assert "tcpconnect_pending" in found
    assert "tcpconnect_bpf_run_seconds_total" not in found
    assert "tcpconnect_failing_destinations" not in found


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says how to get it."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageError) as raised:
        page_maker(Ledger().page, facts)
    assert raised.value.line.endswith("-m pip install prometheus-client")
