"""Numbers that C and Python both have must be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.kernel import config, filters, records
from tcpconnect.kernel.depth import Depth
from tests.support.header import header, number

if TYPE_CHECKING:
    from enum import IntFlag


def test_result_codes_are_those_of_c() -> None:
    """The results that are no errno have the values of enum result."""
    codes = header().enum("result").items()
    actual = {name.removeprefix("RESULT_"): code for name, code in codes}
    names = ("OK", "ENDED", "ABORTED", "PENDING", "UNKNOWN")
    assert actual == {name: getattr(records, name) for name in names}


@pytest.mark.parametrize(
    ("flags", "enum"),
    [
        (filters.TaskFilter, "task_filter"),
        (filters.AddressFilter, "address_filter"),
        (config.Detail, "detail"),
    ],
)
def test_flags_are_those_of_c(flags: type[IntFlag], enum: str) -> None:
    """Every filter, and every detail, has the bit that it has in its enum."""
    found = header().enum(enum).items()
    bits = {name.partition("_")[2]: bit for name, bit in found if bit.bit_count() == 1}
    assert {flag.name: flag.value for flag in flags} == bits


def test_depths_are_those_of_c() -> None:
    """How far a program looks has the values of enum depth."""
    values = header().enum("depth").items()
    depths = {name.removeprefix("DEPTH_"): value for name, value in values}
    assert {depth.name: depth.value for depth in Depth} == depths


def test_answers_of_programs_are_those_of_c() -> None:
    """What is returned of a namespace that is added to a set."""
    values = header().enum("namespace_known")
    assert len(values) == 3
    assert values == {name: getattr(records, name) for name in values}


def test_who_refuses_is_that_of_c() -> None:
    """Who refused an attempt."""
    values = header().enum("refused_by")
    assert len(values) == 4
    assert values == {name: getattr(records, name) for name in values}


def test_flags_of_processes_are_those_of_c() -> None:
    """Which parts of a process record are not whole, and what the arguments are."""
    flags = header().enum("process_flags")
    assert len(flags) == 6
    assert flags == {name: getattr(records, name) for name in flags}


def test_numbers_are_those_of_c() -> None:
    """How long the data of records is, and how many addresses a lookup has."""
    for name in ("LOOKUP_ADDRESSES", "CLAIM_BITS"):
        assert number(name) == getattr(records, name)
    assert number("ANSWER_SMALL") == records.SMALL_ANSWER_BYTES
    assert number("ANSWER_LARGE") == records.LARGE_ANSWER_BYTES


def test_every_port_has_a_bit() -> None:
    """The set of ports ends with port 65535."""
    assert config.Config.ports.size * 8 == 65536
