"""anonymized(): the same findings without names of programs, hosts and destinations."""

from __future__ import annotations

import ipaddress
from itertools import count
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect.report.shown import host, port

if TYPE_CHECKING:
    from tcpconnect.report.findings import Findings, Pair, Said

EVERY = "*"  # what a program of too many destinations is folded into


class Words:
    """Gives each text a word, the same one for the same text."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._numbers = count(1)
        self._words: dict[str, str] = {}

    def of(self, text: str) -> str:
        """Return its word."""
        if text not in self._words:
            self._words[text] = f"{self._noun}-{next(self._numbers)}"
        return self._words[text]


class Destinations:
    """Does that for destinations: what they are stays."""

    def __init__(self) -> None:
        self._kinds = {noun: Words(noun) for noun in ("name", "address", "network")}

    def of(self, destination: str) -> str:
        """Return its word."""
        if destination == EVERY:
            return destination
        return self._kinds[kind_of(destination)].of(destination)


def kind_of(destination: str) -> str:
    """Return whether a destination is a name, an address or a network."""
    try:
        ipaddress.ip_network(destination)
    except ValueError:
        return "name"
    return "network" if "/" in destination else "address"


def anonymized(findings: Findings) -> Findings:
    """Return findings in which words stand for names; ports and results stay."""
    programs, destinations = Words("program"), Destinations()

    def without_names(pair: Pair) -> Pair:
        return replace(
            pair,
            program=programs.of(pair.program),
            destination=destinations.of(pair.destination),
        )

    def said_without_names(said: Said) -> Said:
        if not said.program:
            return replace(said, text="several destinations were new")
        program, destination = (
            programs.of(said.program),
            destinations.of(said.destination),
        )
        text = f"{program} to {host(destination, said.dport)}{port(said.dport)}"
        return replace(said, text=text, program=program, destination=destination)

    return replace(
        findings,
        host=Words("host").of(findings.host),
        filters="filters that are not named" if findings.filters else "",
        pairs=[without_names(pair) for pair in findings.pairs],
        alerts=[said_without_names(said) for said in findings.alerts],
    )
