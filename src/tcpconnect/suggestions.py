"""What was probably meant by words that the command line does not take.

All functions return what to write instead, or "" if they have no idea. Words are
repeated only if they are short and plain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tcpconnect.arguments import MAX_COMM, TIME, network
from tcpconnect.errors import UsageError
from tcpconnect.options import OPTIONS
from tcpconnect.words import flags_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FLAGS = flags_of(OPTIONS)
PLAIN = re.compile(r"[\w./:,%*\[][\w./:,%*=@+\[\]-]{0,63}", re.ASCII)
NAME = re.compile(r"[a-z_][\w+-]*(\.[\w-]+)*", re.ASCII | re.IGNORECASE)
HOST_NAME = re.compile(r"([\w-]+\.)+[a-z][\w-]+\.?", re.ASCII | re.IGNORECASE)
WITH_PORT = re.compile(r"\[?(.+?)\]?:(\d{1,5})")
URL = re.compile(r"\w+://(?:[^@/]*@)?([^/?#]+).*")
WILD = re.compile(r"((?:\d{1,3}\.){1,3})(?:\*\.?)+")
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # that are typed for -
MOST_WORDS = 12
MAX_PORT = 65535
LONGEST_PLACE = 255
LISTS = frozenset({"pids", "ports", "not_ports", "uids"})
PLACES = ("--to", "--from")

OTHER_UNITS = {
    **dict.fromkeys(("u", "µ", "usec", "microsecond"), "us"),
    **dict.fromkeys(("msec", "milli", "millisecond"), "ms"),
    **dict.fromkeys(("sec", "second"), "s"),
    **dict.fromkeys(("min", "minute"), "m"),
    **dict.fromkeys(("hr", "hour"), "h"),
    "day": "d",
}

# What other tools call it. With "=" it has its value already.
OTHER_NAMES = {
    "-P": "dport dst-port dest-port destination-port remote-port rport ports",
    "--to": "host dst dest destination daddr net network remote-addr ip-address",
    "--from": "src source saddr local-addr src-host",
    "-p": "pids process-id",
    "-u": "user users username owner",
    "--comm": "name process program cmd command exe binary proc",
    "--container": "docker podman container-name",
    "--netns": "namespace ns network-namespace",
    "--duration": "timeout seconds runtime stop-after",
    "--limit": "max number max-count head lines",
    "-r": "latency status outcome",
    "--failed": "errors error fail failures failing only-failed",
    "--slower": "slow min-latency min-ms threshold min-duration",
    "--why": "reason explain cause",
    "-d": "resolve hostnames hostname names-of-destinations",
    "-o": "w out outfile file write",
    "-f": "children follow-forks ppid fork",
    "-4": "inet v4",
    "-6": "inet6 v6",
    "--version": "V",
    "--help-all": "usage man all",
    "--color never": "no-color no-colour nocolor",
    "--format csv": "csv",
    "--format": "output-format fmt",
    "--columns": "fields cols show column",
    "-v": "debug",
}
BY_OTHER_NAME = {
    name: flag for flag, names in OTHER_NAMES.items() for name in names.split()
}


def for_option(name: str, rest: Sequence[str] = ()) -> str:
    """Suggest an option for an unknown one, which may have a value behind it."""
    name, _, value = name.partition("=")
    bare = name.lstrip("-" + DASHES)
    values = [value] if value else list(rest[:1])
    exact = [flag for flag in (f"--{bare.lower()}", f"-{bare}") if flag in FLAGS]
    meant = FLAGS[exact[0]].flags[0] if exact else BY_OTHER_NAME.get(bare, "")
    place = for_place(values[0], meant) if values and meant in PLACES else ""
    return place or (_with_value(meant, values) if meant else "")


def for_words(words: Sequence[str]) -> str:
    """Suggest what to write for a word that is no option's value, and all behind it."""
    said = " ".join(words[:MOST_WORDS]).split()
    if not said:
        return ""
    name, _, value = said[0].partition("=")
    rules: list[Callable[[], str]] = [
        lambda: for_option(said[0], said[1:]) if said[0][0] in DASHES else "",
        lambda: _of_tcpdump(said),
        lambda: for_option(f"--{name}", [value] if value else said[1:]),
        lambda: _for_number(said[0]),
        lambda: for_place(said[0]),
        lambda: _for_program(said),
    ]
    return next(filter(None, (rule() for rule in rules)), "")


def for_value(flag: str, text: str) -> str:
    """Suggest what to write for a value that an option refuses."""
    short = not flag.startswith("--")
    if short and f"-{flag}{text}" in FLAGS:  # -pid for --pid
        return f"-{flag}{text}"
    if short and text.startswith("="):
        return _with_value(flag, [text[1:]])
    option = FLAGS.get(flag)  # none for one of a verb
    member = option.member if option else ""
    if option and option.value and option.value.metavar == TIME.metavar:
        return _for_time(text)
    if member in LISTS and re.search(r"[\s;]", text):
        return _with_value(flag, [",".join(re.findall(r"[^\s;,]+", text))])
    rules: dict[str, Callable[[], str]] = {
        "pids": lambda: for_name(text),
        **dict.fromkeys(("ports", "not_ports"), lambda: _for_port(flag, text)),
        **dict.fromkeys(("to", "not_to", "from_"), lambda: for_place(text, flag)),
    }
    return rules[member]() if member in rules else ""


def _for_time(text: str) -> str:
    """Suggest a time for ``5min``, ``1 hour`` or ``1:30``."""
    if found := re.fullmatch(r"(\d{1,3}):([0-5]\d)", text):
        return f"{found[1]}m{found[2]}s"
    if found := re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([a-zµ]+)", text.lower()):
        unit = found[2].removesuffix("s")
        return f"{found[1]}{OTHER_UNITS[unit]}" if unit in OTHER_UNITS else ""
    return ""


def for_name(text: str) -> str:
    """Suggest an option for what may be the name of a program."""
    return f"--comm {text}" if NAME.fullmatch(text) and len(text) <= MAX_COMM else ""


def for_place(text: str, flag: str = "--to") -> str:
    """Suggest options for an address, a network or a name, perhaps with a port."""
    if len(text) > LONGEST_PLACE:
        return ""
    if _is_network(text):
        return f"{flag} {text}"
    if url := URL.fullmatch(text):
        return for_place(url[1], flag)
    if (pair := WITH_PORT.fullmatch(text)) and (place := for_place(pair[1], flag)):
        return f"{place} -P {pair[2]}"
    if wild := WILD.fullmatch(text):
        octets = wild[1].split(".")[:-1]
        return f"{flag} {'.'.join([*octets, '0', '0', '0'][:4])}/{8 * len(octets)}"
    named = HOST_NAME.fullmatch(text) or text == "localhost"
    return _with_value("--to-name", [text]) if named and flag == "--to" else ""


def _with_value(flag: str, values: Sequence[str]) -> str:
    """Return an option with its value, if that is plain; "" if there is no such one."""
    option = FLAGS.get(flag.partition(" ")[0])
    if not option:
        return ""
    if not option.value or " " in flag:
        return flag
    plain = [value for value in values if PLAIN.fullmatch(value)]
    return f"{flag} {plain[0]}" if plain else f"{flag} {option.metavar}"


def _are_plain(words: Sequence[str]) -> bool:
    parts = (part.lstrip("-") for word in words for part in word.split())
    return all(not part or PLAIN.fullmatch(part) for part in parts)


def _is_network(text: str) -> bool:
    try:
        return bool(network(text))
    except UsageError:
        return False


def _for_number(text: str) -> str:
    if not re.fullmatch(r"\d{1,7}", text):
        return ""
    port = f"-P {text} (a port) or " if int(text) < 1 << 16 else ""
    return f"{port}-p {text} (a process)"


def _for_port(flag: str, text: str) -> str:
    """Suggest the port in ``443/tcp``, ``:443``, ``80:90`` or ``10.0.0.1:443``."""
    if found := re.fullmatch(r"(?:tcp[/:])?:?(\d{1,5})(?:/tcp)?", text, re.IGNORECASE):
        return f"{flag} {found[1]}" if int(found[1]) <= MAX_PORT else ""
    if found := re.fullmatch(r"(\d{1,5})(?::|\.\.|--)(\d{1,5})", text):
        return f"{flag} {found[1]}-{found[2]}"
    return for_place(text) if flag == "-P" and ":" in text else ""


def _for_program(words: Sequence[str]) -> str:
    """Suggest a command for what can be started: ``--`` stands before it."""
    from shutil import which

    name = words[0]
    if not (PLAIN.fullmatch(name) and which(name)):
        return ""
    if len(words) == 1 and "/" not in name:
        return f"-- {name} (to start it) or --comm {name} (to trace those that run)"
    return f"-- {' '.join(words)}" if _are_plain(words) else f"-- {name} ARGUMENT ..."


def _of_tcpdump(words: Sequence[str]) -> str:
    """Suggest options for an expression such as ``tcp and dst port 443``."""
    found: list[str] = []
    source = negated = False
    rest = list(words)
    while rest:
        word = rest.pop(0).lower()
        if word in {"src", "dst"}:
            source = word == "src"
        if word in {"not", "!"}:
            negated = True
        elif word in {"port", "portrange"} and rest and not source:
            found.append(f"{'--not-port' if negated else '-P'} {rest.pop(0)}")
            negated = False
        elif word in {"host", "net", "src", "dst"} and rest:
            if rest[0] in {"host", "net", "port", "portrange"}:
                continue
            flag = "--from" if source else "--not-to" if negated else "--to"
            found.append(for_place(rest.pop(0), flag))
            source = negated = False
        elif word not in {"tcp", "ip", "ip6", "and", "&&"}:
            return ""
    return " ".join(found) if all(found) and _are_plain(found) else ""
