"""Shapes: names that differ only in digits or hex are one, and so are addresses."""

from __future__ import annotations

import re
from _socket import AF_INET6, inet_ntop, inet_pton  # socket takes milliseconds

from tcpconnect.alerts.alert import MAX_TEXT, Pair
from tcpconnect.memo import Memo

MAX_SHAPES = 4096  # that are kept
ANY = "#"

_WORD = re.compile(r"[0-9A-Za-z]+")
# A word of hex has a digit, or is longer than words of a language that look the same
# (cafe, decade, effaced). Short words with a number are that: db01, ec2.
_HEX = re.compile(
    r"(?![a-f]{1,4}[0-9]{1,2}$)(?=[a-f]*[0-9])[0-9a-f]{2,}|[0-9a-f]{8,}", re.IGNORECASE
)
_DIGITS = re.compile(r"[0-9]+")
_HEX_DIGITS = "0123456789abcdefABCDEF"
# What Kubernetes adds to the name of a workload: a hash of its template, and an ID.
_POD = re.compile(
    r"-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$"
)
# Words that may be hex, too, where there is hex already: shard-cafe, shard-ea0.
_MAYBE = re.compile(r"(?<=[-_])[a-f#]{2,8}(?![0-9A-Za-z#])", re.IGNORECASE)
_IPV4 = re.compile(r"(\d+\.\d+\.\d+)\.\d+")


def _shape_of_word(found: re.Match[str]) -> str:
    word = found[0]
    if _HEX.fullmatch(word):
        return ANY
    # Hex at its end begins with a digit: shard9f3c, but not the b of web01.
    begin = len(word.rstrip(_HEX_DIGITS))
    first = _DIGITS.search(word, begin)
    if first:
        word = word[: first.start()] + ANY
    return _DIGITS.sub(ANY, word)


def _shape(name: str) -> str:
    return _WORD.sub(_shape_of_word, name)


def _shape_of_program(name: str) -> str:
    return _shape(_POD.sub(f"-{ANY}-{ANY}", name))


def _shape_of_destination(name: str) -> str:
    if found := _IPV4.fullmatch(name):
        return f"{found[1]}.0/24"
    if "/" in name:  # a network, as it was folded
        return name
    return _network_of(name) if ":" in name else _shape(name)


def _network_of(address: str) -> str:
    """Return the network of an IPv6 address, as wide as what a site is given."""
    try:
        packed = inet_pton(AF_INET6, address.partition("%")[0])
    except OSError:  # a name with a colon, that somebody made
        return _shape(address)
    return f"{inet_ntop(AF_INET6, packed[:6] + bytes(10))}/48"


_PROGRAMS = Memo(_shape_of_program, MAX_SHAPES)
_DESTINATIONS = Memo(_shape_of_destination, MAX_SHAPES)


def shape_of(program: str, destination: str, dport: int) -> Pair:
    """Return what a pair is known as: ``ip-10-1-2-3`` is ``ip-#-#-#-#``.

    An address is its network (/24, /48), as there is no name of it.
    """
    known = _PROGRAMS[program[:MAX_TEXT]], _DESTINATIONS[destination[:MAX_TEXT]]
    return Pair(*known, dport)


def wider(pair: Pair) -> Pair:
    """Return a shape with words that may be hex as such: ``shard-cafe`` is ``shard-#``.

    It stands for the pair where it is known already.
    """
    return pair._replace(destination=_MAYBE.sub(ANY, pair.destination))
